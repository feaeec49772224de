//! How colours are seen, to hold the palettes to what they promise: contrast
//! (WCAG 2.1), difference (CIE76 in CIELAB), and the colours that remain in the
//! three kinds of dichromacy (Machado, Oliveira and Fernandes 2009, severity 1).

type Rgb = (u8, u8, u8);

/// Of protanopes, deuteranopes and tritanopes, in linear RGB.
#[rustfmt::skip]
const REMAINS: [[[f64; 3]; 3]; 3] = [
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
];

/// sRGB to linear light, each 0 to 1.
fn linear((r, g, b): Rgb) -> [f64; 3] {
    [r, g, b].map(|channel| {
        let share = f64::from(channel) / 255.0;
        match share <= 0.04045 {
            true => share / 12.92,
            false => ((share + 0.055) / 1.055).powf(2.4),
        }
    })
}

/// Relative luminance, 0 to 1.
pub fn luminance(rgb: Rgb) -> f64 {
    let [r, g, b] = linear(rgb);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// From 1 (none) to 21 (black on white).
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// What eyes of one of three kinds see of a colour, in linear light.
pub fn seen_by(rgb: Rgb, eyes: usize) -> [f64; 3] {
    let light = linear(rgb);
    REMAINS[eyes].map(|row| {
        let sum: f64 = row
            .iter()
            .zip(light)
            .map(|(share, light)| share * light)
            .sum();
        sum.clamp(0.0, 1.0)
    })
}

/// The distance of two colours in CIELAB (D65); 2.3 is just noticeable.
pub fn difference(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (lab(a), lab(b));
    let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}

fn lab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883;
    let [x, y, z] = [x, y, z].map(|t| match t > 0.008856 {
        true => t.cbrt(),
        false => 7.787 * t + 16.0 / 116.0,
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// What a number of the 256-colour palette stands for, beyond the first sixteen.
pub fn of_cube(index: u8) -> Rgb {
    let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    match index {
        0..=15 => (0, 0, 0),
        16..=231 => {
            let n = index - 16;
            (step(n / 36), step(n / 6 % 6), step(n % 6))
        }
        _ => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

#[test]
fn the_measures_are_the_standards_own() {
    assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 1e-9);
    // #777 on white, the usual example: 4.48.
    assert!((contrast((0x77, 0x77, 0x77), (255, 255, 255)) - 4.48).abs() < 0.005);
    // Red and green of one brightness part ways for us, hardly for a deuteranope.
    let (red, green) = ((200, 80, 60), (110, 130, 60));
    let ours = difference(linear(red), linear(green));
    let theirs = difference(seen_by(red, 1), seen_by(green, 1));
    assert!(ours > 60.0 && theirs < 20.0, "{ours} {theirs}");
}

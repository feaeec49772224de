//! How ggml keeps numbers: plain, or in blocks of 32 or 256 with scales of their own.
//!
//! The layouts and the order of operations are ggml's (`ggml-common.h`,
//! `ggml-quants.c`), so that what comes out is llama.cpp's to the bit.

use half::{bf16, f16};

/// Numbers in a block of the K kinds.
const K: usize = 256;

/// A tensor's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    /// One that cannot be read here, by ggml's number.
    Other(u32),
}

impl Kind {
    /// By ggml's number.
    pub fn of(number: u32) -> Kind {
        match number {
            0 => Kind::F32,
            1 => Kind::F16,
            2 => Kind::Q4_0,
            3 => Kind::Q4_1,
            6 => Kind::Q5_0,
            7 => Kind::Q5_1,
            8 => Kind::Q8_0,
            10 => Kind::Q2K,
            11 => Kind::Q3K,
            12 => Kind::Q4K,
            13 => Kind::Q5K,
            14 => Kind::Q6K,
            30 => Kind::BF16,
            other => Kind::Other(other),
        }
    }

    /// ggml's name.
    pub fn name(self) -> String {
        let name = match self {
            Kind::F32 => "F32",
            Kind::F16 => "F16",
            Kind::BF16 => "BF16",
            Kind::Q4_0 => "Q4_0",
            Kind::Q4_1 => "Q4_1",
            Kind::Q5_0 => "Q5_0",
            Kind::Q5_1 => "Q5_1",
            Kind::Q8_0 => "Q8_0",
            Kind::Q2K => "Q2_K",
            Kind::Q3K => "Q3_K",
            Kind::Q4K => "Q4_K",
            Kind::Q5K => "Q5_K",
            Kind::Q6K => "Q6_K",
            Kind::Other(9) => "Q8_1",
            Kind::Other(15) => "Q8_K",
            Kind::Other(16) => "IQ2_XXS",
            Kind::Other(17) => "IQ2_XS",
            Kind::Other(18) => "IQ3_XXS",
            Kind::Other(19) => "IQ1_S",
            Kind::Other(20) => "IQ4_NL",
            Kind::Other(21) => "IQ3_S",
            Kind::Other(22) => "IQ2_S",
            Kind::Other(23) => "IQ4_XS",
            Kind::Other(24) => "I8",
            Kind::Other(25) => "I16",
            Kind::Other(26) => "I32",
            Kind::Other(27) => "I64",
            Kind::Other(28) => "F64",
            Kind::Other(29) => "IQ1_M",
            Kind::Other(34) => "TQ1_0",
            Kind::Other(35) => "TQ2_0",
            Kind::Other(39) => "MXFP4",
            Kind::Other(40) => "NVFP4",
            Kind::Other(other) => return format!("kind {other}"),
        };
        name.into()
    }

    /// Whether it can be read here.
    pub fn is_readable(self) -> bool {
        !matches!(self, Kind::Other(_))
    }

    /// Whole numbers and doubles: no weights are kept so.
    pub fn is_beside_weights(self) -> bool {
        matches!(self, Kind::Other(24..=28))
    }

    /// Numbers in a block, and its bytes. Of a kind that cannot be read: (1, 0).
    pub fn block(self) -> (usize, usize) {
        match self {
            Kind::F32 => (1, 4),
            Kind::F16 | Kind::BF16 => (1, 2),
            Kind::Q4_0 => (32, 18),
            Kind::Q4_1 => (32, 20),
            Kind::Q5_0 => (32, 22),
            Kind::Q5_1 => (32, 24),
            Kind::Q8_0 => (32, 34),
            Kind::Q2K => (K, 84),
            Kind::Q3K => (K, 110),
            Kind::Q4K => (K, 144),
            Kind::Q5K => (K, 176),
            Kind::Q6K => (K, 210),
            Kind::Other(_) => (1, 0),
        }
    }

    /// Whole blocks in `bytes` as the f32 they stand for. `to` has as many numbers as
    /// those blocks.
    pub fn dequantise(self, bytes: &[u8], to: &mut [f32]) {
        let (numbers, size) = self.block();
        let block: fn(&[u8], &mut [f32]) = match self {
            Kind::F32 => |b, y| y[0] = f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            Kind::F16 => |b, y| y[0] = half(b, 0),
            Kind::BF16 => |b, y| y[0] = bf16::from_le_bytes([b[0], b[1]]).to_f32(),
            Kind::Q4_0 => |b, y| fours(&b[2..], y, |q| half(b, 0) * (q as f32 - 8.0)),
            Kind::Q4_1 => |b, y| fours(&b[4..], y, |q| half(b, 0) * q as f32 + half(b, 2)),
            Kind::Q5_0 => |b, y| fives(&b[2..], y, |q| (q as f32 - 16.0) * half(b, 0)),
            Kind::Q5_1 => |b, y| fives(&b[4..], y, |q| q as f32 * half(b, 0) + half(b, 2)),
            Kind::Q8_0 => |b, y| {
                let d = half(b, 0);
                y.iter_mut()
                    .zip(&b[2..])
                    .for_each(|(y, &q)| *y = q as i8 as f32 * d);
            },
            Kind::Q2K => q2_k,
            Kind::Q3K => q3_k,
            Kind::Q4K => |b, y| q45_k(&b[..16], &[0; 32], &b[16..], y),
            Kind::Q5K => |b, y| q45_k(&b[..16], &b[16..48], &b[48..], y),
            Kind::Q6K => q6_k,
            Kind::Other(_) => |_, _| {},
        };
        bytes
            .chunks_exact(size.max(1))
            .zip(to.chunks_exact_mut(numbers))
            .for_each(|(bytes, to)| block(bytes, to));
    }
}

fn half(b: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([b[at], b[at + 1]]).to_f32()
}

/// 32 numbers of four bits: the low halves of 16 bytes, then the high ones.
fn fours(qs: &[u8], y: &mut [f32], number: impl Fn(u8) -> f32) {
    for (j, &q) in qs[..16].iter().enumerate() {
        y[j] = number(q & 0xF);
        y[j + 16] = number(q >> 4);
    }
}

/// The same with a fifth bit each, which stand before them.
fn fives(bits: &[u8], y: &mut [f32], number: impl Fn(u8) -> f32) {
    let high = u32::from_le_bytes([bits[0], bits[1], bits[2], bits[3]]);
    let fifth = |j: usize| ((high >> j) as u8 & 1) << 4;
    for (j, &q) in bits[4..20].iter().enumerate() {
        y[j] = number(q & 0xF | fifth(j));
        y[j + 16] = number(q >> 4 | fifth(j + 16));
    }
}

/// 16 scales (four bits, and four of a minimum), 64 bytes of two bits, d, dmin.
fn q2_k(b: &[u8], y: &mut [f32]) {
    let (scales, qs) = (&b[..16], &b[16..80]);
    let (d, min) = (half(b, 80), half(b, 82));
    // Sixteen numbers a scale: half of 32 bytes, two bits of each.
    for (is, y) in y.chunks_exact_mut(16).enumerate() {
        let (dl, ml) = (
            d * (scales[is] & 0xF) as f32,
            min * (scales[is] >> 4) as f32,
        );
        let q = &qs[is / 8 * 32 + is % 2 * 16..][..16];
        let shift = is % 8 / 2 * 2;
        y.iter_mut()
            .zip(q)
            .for_each(|(y, q)| *y = dl * ((q >> shift) & 3) as f32 - ml);
    }
}

/// 32 bytes of third bits, 64 bytes of two bits, 16 scales of six bits, d.
fn q3_k(b: &[u8], y: &mut [f32]) {
    let (high, qs, packed, d) = (&b[..32], &b[32..96], &b[96..108], half(b, 108));
    let scale = |is: usize| {
        let low = if is < 8 {
            packed[is] & 0xF
        } else {
            packed[is - 8] >> 4
        };
        let top = (packed[8 + is % 4] >> (is / 4 * 2)) & 3;
        (low | top << 4) as f32 - 32.0
    };
    for (is, y) in y.chunks_exact_mut(16).enumerate() {
        let dl = d * scale(is);
        let half = is % 2 * 16;
        let (q, high) = (&qs[is / 8 * 32 + half..][..16], &high[half..][..16]);
        let (shift, bit) = (is % 8 / 2 * 2, is / 2);
        for ((y, q), h) in y.iter_mut().zip(q).zip(high) {
            let third = if (h >> bit) & 1 == 1 { 0.0 } else { 4.0 };
            *y = dl * (((q >> shift) & 3) as f32 - third);
        }
    }
}

/// d, dmin, eight scales and minima of six bits in 12 bytes; fifth bits (none: zeros)
/// and 128 bytes of four bits.
fn q45_k(head: &[u8], fifths: &[u8], qs: &[u8], y: &mut [f32]) {
    let (d, min, packed) = (half(head, 0), half(head, 2), &head[4..16]);
    let scale = |j: usize| match j {
        0..4 => (packed[j] & 63, packed[j + 4] & 63),
        _ => (
            packed[j + 4] & 0xF | (packed[j - 4] >> 6) << 4,
            packed[j + 4] >> 4 | (packed[j] >> 6) << 4,
        ),
    };
    for (is, y) in y.chunks_exact_mut(32).enumerate() {
        let (s, m) = scale(is);
        let (d, m) = (d * s as f32, min * m as f32);
        let q = &qs[is / 2 * 32..][..32];
        let shift = is % 2 * 4;
        for ((y, q), fifth) in y.iter_mut().zip(q).zip(fifths) {
            let fifth = (fifth >> is & 1) << 4;
            *y = d * ((q >> shift & 0xF) + fifth) as f32 - m;
        }
    }
}

/// 128 bytes of four bits, 64 of two more, 16 scales of eight bits, d.
fn q6_k(b: &[u8], y: &mut [f32]) {
    let (low, high, scales, d) = (&b[..128], &b[128..192], &b[192..208], half(b, 208));
    for (n, y) in y.chunks_exact_mut(128).enumerate() {
        let (low, high, scales) = (&low[n * 64..], &high[n * 32..], &scales[n * 8..]);
        for (i, y) in y.iter_mut().enumerate() {
            let (part, l) = (i / 32, i % 32);
            let four = low[l + part % 2 * 32] >> (part / 2 * 4) & 0xF;
            let two = (high[l] >> (part * 2) & 3) << 4;
            let scale = scales[part * 2 + l / 16] as i8 as f32;
            *y = d * scale * ((four | two) as f32 - 32.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::quantized::{GgmlDType, QTensor};
    use candle_core::{Device, Tensor};

    /// candle has the same kinds from the same source, written by others.
    #[test]
    fn every_kind_is_read_as_candle_reads_it() {
        let kinds = [
            (0, GgmlDType::F32),
            (1, GgmlDType::F16),
            (30, GgmlDType::BF16),
            (2, GgmlDType::Q4_0),
            (3, GgmlDType::Q4_1),
            (6, GgmlDType::Q5_0),
            (7, GgmlDType::Q5_1),
            (8, GgmlDType::Q8_0),
            (10, GgmlDType::Q2K),
            (11, GgmlDType::Q3K),
            (12, GgmlDType::Q4K),
            (13, GgmlDType::Q5K),
            (14, GgmlDType::Q6K),
        ];
        let values: Vec<f32> = (0..2048)
            .map(|i| (i as f32 * 0.37).sin() * (i as f32))
            .collect();
        let values = Tensor::from_vec(values, (8, 256), &Device::Cpu).unwrap();
        for (number, dtype) in kinds {
            let kind = Kind::of(number);
            let quantised = QTensor::quantize(&values, dtype).unwrap();
            let bytes = quantised.data().unwrap();
            let (numbers, size) = kind.block();
            assert_eq!(bytes.len(), 2048 / numbers * size, "{kind:?}");
            let mut ours = vec![f32::NAN; 2048];
            kind.dequantise(&bytes, &mut ours);
            let theirs = quantised.dequantize(&Device::Cpu).unwrap();
            let theirs: Vec<f32> = theirs.flatten_all().unwrap().to_vec1().unwrap();
            assert_eq!(ours, theirs, "{kind:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_has_a_name() {
        assert_eq!(Kind::of(23).name(), "IQ4_XS");
        assert_eq!(Kind::of(99).name(), "kind 99");
        assert!(!Kind::of(39).is_readable() && !Kind::of(39).is_beside_weights());
        assert!(Kind::of(28).is_beside_weights());
    }
}

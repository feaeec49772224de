//! Which layers a module restoration covers (ALGORITHMS §1.4).

use std::ops::Range;

/// The published width, for models of 24 layers and more.
const PUBLISHED: usize = 10;
const PUBLISHED_LAYERS: usize = 48;

/// The width for a model of `layers`: 10 from 24 layers on; below, in
/// proportion to the 48 layers it was chosen for, because a window as wide as
/// the model locates nothing.
pub fn default_width(layers: usize) -> usize {
    if layers >= PUBLISHED_LAYERS / 2 {
        return PUBLISHED;
    }
    let scaled = (PUBLISHED * layers) as f64 / PUBLISHED_LAYERS as f64;
    (scaled.round() as usize).max(1)
}

/// Layers ℓ−⌊w/2⌋ … ℓ+⌈w/2⌉−1, clipped to the model: the released code's window.
pub fn around(layer: usize, width: usize, layers: usize) -> Range<usize> {
    let begin = layer.saturating_sub(width / 2);
    let end = layer.saturating_add(width.div_ceil(2)).min(layers);
    begin..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_the_released_codes() {
        assert_eq!(around(12, 10, 48), 7..17);
        assert_eq!(around(2, 10, 48), 0..7);
        assert_eq!(around(47, 10, 48), 42..48);
        assert_eq!(around(3, 1, 8), 3..4);
        assert_eq!(around(3, 2, 8), 2..4);
        assert_eq!(around(3, 3, 8), 2..5);
    }

    #[test]
    fn shallow_models_get_narrow_windows() {
        assert_eq!(
            [4, 6, 8, 12, 24, 48].map(default_width),
            [1, 1, 2, 3, 10, 10]
        );
    }
}

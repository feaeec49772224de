//! Numbers as files hold them, and as weights are kept.

use candle_core::WithDType;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::tensor::{Dtype, TensorView};

/// Numbers that one task reads; their f32 fit in a core's nearest cache.
const CHUNK: usize = 1 << 12;
/// Columns that one task turns at a time.
const BAND: usize = 32;

/// What weights are kept in.
pub trait Number: WithDType + Default {
    /// The nearest of each; whether all are finite still.
    fn round(values: &[f32], to: &mut [Self]) -> bool;
}

impl Number for f32 {
    fn round(values: &[f32], to: &mut [f32]) -> bool {
        to.copy_from_slice(values);
        true
    }
}

impl Number for bf16 {
    fn round(values: &[f32], to: &mut [bf16]) -> bool {
        to.convert_from_f32_slice(values);
        to.iter().all(|x| x.is_finite())
    }
}

impl Number for f16 {
    fn round(values: &[f32], to: &mut [f16]) -> bool {
        to.convert_from_f32_slice(values);
        to.iter().all(|x| x.is_finite())
    }
}

/// Why a tensor cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Whole numbers, booleans, quantised weights.
    Kind,
    NotFinite,
    /// Finite, and beyond what the result can hold.
    TooLarge,
}

/// A tensor's values, rounded a piece at a time on the way.
pub fn read<T: Number>(view: &TensorView) -> Result<Vec<T>, Flaw> {
    let kind = Kind::of(view.dtype())?;
    let data = view.data();
    let mut values = vec![T::default(); data.len() / kind.width];
    values
        .par_chunks_mut(CHUNK)
        .zip(data.par_chunks(CHUNK * kind.width))
        .try_for_each(|(to, bytes)| kind.read(bytes, &mut [0.0; CHUNK][..to.len()], to))?;
    Ok(values)
}

/// The values of a `[rows, cols]` tensor as `[cols, rows]`.
pub fn read_turned<T: Number>(view: &TensorView, [rows, cols]: [usize; 2]) -> Result<Vec<T>, Flaw> {
    let kind = Kind::of(view.dtype())?;
    let data = view.data();
    let mut values = vec![T::default(); rows * cols];
    // A band of columns at a time: as many runs of the result, each filled in order.
    let bands = values.par_chunks_mut((rows * BAND).max(1)).enumerate();
    bands.try_for_each(|(band, out)| {
        let width = out.len() / rows;
        let (mut wide, mut piece) = ([0.0; BAND], [T::default(); BAND]);
        for (r, row) in data.chunks_exact(cols * kind.width).enumerate() {
            let bytes = &row[band * BAND * kind.width..][..width * kind.width];
            kind.read(bytes, &mut wide[..width], &mut piece[..width])?;
            for (c, &x) in piece[..width].iter().enumerate() {
                out[c * rows + r] = x;
            }
        }
        Ok(())
    })?;
    Ok(values)
}

/// How a file's numbers become f32.
struct Kind {
    /// Bytes of one.
    width: usize,
    widen: Widen,
}

type Widen = fn(&[u8], &mut [f32]);

impl Kind {
    fn of(dtype: Dtype) -> Result<Kind, Flaw> {
        let (width, widen): (usize, Widen) = match dtype {
            Dtype::F32 => (4, |bytes, to| each(bytes, to, f32::from_le_bytes)),
            Dtype::F16 => (2, |bytes, to| {
                each(bytes, to, |b| f16::from_le_bytes(b).to_f32())
            }),
            Dtype::BF16 => (2, |bytes, to| {
                each(bytes, to, |b| bf16::from_le_bytes(b).to_f32())
            }),
            _ => return Err(Flaw::Kind),
        };
        Ok(Kind { width, widen })
    }

    /// `bytes` by way of f32.
    fn read<T: Number>(&self, bytes: &[u8], wide: &mut [f32], to: &mut [T]) -> Result<(), Flaw> {
        (self.widen)(bytes, wide);
        if !wide.iter().all(|x| x.is_finite()) {
            return Err(Flaw::NotFinite);
        }
        match T::round(wide, to) {
            true => Ok(()),
            false => Err(Flaw::TooLarge),
        }
    }
}

fn each<const N: usize>(bytes: &[u8], to: &mut [f32], number: impl Fn([u8; N]) -> f32) {
    let (numbers, _) = bytes.as_chunks::<N>();
    to.iter_mut()
        .zip(numbers)
        .for_each(|(x, &b)| *x = number(b));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(dtype: Dtype, bytes: &[u8]) -> TensorView<'_> {
        let width = dtype.bitsize() / 8;
        TensorView::new(dtype, vec![bytes.len() / width], bytes).unwrap()
    }

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    #[test]
    fn every_kind_is_read_as_every_kind() {
        // More than one piece, and a last one that is not whole.
        let values: Vec<f32> = (0..CHUNK + 7).map(|i| (i as f32).sin()).collect();
        let single = bytes(&values);
        assert_eq!(read::<f32>(&view(Dtype::F32, &single)).unwrap(), values);
        let rounded: Vec<bf16> = values.iter().map(|&x| bf16::from_f32(x)).collect();
        assert_eq!(read::<bf16>(&view(Dtype::F32, &single)).unwrap(), rounded);
        let halves: Vec<u8> = rounded.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(read::<bf16>(&view(Dtype::BF16, &halves)).unwrap(), rounded);
        let rounded: Vec<f16> = values.iter().map(|&x| f16::from_f32(x)).collect();
        assert_eq!(read::<f16>(&view(Dtype::F32, &single)).unwrap(), rounded);
        let halves: Vec<u8> = rounded.iter().flat_map(|x| x.to_le_bytes()).collect();
        let wide: Vec<f32> = rounded.iter().map(|x| x.to_f32()).collect();
        assert_eq!(read::<f32>(&view(Dtype::F16, &halves)).unwrap(), wide);
    }

    #[test]
    fn a_matrix_is_turned_on_the_way() {
        for [rows, cols] in [[3, BAND + 5], [70, 2 * BAND], [1, 1], [5, 0], [0, 5]] {
            let values: Vec<f32> = (0..rows * cols).map(|i| i as f32).collect();
            let single = bytes(&values);
            let turned = read_turned::<f32>(&view(Dtype::F32, &single), [rows, cols]).unwrap();
            let at = |i: usize| values[(i % rows) * cols + i / rows];
            let expected: Vec<f32> = (0..rows * cols).map(at).collect();
            assert_eq!(turned, expected);
        }
    }

    #[test]
    fn what_cannot_be_kept_is_told_apart() {
        let mut values = vec![0.0; CHUNK + 1];
        values[CHUNK] = 7e4;
        let large = bytes(&values);
        assert_eq!(read::<f16>(&view(Dtype::F32, &large)), Err(Flaw::TooLarge));
        assert!(read::<bf16>(&view(Dtype::F32, &large)).is_ok());
        values[CHUNK] = f32::NAN;
        let broken = bytes(&values);
        assert_eq!(
            read::<f32>(&view(Dtype::F32, &broken)),
            Err(Flaw::NotFinite)
        );
        assert_eq!(read::<f32>(&view(Dtype::I64, &[0; 8])), Err(Flaw::Kind));
    }
}

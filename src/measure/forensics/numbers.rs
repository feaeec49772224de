//! The numbers of a tensor where they lie, and how finely its kind can tell them
//! apart.

use half::{bf16, f16};
use safetensors::tensor::{Dtype, TensorView};

/// The kinds of numbers that weights are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    F16,
    Bf16,
    F64,
}

impl Kind {
    pub fn of(dtype: Dtype) -> Option<Kind> {
        match dtype {
            Dtype::F64 => Some(Kind::F64),
            Dtype::F32 => Some(Kind::F32),
            Dtype::F16 => Some(Kind::F16),
            Dtype::BF16 => Some(Kind::Bf16),
            _ => None,
        }
    }

    /// Bits after the first of a number's significand, and its smallest exponent.
    fn fineness(self) -> (i32, i32) {
        match self {
            Kind::F64 => (52, -1022),
            Kind::F32 => (23, -126),
            Kind::F16 => (10, -14),
            Kind::Bf16 => (7, -126),
        }
    }

    /// The distance from `x` to the next number of this kind (its ulp).
    pub fn step(self, x: f64) -> f64 {
        let (bits, least) = self.fineness();
        let exponent = match x.abs() {
            0.0 => least,
            // The biased exponent of an f64; its subnormals are below every kind's.
            x => ((x.to_bits() >> 52) as i32 - 1023).max(least),
        };
        2f64.powi(exponent - bits)
    }
}

/// A tensor's numbers, read one by one.
#[derive(Clone, Copy)]
pub struct Numbers<'a> {
    pub kind: Kind,
    data: &'a [u8],
}

impl<'a> Numbers<'a> {
    /// `None`: it is of whole numbers, of flags, or quantised.
    pub fn of<'b: 'a>(view: &'a TensorView<'b>) -> Option<Numbers<'a>> {
        Some(Numbers {
            kind: Kind::of(view.dtype())?,
            data: view.data(),
        })
    }

    /// Number `i`; 0 beyond the end.
    pub fn at(&self, i: usize) -> f64 {
        match self.kind {
            Kind::F64 => self.bytes(i).map_or(0.0, f64::from_le_bytes),
            Kind::F32 => self.bytes(i).map_or(0.0, |b| f32::from_le_bytes(b).into()),
            Kind::F16 => self
                .bytes(i)
                .map_or(0.0, |b| f16::from_le_bytes(b).to_f64()),
            Kind::Bf16 => self
                .bytes(i)
                .map_or(0.0, |b| bf16::from_le_bytes(b).to_f64()),
        }
    }

    fn bytes<const N: usize>(&self, i: usize) -> Option<[u8; N]> {
        self.data.get(i * N..(i + 1) * N)?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_distance_to_the_next_number() {
        for x in [1.0f32, 0.02, -3.5, 1e-30, 65_000.0] {
            let next = f32::from_bits(x.to_bits() + 1);
            let own = f64::from((next - x).abs());
            assert_eq!(Kind::F32.step(f64::from(x)), own);
            let x = bf16::from_f32(x);
            let next = bf16::from_bits(x.to_bits() + 1);
            assert_eq!(
                Kind::Bf16.step(x.to_f64()),
                (next.to_f64() - x.to_f64()).abs()
            );
        }
        for x in [1.0, 0.02, 1e-6, 0.0] {
            let x = f16::from_f64(x);
            let next = f16::from_bits(x.to_bits() + 1);
            assert_eq!(Kind::F16.step(x.to_f64()), next.to_f64() - x.to_f64());
        }
    }
}

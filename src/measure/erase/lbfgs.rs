//! Minimising a smooth convex function (Nocedal and Wright 2006, algorithms 7.4
//! and 7.5): L-BFGS with a step that halves until it has fallen enough.

use super::error::Result;
use crate::edit::context::dot;

/// Pairs that the curvature is told from.
const MEMORY: usize = 12;
/// The least part of the promised fall that a step must bring (Armijo).
const FALL: f64 = 1e-4;
/// Halvings of one step.
const HALVINGS: usize = 40;

/// Where the search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub at: Vec<f64>,
    /// The gradient's largest part there.
    pub gradient: f64,
    pub steps: usize,
}

/// From `at` until no part of the gradient exceeds `tolerance`, in at most `most`
/// steps. `f` gives value and gradient, or says why to stop.
pub fn minimise(
    mut at: Vec<f64>,
    tolerance: f64,
    most: usize,
    mut f: impl FnMut(&[f64]) -> Result<(f64, Vec<f64>)>,
) -> Result<Found> {
    let (mut value, mut gradient) = f(&at)?;
    let mut pairs: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    let mut steps = 0;
    while largest(&gradient) > tolerance && steps < most {
        let direction = two_loops(&gradient, &pairs);
        let slope = dot(&gradient, &direction);
        let mut step = match pairs.is_empty() {
            true => 1.0 / largest(&gradient).max(1.0),
            false => 1.0,
        };
        let mut next = None;
        for _ in 0..HALVINGS {
            let there: Vec<f64> = at
                .iter()
                .zip(&direction)
                .map(|(x, d)| x + step * d)
                .collect();
            let (new, slopes) = f(&there)?;
            if new <= value + FALL * step * slope {
                next = Some((there, new, slopes));
                break;
            }
            step *= 0.5;
        }
        // No step falls: this is as low as rounding lets it be.
        let Some((there, new, slopes)) = next else {
            break;
        };
        let moved: Vec<f64> = there.iter().zip(&at).map(|(a, b)| a - b).collect();
        let bent: Vec<f64> = slopes.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        if dot(&moved, &bent) > f64::EPSILON * dot(&bent, &bent) {
            pairs.push((moved, bent));
            if pairs.len() > MEMORY {
                pairs.remove(0);
            }
        }
        (at, value, gradient) = (there, new, slopes);
        steps += 1;
    }
    Ok(Found {
        gradient: largest(&gradient),
        at,
        steps,
    })
}

fn largest(gradient: &[f64]) -> f64 {
    gradient
        .iter()
        .fold(0.0, |most, g| match g.abs() > most || g.is_nan() {
            true => g.abs(),
            false => most,
        })
}

/// −H·gradient, H the inverse of the curvature as the pairs tell it.
fn two_loops(gradient: &[f64], pairs: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let mut q = gradient.to_vec();
    let add =
        |q: &mut [f64], by: f64, v: &[f64]| q.iter_mut().zip(v).for_each(|(q, v)| *q += by * v);
    let mut shares = Vec::with_capacity(pairs.len());
    for (moved, bent) in pairs.iter().rev() {
        let share = dot(moved, &q) / dot(moved, bent);
        add(&mut q, -share, bent);
        shares.push(share);
    }
    if let Some((moved, bent)) = pairs.last() {
        let scale = dot(moved, bent) / dot(bent, bent);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((moved, bent), share) in pairs.iter().zip(shares.into_iter().rev()) {
        let back = dot(bent, &q) / dot(moved, bent);
        add(&mut q, share - back, moved);
    }
    q.iter_mut().for_each(|q| *q = -*q);
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_valley_is_followed_to_its_lowest_point() {
        // ½ Σ cᵢ (xᵢ − i)², curvatures from 1 to 10⁴.
        let c = |i: usize| 10f64.powi(i as i32);
        let f = |x: &[f64]| {
            let off = |i: usize| x[i] - i as f64;
            let value = (0..5).map(|i| 0.5 * c(i) * off(i) * off(i)).sum();
            Ok((value, (0..5).map(|i| c(i) * off(i)).collect()))
        };
        let found = minimise(vec![0.0; 5], 1e-9, 200, f).unwrap();
        assert!(found.gradient <= 1e-9 && found.steps < 100, "{found:?}");
        for (i, x) in found.at.iter().enumerate() {
            assert!((x - i as f64).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn what_is_lowest_already_stays_and_an_error_stops() {
        let flat = |_: &[f64]| Ok((1.0, vec![0.0, 0.0]));
        let found = minimise(vec![3.0, 4.0], 1e-9, 9, flat).unwrap();
        assert_eq!((found.at, found.steps), (vec![3.0, 4.0], 0));
        let mut calls = 0;
        let stopped = minimise(vec![1.0], 1e-9, 9, |x| {
            calls += 1;
            match calls {
                1 => Ok((x[0] * x[0], vec![2.0 * x[0]])),
                _ => Err(crate::measure::erase::EraseError::Cancelled),
            }
        });
        assert!(stopped.is_err_and(|e| e.is_cancelled()));
    }
}

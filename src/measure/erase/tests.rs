//! Identities of the eraser and the probe, on drawn data and on Atlas.

use super::leace::{Eraser, Fit, dependence};
use super::logistic::{LinearProbe, View};
use crate::trace::rng::RandomState;
use faer::Mat;

const PLAIN: Fit = Fit {
    tolerance: 1e-9,
    shrink: false,
};

/// Rows with correlated coordinates, drawn towards their class's own mean.
fn drawn(seed: u32, n: usize, d: usize, k: usize, apart: f64) -> (Mat<f64>, Vec<usize>) {
    let mut random = RandomState::new(seed);
    let mix = Mat::from_fn(d, d, |_, _| random.gauss());
    let means = Mat::from_fn(k, d, |_, _| apart * random.gauss());
    let noise = Mat::from_fn(n, d, |_, _| random.gauss());
    let labels: Vec<usize> = (0..n).map(|i| (i * i + i / 3) % k).collect();
    let mixed = noise * mix;
    let x = Mat::from_fn(n, d, |i, j| 2.0 + mixed[(i, j)] + means[(labels[i], j)]);
    (x, labels)
}

fn far(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (a - b).norm_max()
}

fn probe(x: &Mat<f64>, labels: &[usize], k: usize, view: &View) -> LinearProbe {
    LinearProbe::fit(x, labels, k, view.clone(), 1e-3, &mut || Ok(())).unwrap()
}

#[test]
fn nothing_linear_is_left_and_a_probe_becomes_the_constant_one() {
    for (seed, k, how) in [(1, 2, PLAIN), (2, 4, PLAIN), (3, 3, Fit::default())] {
        let (x, labels) = drawn(seed, 300, 12, k, 1.5);
        let eraser = Eraser::fit(&x, &labels, k, how).unwrap();
        assert_eq!(eraser.rank(), k - 1);
        let erased = eraser.apply(&x);
        let (before, after) = (dependence(&x, &labels, k), dependence(&erased, &labels, k));
        assert!(after < 1e-12 * before, "{after} of {before}");

        let view = View::of(&x);
        let (found, left) = (
            probe(&x, &labels, k, &view),
            probe(&erased, &labels, k, &view),
        );
        let mut counts = vec![0usize; k];
        labels.iter().for_each(|&l| counts[l] += 1);
        let majority = *counts.iter().max().unwrap() as f64 / labels.len() as f64;
        assert!(found.accuracy(&x, &labels) > majority + 0.15);
        assert_eq!(left.accuracy(&erased, &labels), majority);
        assert!(left.norm() < 1e-9 && found.norm() > 0.1, "{}", left.norm());
    }
}

#[test]
fn erasing_twice_is_erasing_once_and_the_mean_stays() {
    let (x, labels) = drawn(5, 200, 9, 3, 1.0);
    let eraser = Eraser::fit(&x, &labels, 3, Fit::default()).unwrap();
    let once = eraser.apply(&x);
    assert!(far(&eraser.apply(&once), &once) < 1e-10);
    let again = Eraser::fit(&once, &labels, 3, Fit::default()).unwrap();
    assert_eq!(again.rank(), 0, "{:?}", again.kept);
    assert!(far(&again.apply(&once), &once) == 0.0);
    let mean = super::leace::column_means;
    let (a, b) = (mean(&x), mean(&once));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-10));
}

#[test]
fn an_affine_change_of_coordinates_changes_the_erased_rows_alike() {
    // Theorem 4.3's eraser is the least-squares one in every inner product, so that
    // erasing A x + b gives A (erased x) + b.
    let (x, labels) = drawn(7, 250, 8, 3, 1.0);
    let mut random = RandomState::new(8);
    let a = Mat::from_fn(8, 8, |i, j| random.gauss() + if i == j { 3.0 } else { 0.0 });
    let turn = |m: &Mat<f64>| {
        let turned = m * a.transpose();
        Mat::from_fn(m.nrows(), 8, |i, j| turned[(i, j)] + j as f64 - 4.0)
    };
    let erased = |m: &Mat<f64>| Eraser::fit(m, &labels, 3, PLAIN).unwrap().apply(m);
    let (after, before) = (turn(&erased(&x)), erased(&turn(&x)));
    assert!(far(&after, &before) < 1e-8, "{}", far(&after, &before));
}

#[test]
fn labels_that_have_nothing_to_do_with_the_rows_erase_nothing() {
    // Every row once with each label: the cross-covariance is 0 but for rounding.
    let (half, _) = drawn(9, 80, 6, 2, 1.0);
    let x = Mat::from_fn(160, 6, |i, j| half[(i / 2, j)]);
    let labels: Vec<usize> = (0..160).map(|i| i % 2).collect();
    for how in [PLAIN, Fit::default()] {
        let eraser = Eraser::fit(&x, &labels, 2, how).unwrap();
        assert_eq!(eraser.rank(), 0);
        assert!(far(&eraser.apply(&x), &x) == 0.0);
    }
}

#[test]
fn a_tolerance_that_drops_a_direction_leaves_it_and_says_how_much() {
    let (x, labels) = drawn(11, 300, 10, 3, 1.0);
    let all = Eraser::fit(&x, &labels, 3, PLAIN).unwrap();
    let between = 0.5 * (all.kept[0] + all.kept[1]);
    let how = Fit {
        tolerance: between,
        ..PLAIN
    };
    let some = Eraser::fit(&x, &labels, 3, how).unwrap();
    assert_eq!((some.rank(), some.dropped), (1, all.kept[1]));
    let left = dependence(&some.apply(&x), &labels, 3);
    assert!(left > 1e-3 * dependence(&x, &labels, 3));
}

#[test]
fn of_the_erasers_it_is_the_smallest() {
    // The orthogonal projection off the columns of Σ_xz erases as well, and moves
    // the rows further.
    let (x, labels) = drawn(13, 400, 10, 2, 1.0);
    let mean = super::leace::column_means(&x);
    let centred = Mat::from_fn(400, 10, |i, j| x[(i, j)] - mean[j]);
    let cross = super::leace::cross_covariance(&centred, &labels, 2);
    let direction = cross.col(0).to_owned();
    let length = direction.norm_l2();
    let away = &centred * &direction;
    let orthogonal = Mat::from_fn(400, 10, |i, j| {
        x[(i, j)] - away[i] * direction[j] / (length * length)
    });
    assert!(dependence(&orthogonal, &labels, 2) < 1e-12);
    let leace = Eraser::fit(&x, &labels, 2, PLAIN).unwrap().apply(&x);
    let moved = |to: &Mat<f64>| (to - &x).norm_l2();
    assert!(moved(&leace) < 0.99 * moved(&orthogonal));
}

#[test]
fn fewer_rows_than_coordinates_are_erased_too() {
    let (x, labels) = drawn(15, 20, 40, 2, 1.0);
    for how in [PLAIN, Fit::default()] {
        let erased = Eraser::fit(&x, &labels, 2, how).unwrap().apply(&x);
        assert!(dependence(&erased, &labels, 2) < 1e-9 * dependence(&x, &labels, 2));
    }
}

#[test]
fn a_probe_is_where_its_loss_is_lowest() {
    let (x, labels) = drawn(17, 120, 5, 3, 1.0);
    let found = probe(&x, &labels, 3, &View::of(&x));
    assert!(found.gradient < 1e-6, "{}", found.gradient);
    // Softmax regression is right about each class as often as it says it is.
    let said = found.probabilities(&x);
    for class in 0..3 {
        let mean: f64 = said.iter().map(|p| p[class]).sum();
        let have = labels.iter().filter(|l| **l == class).count() as f64;
        assert!((mean - have).abs() < 1e-3, "{mean} {have}");
    }
}

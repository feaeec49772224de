//! What the weights hold of many facts: keys and residuals as the columns of
//! matrices (ALGORITHMS §4).

use super::context::{Context, Row, mean, read_at_subject};
use super::error::Result;
use crate::model::Decoder;
use crate::model::probe::{Point, Probe};
use candle_core::{DType, Tensor};
use faer::{Mat, MatRef};

/// Rows that one pass reads: enough to fill the cores, few enough for memory.
const ROWS: usize = 256;

/// K `[d_k, n]`: of each fact the key at its subject's last token, the mean of
/// the bare prompt's and of the mean over the other templates.
pub fn keys<P: Probe>(
    decoder: &Decoder,
    facts: &[Context],
    layer: usize,
    probe: &mut P,
) -> Result<Mat<f64>> {
    let rows: Vec<Row> = facts.iter().flat_map(|f| f.rows.iter().cloned()).collect();
    let read = read(decoder, &rows, layer, Point::MlpKey, probe)?;
    let mut read = read.as_slice();
    let mut columns = Vec::with_capacity(facts.len());
    for fact in facts {
        let (own, rest) = read.split_at(fact.rows.len());
        read = rest;
        columns.push(match own {
            [bare, others @ ..] if !others.is_empty() => mean(&[bare.clone(), mean(others)]),
            _ => mean(own),
        });
    }
    Ok(from_columns(&columns, decoder.config.d_mlp))
}

/// The output `[d, n]` of block `layer` at each bare prompt's subject-last token.
pub fn residuals<P: Probe>(
    decoder: &Decoder,
    facts: &[Context],
    layer: usize,
    probe: &mut P,
) -> Result<Mat<f64>> {
    let rows: Vec<Row> = facts.iter().map(|f| f.rows[0].clone()).collect();
    let columns = read(decoder, &rows, layer, Point::ResidPost, probe)?;
    Ok(from_columns(&columns, decoder.config.d))
}

/// What W of `layer` writes for `keys` `[d_k, n]`, bias included: `[d, n]`, in f64.
pub fn written(decoder: &Decoder, layer: usize, keys: &Mat<f64>) -> Result<Mat<f64>> {
    let (w, bias) = (decoder.down_weight(layer)?, decoder.down_bias(layer));
    let (d, d_k) = w.dims2()?;
    let wide = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let bias = bias.map(wide).transpose()?;
    let w = wide(&w)?;
    let product = MatRef::from_row_major_slice(&w, d, d_k) * keys;
    let bias = |i: usize| bias.as_ref().map_or(0.0, |bias| bias[i]);
    Ok(Mat::from_fn(d, keys.ncols(), |i, j| {
        product[(i, j)] + bias(i)
    }))
}

fn read<P: Probe>(
    decoder: &Decoder,
    rows: &[Row],
    layer: usize,
    point: Point,
    probe: &mut P,
) -> Result<Vec<Vec<f64>>> {
    let mut all = Vec::with_capacity(rows.len());
    for rows in rows.chunks(ROWS) {
        let mut read = read_at_subject(decoder, rows, layer, &[point], probe)?;
        all.append(&mut read[0]);
    }
    Ok(all)
}

fn from_columns(columns: &[Vec<f64>], height: usize) -> Mat<f64> {
    Mat::from_fn(height, columns.len(), |i, j| columns[j][i])
}

//! What a GGUF's metadata hold.

use super::cursor::{Cursor, Read};

/// Arrays within arrays: no real file has any; llama.cpp refuses them.
const DEEPEST: usize = 3;

/// A value of the metadata, widened.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Unsigned(u64),
    Signed(i64),
    /// As a decimal would say it: a file's f32 1e-6 is 1e-6 here.
    Float(f64),
    Bool(bool),
    Text(String),
    Array(Array),
}

/// An array of the metadata; one of each kind that a model needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    Unsigned(Vec<u64>),
    Signed(Vec<i64>),
    Float(Vec<f32>),
    Bool(Vec<bool>),
    Text(Vec<String>),
    Arrays(Vec<Array>),
}

impl Array {
    pub fn len(&self) -> usize {
        match self {
            Array::Unsigned(v) => v.len(),
            Array::Signed(v) => v.len(),
            Array::Float(v) => v.len(),
            Array::Bool(v) => v.len(),
            Array::Text(v) => v.len(),
            Array::Arrays(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Value {
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Value::Unsigned(n) => Some(n),
            Value::Signed(n) => n.try_into().ok(),
            _ => None,
        }
    }

    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::Float(x) => Some(x),
            Value::Unsigned(n) => Some(n as f64),
            Value::Signed(n) => Some(n as f64),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Value::Array(array) => Some(array),
            _ => None,
        }
    }

    /// Reads a value and the number of its kind before it.
    pub(super) fn read(from: &mut Cursor) -> Read<Value> {
        Ok(match from.u32()? {
            0 => Value::Unsigned(u8::from_le_bytes(from.number()?).into()),
            1 => Value::Signed(i8::from_le_bytes(from.number()?).into()),
            2 => Value::Unsigned(u16::from_le_bytes(from.number()?).into()),
            3 => Value::Signed(i16::from_le_bytes(from.number()?).into()),
            4 => Value::Unsigned(from.u32()?.into()),
            5 => Value::Signed(i32::from_le_bytes(from.number()?).into()),
            6 => Value::Float(decimal(f32::from_le_bytes(from.number()?))),
            7 => Value::Bool(from.number::<1>()? != [0]),
            8 => Value::Text(from.text()?),
            9 => Value::Array(array(from, 0)?),
            10 => Value::Unsigned(from.u64()?),
            11 => Value::Signed(i64::from_le_bytes(from.number()?)),
            12 => Value::Float(f64::from_le_bytes(from.number()?)),
            other => {
                return Err(format!(
                    "its metadata hold a value of the unknown kind {other}"
                ));
            }
        })
    }
}

/// The shortest decimal that is this f32, in f64.
fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}

fn array(from: &mut Cursor, depth: usize) -> Read<Array> {
    let kind = from.u32()?;
    let size = match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        9 if depth < DEEPEST => 12,
        9 => {
            return Err(format!(
                "its metadata hold arrays nested more than {DEEPEST} deep"
            ));
        }
        other => {
            return Err(format!(
                "its metadata hold an array of the unknown kind {other}"
            ));
        }
    };
    let n = from.count("values of an array", size)?;
    fn all<T>(n: usize, mut one: impl FnMut() -> Read<T>) -> Read<Vec<T>> {
        (0..n).map(|_| one()).collect()
    }
    Ok(match kind {
        0 => Array::Unsigned(all(n, || Ok(u8::from_le_bytes(from.number()?).into()))?),
        1 => Array::Signed(all(n, || Ok(i8::from_le_bytes(from.number()?).into()))?),
        2 => Array::Unsigned(all(n, || Ok(u16::from_le_bytes(from.number()?).into()))?),
        3 => Array::Signed(all(n, || Ok(i16::from_le_bytes(from.number()?).into()))?),
        4 => Array::Unsigned(all(n, || Ok(from.u32()?.into()))?),
        5 => Array::Signed(all(n, || Ok(i32::from_le_bytes(from.number()?).into()))?),
        6 => Array::Float(all(n, || Ok(f32::from_le_bytes(from.number()?)))?),
        7 => Array::Bool(all(n, || Ok(from.number::<1>()? != [0]))?),
        8 => Array::Text(all(n, || from.text())?),
        9 => Array::Arrays(all(n, || array(from, depth + 1))?),
        10 => Array::Unsigned(all(n, || from.u64())?),
        11 => Array::Signed(all(n, || Ok(i64::from_le_bytes(from.number()?)))?),
        _ => Array::Float(all(n, || Ok(f64::from_le_bytes(from.number()?) as f32))?),
    })
}

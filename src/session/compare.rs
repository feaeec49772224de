//! Two runs of the same thing: which figures differ, and by how much.

use serde::Serialize;
use toml::Value;

/// One figure or word that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Where it stands: `edit[0].result.p_target.after`.
    pub field: String,
    pub saved: String,
    pub now: String,
}

/// Every leaf of `saved` that `now` has otherwise. Numbers may differ by
/// `tolerance`, absolute below 1 and relative above; times are not compared.
pub fn differences<T: Serialize>(
    name: &str,
    saved: &T,
    now: &T,
    tolerance: f64,
) -> Result<Vec<Difference>, toml::ser::Error> {
    let (saved, now) = (Value::try_from(saved)?, Value::try_from(now)?);
    let mut found = Vec::new();
    walk(name, Some(&saved), Some(&now), tolerance, &mut found);
    Ok(found)
}

fn walk(
    field: &str,
    saved: Option<&Value>,
    now: Option<&Value>,
    tolerance: f64,
    found: &mut Vec<Difference>,
) {
    match (saved, now) {
        (Some(Value::Table(a)), Some(Value::Table(b))) => {
            let new = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(new).filter(|key| !is_time(key)) {
                walk(
                    &format!("{field}.{key}"),
                    a.get(key),
                    b.get(key),
                    tolerance,
                    found,
                );
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for i in 0..a.len().max(b.len()) {
                walk(
                    &format!("{field}[{i}]"),
                    a.get(i),
                    b.get(i),
                    tolerance,
                    found,
                );
            }
        }
        (Some(Value::Float(a)), Some(Value::Float(b))) if near(*a, *b, tolerance) => {}
        (a, b) if a == b => {}
        (a, b) => found.push(Difference {
            field: field.into(),
            saved: leaf(a),
            now: leaf(b),
        }),
    }
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

/// Seconds differ from run to run.
fn is_time(key: &str) -> bool {
    key.ends_with("_s")
}

fn leaf(value: Option<&Value>) -> String {
    value.map_or_else(|| "(nothing)".into(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{EditReport, Pair};

    #[test]
    fn names_what_differs_and_nothing_else() {
        let saved = EditReport {
            p_target: Pair {
                before: 0.0,
                after: 0.99,
            },
            losses: vec![[1.0, 0.0, 0.0, 1.0]],
            ..EditReport::default()
        };
        let mut now = saved.clone();
        now.elapsed_s.total = 9.0;
        now.p_target.after = 0.990_000_4;
        assert_eq!(differences("edit", &saved, &now, 1e-5).unwrap(), []);

        now.p_target.after = 0.5;
        now.losses.push([0.5, 0.0, 0.0, 0.5]);
        let fields: Vec<_> = differences("edit", &saved, &now, 1e-5).unwrap();
        assert_eq!(fields[0].field, "edit.losses[1]");
        assert_eq!(fields[0].saved, "(nothing)");
        assert_eq!(
            fields[1],
            Difference {
                field: "edit.p_target.after".into(),
                saved: "0.99".into(),
                now: "0.5".into()
            }
        );
        assert_eq!(fields.len(), 2);
    }
}

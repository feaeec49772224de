//! Typed access to a config's fields, with the field's name in every error.

use super::unsupported;
use crate::model::config::Activation;
use crate::model::error::{ModelError, Result};
use serde_json::Value;
use std::path::Path;

/// No size of a model comes near 2³²; products of what is left cannot overflow.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().filter(|n| *n < 1 << 32)
}

pub(super) struct Fields<'a> {
    pub(super) json: &'a Value,
    pub(super) path: &'a Path,
}

impl Fields<'_> {
    pub(super) fn bad(&self, reason: String) -> ModelError {
        ModelError::Config {
            path: self.path.to_owned(),
            reason,
        }
    }

    pub(super) fn get<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.json.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(v) => Ok(Some(v)),
                None => Err(self.bad(format!("`{name}` should be {kind}, it is {value}"))),
            },
        }
    }

    pub(super) fn size(&self, name: &str) -> Result<usize> {
        let value = self.get(name, "a whole number", whole)?;
        value
            .map(|v| v as usize)
            .ok_or_else(|| self.bad(format!("`{name}` is missing")))
    }

    pub(super) fn size_or(&self, name: &str, default: usize) -> Result<usize> {
        Ok(self
            .get(name, "a whole number", whole)?
            .map_or(default, |v| v as usize))
    }

    pub(super) fn number_or(&self, name: &str, default: f64) -> Result<f64> {
        Ok(self
            .get(name, "a number", Value::as_f64)?
            .unwrap_or(default))
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        Ok(self
            .get(name, "true or false", Value::as_bool)?
            .unwrap_or(default))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        self.get(name, "a string", |v| v.as_str().map(str::to_owned))
    }

    /// The activation that the field names; `default` where there is none.
    pub(super) fn activation(&self, name: &str, default: Activation) -> Result<Activation> {
        Ok(match self.text(name)?.as_deref() {
            None => default,
            Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast") => Activation::GeluTanh,
            Some("gelu") => Activation::GeluErf,
            Some("silu" | "swish") => Activation::Silu,
            Some(other) => {
                return Err(unsupported(
                    &format!("the activation {other:?} (`{name}`)"),
                    "\"gelu_new\", \"gelu\" and \"silu\" are known",
                ));
            }
        })
    }

    /// Refuses the config where `name` is not `wanted` (which it is if absent).
    pub(super) fn only(&self, name: &str, wanted: bool) -> Result<()> {
        if self.flag(name, wanted)? == wanted {
            return Ok(());
        }
        Err(unsupported(
            &format!("`{name}: {}`", !wanted),
            &format!("set it to {wanted} or use another checkpoint"),
        ))
    }

    /// The token that ends a text; the first where there are several.
    pub(super) fn eos(&self) -> Option<u32> {
        let value = self.json.get("eos_token_id")?;
        let first = value.as_array().map_or(Some(value), |all| all.first())?;
        first.as_u64()?.try_into().ok()
    }

    /// `whole` into `parts`, where it must divide.
    pub(super) fn part(&self, whole: (&str, usize), parts: (&str, usize)) -> Result<usize> {
        if parts.1 > 0 && whole.1.is_multiple_of(parts.1) {
            return Ok(whole.1 / parts.1);
        }
        let ((name, whole), (of, parts)) = (whole, parts);
        Err(self.bad(format!(
            "`{name}` {whole} is not a multiple of `{of}` {parts}"
        )))
    }
}

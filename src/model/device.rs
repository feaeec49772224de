//! Where a model computes, in what precision, and whether it fits there. All
//! that depends on the kind of device is here and in `ops`.

use super::brake::resident;
use super::error::{ModelError, Result};
use candle_core::{DType, Device, DeviceLocation};

/// Opens "auto", "cpu", "cuda" or "cuda:N". `auto` takes the first card where
/// the binary can use one and one is there.
pub fn open(name: &str) -> Result<Device> {
    let unavailable = |reason: String| ModelError::Device {
        name: name.into(),
        reason,
    };
    let cuda = |ordinal: usize| {
        if !candle_core::utils::cuda_is_available() {
            let reason = "this binary was built without it; build with --features cuda";
            return Err(unavailable(reason.into()));
        }
        Device::new_cuda(ordinal).map_err(|e| unavailable(e.to_string()))
    };
    match name {
        "" | "auto" if candle_core::utils::cuda_is_available() => {
            // A binary that could use a card runs where there is none.
            Ok(cuda(0).unwrap_or(Device::Cpu))
        }
        "" | "auto" | "cpu" => Ok(Device::Cpu),
        "cuda" => cuda(0),
        _ => match name.strip_prefix("cuda:").and_then(|n| n.parse().ok()) {
            Some(ordinal) => cuda(ordinal),
            None => Err(unavailable("name one of auto, cpu, cuda, cuda:N".into())),
        },
    }
}

/// What a device is called: "cpu", "cuda:0".
pub fn name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "cpu".into(),
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}

/// Where a model computes, and the precision of its matrices. Everything else,
/// activations too, is f32.
#[derive(Clone, Debug)]
pub struct Place {
    pub device: Device,
    pub dtype: DType,
    /// Whether matrices stay in their file as they are, where that is a GGUF, and are
    /// made f32 each time they are used.
    pub packed: bool,
}

/// What a model takes.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub parameters: u64,
    /// Whether its matrices can stay in their file.
    pub may_be_packed: bool,
}

impl Place {
    /// Opens a device ("auto", "cpu", "cuda:N") for a model of so many weights
    /// in a precision ("auto", "f32", "bf16", "f16", "packed"). Refuses, before
    /// anything is read, what has no room there. `auto` is f32; bf16 on a card that
    /// has room for that alone; packed where that is possible and f32 would take more
    /// than half of what is free. `limit`: bytes that the process may hold in all.
    pub fn open(device: &str, dtype: &str, size: Size, limit: Option<u64>) -> Result<Place> {
        let device = open(device)?;
        let free = free_memory(&device);
        let Size {
            parameters,
            may_be_packed,
        } = size;
        let held = resident().unwrap_or(0);
        let f32_takes = needed(parameters, DType::F32);
        let much = free.is_some_and(|free| f32_takes > free / 2)
            || limit.is_some_and(|limit| f32_takes + held > limit);
        let packed = dtype == "packed"
            || ["", "auto"].contains(&dtype) && device.is_cpu() && may_be_packed && much;
        if packed && !(device.is_cpu() && may_be_packed) {
            return Err(ModelError::Unsupported {
                what: "--dtype packed here".into(),
                hint: "only a GGUF file on the CPU can be used as it is; leave --dtype out".into(),
            });
        }
        if packed {
            return Ok(Place {
                device,
                dtype: DType::F32,
                packed,
            });
        }
        let fits = |dtype| free.is_none_or(|free| needed(parameters, dtype) <= free);
        let dtype = match dtype {
            "" | "auto" if !device.is_cpu() && !fits(DType::F32) => DType::BF16,
            "" | "auto" | "f32" => DType::F32,
            "bf16" => DType::BF16,
            "f16" => DType::F16,
            other => {
                return Err(ModelError::Unsupported {
                    what: format!("--dtype {other}"),
                    hint: "name one of auto, f32, bf16, f16, packed".into(),
                });
            }
        };
        if !fits(dtype) {
            let gb = |bytes: u64| bytes as f64 / 1e9;
            let smaller = dtype == DType::F32 && fits(DType::BF16);
            return Err(ModelError::NoRoom {
                needed_gb: gb(needed(parameters, dtype)),
                free_gb: gb(free.unwrap_or(0)),
                device: name(&device),
                advice: match smaller {
                    true => "try --dtype bf16",
                    false => "close something, or take a smaller model",
                },
            });
        }
        let needed = needed(parameters, dtype) + held;
        match limit.filter(|&limit| device.is_cpu() && needed > limit) {
            Some(limit) => Err(ModelError::NotAllowed { needed, limit }),
            None => Ok(Place {
                device,
                dtype,
                packed,
            }),
        }
    }

    /// What `open` knows the precision as.
    pub fn dtype_name(&self) -> &'static str {
        if self.packed {
            "packed"
        } else {
            self.dtype.as_str()
        }
    }
}

/// Bytes for a model of so many weights. The largest matrix is there twice
/// while it is converted; activations are small.
pub fn needed(parameters: u64, dtype: DType) -> u64 {
    let bytes = dtype.size_in_bytes() as u64;
    (parameters.saturating_mul(bytes) / 20).saturating_mul(21)
}

/// Bytes that could be taken now; `None` where the system does not say.
fn free_memory(device: &Device) -> Option<u64> {
    if !device.is_cpu() {
        return free_on_card();
    }
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Of the card that was opened last on this thread.
#[cfg(feature = "cuda")]
fn free_on_card() -> Option<u64> {
    let (free, _total) = candle_core::cuda_backend::cudarc::driver::result::mem_get_info().ok()?;
    Some(free as u64)
}

#[cfg(not(feature = "cuda"))]
fn free_on_card() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(parameters: u64) -> Size {
        Size {
            parameters,
            may_be_packed: false,
        }
    }

    #[test]
    fn what_takes_more_than_half_of_what_is_free_stays_in_its_file() {
        let Some(free) = free_memory(&Device::Cpu) else {
            return;
        };
        let open = |dtype, parameters, may_be_packed, limit| {
            let size = Size {
                parameters,
                may_be_packed,
            };
            Place::open("cpu", dtype, size, limit).map(|place| place.dtype_name())
        };
        assert_eq!(open("auto", 1000, true, None).unwrap(), "f32");
        assert_eq!(open("packed", 1000, true, None).unwrap(), "packed");
        let many = free * 3 / 16;
        assert_eq!(open("auto", many, true, None).unwrap(), "packed");
        assert_eq!(open("auto", many, false, None).unwrap(), "f32");
        assert_eq!(open("f32", many, true, None).unwrap(), "f32");
        let limit = Some(1 << 20);
        assert_eq!(open("auto", 1 << 20, true, limit).unwrap(), "packed");
        let error = open("packed", 1000, false, None).unwrap_err().to_string();
        assert!(error.contains("GGUF"), "{error}");
    }

    #[test]
    fn names_and_precisions() {
        assert_eq!(name(&open("cpu").unwrap()), "cpu");
        assert!(open("tpu").is_err());
        assert!(open("cuda:x").is_err());
        let dtype = |name| Place::open("cpu", name, size(1000), None).map(|place| place.dtype);
        assert_eq!(dtype("auto").unwrap(), DType::F32);
        assert_eq!(dtype("bf16").unwrap(), DType::BF16);
        assert_eq!(dtype("f16").unwrap(), DType::F16);
        assert!(dtype("int4").is_err());
    }

    #[test]
    fn what_cannot_fit_is_refused_with_both_sizes_and_a_way_out() {
        let Some(free) = free_memory(&Device::Cpu) else {
            return;
        };
        let error = |parameters| {
            Place::open("cpu", "auto", size(parameters), None)
                .unwrap_err()
                .to_string()
        };
        let never = error(1 << 50);
        assert!(never.contains("GB") && never.contains("smaller"), "{never}");
        // f32 needs one and a half times what is free, half precision three quarters.
        let halved = error(free * 3 / 8);
        assert!(halved.contains("--dtype bf16"), "{halved}");
        let allowed = Place::open("cpu", "auto", size(1 << 20), Some(1 << 20)).unwrap_err();
        assert!(
            matches!(allowed, ModelError::NotAllowed { .. }),
            "{allowed}"
        );
    }
}

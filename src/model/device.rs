//! Where a model computes, in what precision, and whether it fits there. All
//! that depends on the kind of device is here and in `ops`.

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

/// The precision that `name` ("auto", "f32", "bf16", "f16") means on a device.
pub fn dtype(name: &str, device: &Device) -> Result<DType> {
    match name {
        "" | "auto" | "f32" => Ok(DType::F32),
        other => Err(ModelError::Unsupported {
            what: format!("--dtype {other} on {}", self::name(device)),
            hint: "this version computes in f32; leave the option out".into(),
        }),
    }
}

/// Refuses, before anything is read, a model of so many weights that the
/// machine has no room for it.
pub fn check_room(parameters: u64, device: &Device) -> Result<()> {
    // The largest matrix is there twice while it is converted; activations are small.
    let needed = parameters * 4 / 20 * 21;
    match free_memory(device) {
        Some(free) if free < needed => Err(ModelError::NoRoom {
            needed_gb: needed as f64 / 1e9,
            free_gb: free as f64 / 1e9,
            device: name(device),
        }),
        _ => Ok(()),
    }
}

/// Bytes that could be taken now; `None` where the system does not say.
fn free_memory(device: &Device) -> Option<u64> {
    if !device.is_cpu() {
        // The driver says so itself when it runs out.
        return None;
    }
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_precisions() {
        assert_eq!(name(&open("cpu").unwrap()), "cpu");
        assert!(open("tpu").is_err());
        assert!(open("cuda:x").is_err());
        assert_eq!(dtype("auto", &Device::Cpu).unwrap(), DType::F32);
        assert!(dtype("bf16", &Device::Cpu).is_err());
    }

    #[test]
    fn what_cannot_fit_is_refused_with_both_sizes() {
        assert!(check_room(1000, &Device::Cpu).is_ok());
        if free_memory(&Device::Cpu).is_some() {
            let error = check_room(1 << 50, &Device::Cpu).unwrap_err().to_string();
            assert!(error.contains("GB"), "{error}");
        }
    }
}

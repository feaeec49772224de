//! Memory-mapping, the one unsafe thing in the program.
//!
//! A model of several gigabytes should be read where it lies. Mapping a file
//! is unsafe because another process could change or shorten it while it is
//! read; the bytes would change under us, or the read would fault. Weight
//! files are written once and replaced by renaming, and the map is dropped as
//! soon as the weights have been copied into tensors.

use super::error::{ModelError, Result};
use memmap2::Mmap;
use std::fs::File;
use std::path::Path;

/// Lets the system take back the pages under `part` of `map`. They are read
/// from the file again if anyone asks.
pub fn release(map: &Mmap, part: &[u8]) {
    let Some(start) = (part.as_ptr() as usize).checked_sub(map.as_ptr() as usize) else {
        return;
    };
    if start + part.len() > map.len() {
        return;
    }
    // SAFETY: the map is of a file, shared and read-only: dropped pages come
    // back with the same bytes. A refusal changes nothing.
    #[cfg(unix)]
    let _ = unsafe {
        map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, part.len())
    };
}

/// Maps a file for reading.
pub fn map(path: &Path) -> Result<Mmap> {
    let read = |source| ModelError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    // SAFETY: see the module's comment; the map is read-only and short-lived.
    unsafe { Mmap::map(&file) }.map_err(read)
}

//! Memory-mapping, the one unsafe thing in the program.
//!
//! A model of several gigabytes should be read where it lies. Mapping a file
//! is unsafe because another process could change or shorten it while it is
//! read; the bytes would change under us, or the read would fault. Weight
//! files are written once and replaced by renaming; the map is dropped as soon
//! as the weights have been copied into tensors, or with the model that reads
//! them where they lie.

use super::error::{ModelError, Result};
use memmap2::Mmap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

/// Lets the system take back the pages of `map`. They are read from the file
/// again if anyone asks. The whole map, not just the part that was read: the
/// system maps pages ahead of and behind the ones that are asked for.
pub fn release(map: &Mmap) {
    // SAFETY: the map is of a file, shared and read-only: dropped pages come
    // back with the same bytes. A refusal changes nothing.
    #[cfg(unix)]
    let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
}

/// The same for a part of it, whose pages alone are taken back.
pub fn release_part(map: &Mmap, part: Range<usize>) {
    // SAFETY: as above.
    #[cfg(unix)]
    let _ = unsafe {
        map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, part.start, part.len())
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

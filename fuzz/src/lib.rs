//! A reader as a fuzz target.

#[path = "../../tests/common/readers.rs"]
pub mod readers;

use readers::Reader;
use std::cell::LazyCell;
use tempfile::TempDir;

/// A reader with the folder that it writes in, made when the first bytes come.
pub type Ready = LazyCell<(Reader, TempDir), fn() -> (Reader, TempDir)>;

pub fn ready(name: &'static str) -> (Reader, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (readers::of(name, folder.path()), folder)
}

/// The target that reads every input as a file of this kind.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        thread_local! {
            static READY: $crate::Ready = const { std::cell::LazyCell::new(|| $crate::ready($name)) };
        }

        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            READY.with(|ready| (ready.0.read)(bytes));
        });
    };
}

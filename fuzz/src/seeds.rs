//! Writes a whole file of each kind to `corpus/KIND/whole`, from which the fuzzer starts:
//! from nothing it hardly gets past a header.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let folder = tempfile::tempdir()?;
    for reader in pentimento_fuzz::readers::all(folder.path()) {
        let own = corpus.join(reader.name);
        std::fs::create_dir_all(&own)?;
        std::fs::write(own.join("whole"), &reader.whole)?;
    }
    Ok(())
}

//! Where other programs keep their models: the variables and folders that
//! llama.cpp, Ollama and LM Studio document.

use std::path::{Path, PathBuf};

/// Folders that are looked through; those that are not there hold nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// llama.cpp's cache, with its files side by side.
    pub llama_cpp: Option<PathBuf>,
    /// Ollama's stores, with `manifests` and `blobs` in each.
    pub ollama: Vec<PathBuf>,
    /// LM Studio's folders, with PUBLISHER/REPOSITORY/FILE.gguf in each.
    pub lm_studio: Vec<PathBuf>,
    /// The user's own, named in `config.toml`.
    pub folders: Vec<PathBuf>,
}

impl Places {
    /// From LLAMA_CACHE, OLLAMA_MODELS and XDG_CACHE_HOME, which `variable`
    /// reads, and the user's home.
    pub fn from(variable: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Places {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let at_home = |below: &str| home.map(|home| home.join(below));
        let caches = match cfg!(target_os = "macos") {
            true => at_home("Library/Caches"),
            false => path("XDG_CACHE_HOME").or_else(|| at_home(".cache")),
        };
        let llama_cpp = path("LLAMA_CACHE").or_else(|| Some(caches?.join("llama.cpp")));
        let ollama = match path("OLLAMA_MODELS") {
            Some(own) => vec![own],
            // Of the user, and of the service that Ollama's installer sets up.
            None => at_home(".ollama/models")
                .into_iter()
                .chain([PathBuf::from("/usr/share/ollama/.ollama/models")])
                .collect(),
        };
        let lm_studio = [".lmstudio/models", ".cache/lm-studio/models"];
        Places {
            llama_cpp,
            ollama,
            lm_studio: lm_studio.into_iter().filter_map(at_home).collect(),
            folders: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_go_before_the_usual_folders() {
        let home = Path::new("/h");
        let usual = Places::from(|_| None, Some(home));
        assert_eq!(usual.ollama[0], Path::new("/h/.ollama/models"));
        assert_eq!(usual.lm_studio[0], Path::new("/h/.lmstudio/models"));
        assert!(usual.llama_cpp.unwrap().ends_with("llama.cpp"));
        let own = Places::from(
            |name| match name {
                "LLAMA_CACHE" => Some("/l".into()),
                "OLLAMA_MODELS" => Some("/o".into()),
                _ => None,
            },
            None,
        );
        assert_eq!(own.llama_cpp.as_deref(), Some(Path::new("/l")));
        assert_eq!(own.ollama, [Path::new("/o")]);
        assert!(own.lm_studio.is_empty());
    }
}

//! The file system as a bundler shows it to Sass: the aliases `@/` (the sources) and `~` (node_modules) resolved, and
//! nothing outside the tree within reach.

use std::cell::RefCell;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The sources of one tree.
#[derive(Debug)]
pub(super) struct SourceTree {
    /// The tree.
    pub(super) root: PathBuf,
    /// `app/javascript` in it.
    pub(super) source: PathBuf,
    /// `node_modules`: in the tree, or the live tree's own, which is only read.
    pub(super) modules: PathBuf,
    canonical_root: PathBuf,
    refused: RefCell<Option<PathBuf>>,
}

impl SourceTree {
    pub(super) fn new(root: &Path, source: &Path) -> Self {
        Self::with_modules(root, source, root.join("node_modules"))
    }

    pub(super) fn with_modules(root: &Path, source: &Path, modules: PathBuf) -> Self {
        Self {
            root: root.to_path_buf(),
            source: root.join(source),
            modules,
            canonical_root: root.canonicalize().unwrap_or_else(|_| root.to_path_buf()),
            refused: RefCell::new(None),
        }
    }

    /// The path with an alias in it replaced by what the bundler puts there.
    pub(super) fn real(&self, path: &Path) -> PathBuf {
        let parts: Vec<Component<'_>> = path.components().collect();
        for (index, part) in parts.iter().enumerate() {
            let Component::Normal(name) = part else { continue };
            let name = name.to_string_lossy();
            let rest = || parts[index + 1..].iter().collect::<PathBuf>();
            if name == "@" {
                return self.source.join(rest());
            }
            if let Some(package) = name.strip_prefix('~').filter(|package| !package.is_empty()) {
                let in_modules = self.modules.join(package).join(rest());
                let in_sources = self.source.join(package).join(rest());
                return if in_modules.parent().is_some_and(Path::is_dir) { in_modules } else { in_sources };
            }
        }
        path.to_path_buf()
    }

    /// The path as a report shows it: relative to the tree.
    pub(super) fn shown(&self, path: &str) -> String {
        let real = self.real(Path::new(path));
        let shown = real.strip_prefix(&self.root).or_else(|_| real.strip_prefix(&self.canonical_root));
        shown.unwrap_or(&real).to_string_lossy().into_owned()
    }

    fn within(&self, path: &Path) -> bool {
        let Ok(canonical) = path.canonicalize() else { return false };
        let in_modules = self.modules.canonicalize().is_ok_and(|modules| canonical.starts_with(modules));
        let inside = in_modules || canonical.starts_with(&self.canonical_root);
        if !inside {
            self.refused.replace(Some(path.to_path_buf()));
        }
        inside
    }
}

impl grass::Fs for SourceTree {
    fn is_dir(&self, path: &Path) -> bool {
        self.real(path).is_dir()
    }

    fn is_file(&self, path: &Path) -> bool {
        let real = self.real(path);
        real.is_file() && self.within(&real)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let real = self.real(path);
        if self.within(&real) {
            std::fs::read(real)
        } else {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "it lies outside the tree"))
        }
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(self.real(path))
    }
}

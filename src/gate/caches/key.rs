//! What kept caches are kept under: another key, and a build begins without them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::compiler::Compiler;
use crate::gate::build::Gate;
use crate::programs;

/// What a toolchain's caches depend on besides the sources that they were made of, which they know themselves.
const SETTINGS: [&str; 21] = [
    "package.json",
    "yarn.lock",
    "package-lock.json",
    ".yarnrc.yml",
    ".nvmrc",
    ".node-version",
    ".ruby-version",
    ".tool-versions",
    "mise.toml",
    ".mise.toml",
    ".browserslistrc",
    "Gemfile.lock",
    "babel.config.js",
    "postcss.config.js",
    "tsconfig.json",
    "vite.config.mts",
    "vite.config.ts",
    "config/webpacker.yml",
    "config/vite.json",
    "config/webpack",
    "config/vite",
];

/// The programs whose version they depend on: what one version has compiled, another one need not understand.
const PROGRAMS: [&str; 2] = ["node", "ruby"];

/// True if the key depends on what stands at `place` of the tree.
pub(super) fn depends_on(place: &Path) -> bool {
    SETTINGS.iter().any(|name| place.starts_with(name))
}

/// Named by the toolchain, its settings and its packages in `tree`, by node and Ruby, and by where the build sees its tree:
/// caches hold paths, and source maps compiled from another tree's would differ from those that are compiled without.
pub(super) fn of(gate: &Gate<'_>, compiler: &Compiler, tree: &Path, seen: &Path) -> String {
    let mut digest = blake3::Hasher::new();
    let mut take = |bytes: &[u8]| {
        digest.update(&(bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    take(gate.site.toolchain.word().as_bytes());
    take(compiler.shown.as_bytes());
    take(seen.as_os_str().as_encoded_bytes());
    take(format!("{:?}", gate.settings.environment).as_bytes());
    take(std::env::var_os("NODE_OPTIONS").unwrap_or_default().as_encoded_bytes());
    for path in SETTINGS.iter().flat_map(|name| files_at(&tree.join(name))) {
        take(path.strip_prefix(tree).unwrap_or(&path).as_os_str().as_encoded_bytes());
        take(&fs::read(&path).unwrap_or_default());
    }
    versions(gate, &mut take);
    digest.finalize().to_hex().to_string()
}

/// What tells one version of a program from another, without asking it: where it is found, its size and when it was made, and
/// what a version manager chooses by.
fn versions(gate: &Gate<'_>, take: &mut dyn FnMut(&[u8])) {
    let configured = gate.settings.environment.get("PATH").map(OsString::from);
    let path = configured.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    for file in PROGRAMS.iter().flat_map(|program| programs::found(program, &path)) {
        take(file.as_os_str().as_encoded_bytes());
        if let Ok(facts) = fs::metadata(&file) {
            take(format!("{} {} {}", facts.size(), facts.mtime(), facts.mtime_nsec()).as_bytes());
        }
    }
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    programs::HOME_FILES.iter().for_each(|name| take(&fs::read(home.join(name)).unwrap_or_default()));
    // `RBENV_VERSION`, `NODENV_VERSION`, `ASDF_NODEJS_VERSION`, `MISE_NODE_VERSION`.
    let mut chosen: Vec<_> = std::env::vars_os().filter(|(name, _)| chooses_version(name)).collect();
    chosen.sort();
    take(format!("{chosen:?}").as_bytes());
}

fn chooses_version(name: &OsStr) -> bool {
    let managers = ["RBENV_", "NODENV_", "ASDF_", "MISE_"];
    name.to_str().is_some_and(|name| name.ends_with("_VERSION") && managers.iter().any(|one| name.starts_with(one)))
}

/// The file itself, or the files in the folder, in the order of their names.
fn files_at(path: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(path).sort_by_file_name();
    walk.into_iter().flatten().filter(|found| found.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

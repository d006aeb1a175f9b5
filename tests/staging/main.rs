//! The stage is a faithful copy that shares nothing with the live tree, and the live tree is never written.

#![expect(clippy::unwrap_used, reason = "in a test, unwrap is the assertion")]

mod contents;
mod life;
mod refusals;
mod ways;
mod writes;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;
use themegate::isolation::Wish;
use themegate::staging::{StagedTree, StagingError, StagingRequest, Way, stage};

/// A home with a live tree in it, watched: when it is dropped, the live tree must be what it was.
struct Home {
    folder: TempDir,
    before: Option<BTreeMap<PathBuf, String>>,
}

impl Home {
    fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(base: &Path) -> Self {
        let home = Self { folder: tempfile::tempdir_in(base).unwrap(), before: None };
        for (name, text) in [
            ("config/themes.yml", "default: styles/application.scss\n"),
            ("app/javascript/styles/application.scss", "body { color: red }\n"),
            ("node_modules/webpack/bin/webpack.js", "// webpack\n"),
            ("public/packs/manifest.json", "{}"),
            ("public/packs/css/old.css", "a{}"),
            (".env.production", "DB_PASS=hunter2\n"),
            (".env.production.sample", "DB_PASS=\n"),
            ("tmp/cache/webpacker/last-compilation-digest-production", "abc"),
            ("tmp/cache/webpacker/babel-loader/one.json", "{}"),
            ("tmp/pids/server.pid", "1"),
            ("log/production.log", "hunter2\n"),
            ("public/system/media.png", "png"),
            (".git/HEAD", "ref\n"),
            ("vendor/thing/.git", "gitdir: x\n"),
        ] {
            home.write(name, text);
        }
        fs::create_dir_all(home.live().join("node_modules/.bin")).unwrap();
        home.link("node_modules/.bin/webpack", "../webpack/bin/webpack.js");
        home
    }

    fn live(&self) -> PathBuf {
        self.folder.path().join("live")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join(".themegate")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.live().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) {
        let path = self.live().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn stage_with(
        &mut self,
        keep: bool,
        interrupted: bool,
        progress: &dyn Fn(u64),
    ) -> Result<StagedTree, StagingError> {
        self.before = Some(digest(&self.live()));
        let outputs = [PathBuf::from("public/packs"), PathBuf::from("public/assets")];
        stage(&StagingRequest {
            live: &self.live(),
            state_dir: &self.state(),
            keep,
            output_folders: &outputs,
            interrupted: &AtomicBool::new(interrupted),
            progress,
            way: Way::Auto,
            isolate: None,
        })
    }

    /// Stages by one way, without isolation.
    fn stage_with_way(&mut self, way: Way) -> Result<StagedTree, StagingError> {
        self.before = Some(digest(&self.live()));
        stage(&StagingRequest {
            live: &self.live(),
            state_dir: &self.state(),
            keep: false,
            output_folders: &[],
            interrupted: &AtomicBool::new(false),
            progress: &|_| (),
            way,
            isolate: None,
        })
    }

    /// Stages by one way and no other.
    fn stage_by(&mut self, way: Way) -> Result<StagedTree, StagingError> {
        self.before = Some(digest(&self.live()));
        let outputs = [PathBuf::from("public/packs"), PathBuf::from("public/assets")];
        let isolate = Wish {
            own: PathBuf::from(env!("CARGO_BIN_EXE_themegate")),
            network: false,
            command: Vec::new(),
            variables: Vec::new(),
        };
        stage(&StagingRequest {
            live: &self.live(),
            state_dir: &self.state(),
            keep: false,
            output_folders: &outputs,
            interrupted: &AtomicBool::new(false),
            progress: &|_| (),
            way,
            isolate: Some(isolate),
        })
    }

    fn stage(&mut self) -> StagedTree {
        self.stage_with(false, false, &|_| ()).unwrap()
    }

    /// Compares once; what happens to the live tree afterwards is the test's own.
    fn assert_untouched(&mut self) {
        if let Some(before) = self.before.take()
            && !std::thread::panicking()
        {
            assert_eq!(before, digest(&self.live()), "the live tree was written to");
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.assert_untouched();
    }
}

/// A digest of a file's bytes, the target of a link, and nothing for the rest.
fn content(path: &Path, metadata: &fs::Metadata) -> String {
    if metadata.is_file() {
        blake3::hash(&fs::read(path).unwrap()).to_string()
    } else if metadata.is_symlink() {
        fs::read_link(path).unwrap().display().to_string()
    } else {
        String::new()
    }
}

/// Names, bytes, modes, times, link targets.
fn digest(root: &Path) -> BTreeMap<PathBuf, String> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let content = content(entry.path(), &metadata);
            let (mode, links) = (metadata.mode(), if metadata.is_dir() { 0 } else { metadata.nlink() });
            let line = format!("{mode:o} {links} {}.{} {content}", metadata.mtime(), metadata.mtime_nsec());
            (entry.path().to_path_buf(), line)
        })
        .collect()
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = walkdir::WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .map(|entry| entry.unwrap().path().strip_prefix(root).unwrap().display().to_string())
        .collect();
    names.sort();
    names
}

//! What the integration tests share: copies of the fixture sites, a digest of a whole tree, and a run of the real binary.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const THEMEGATE: &str = env!("CARGO_BIN_EXE_themegate");

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where the compiled real sites stand (`fixtures/setup-*.sh` make them).
pub(crate) fn cache() -> PathBuf {
    std::env::var_os("THEMEGATE_FIXTURE_CACHE").map_or_else(|| repository().join("target/fixtures"), PathBuf::from)
}

/// The sites that a test can be made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `fixtures/live`: no Ruby, no Node; compiled by the builtin compiler.
    Builtin,
    /// Real Rails, webpacker and webpack 4.
    Webpacker,
    /// Real Vite behind a Rakefile.
    Vite,
    /// glitch-soc's shape on real Vite.
    Glitch,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "builtin" => Self::Builtin,
            "webpacker" => Self::Webpacker,
            "vite" => Self::Vite,
            "glitch" => Self::Glitch,
            other => panic!("there is no site called {other}"),
        }
    }

    pub(crate) fn folder(self) -> PathBuf {
        match self {
            Self::Builtin => repository().join("fixtures/live"),
            Self::Webpacker => cache().join("webpacker-site"),
            Self::Vite => cache().join("vite-site"),
            Self::Glitch => cache().join("glitch-site"),
        }
    }

    /// The variables that a real site's toolchain needs here.
    pub(crate) fn environment(self) -> Vec<(String, String)> {
        let name = match self {
            Self::Builtin => return Vec::new(),
            Self::Webpacker => "webpacker-site.env",
            Self::Vite => "vite-site.env",
            Self::Glitch => "glitch-site.env",
        };
        let text = fs::read_to_string(cache().join(name)).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let path = std::env::var("PATH").unwrap_or_default();
        let pair = |(name, value): (&str, &str)| match (name, value.trim_matches('"')) {
            ("PATH_PREPEND", folder) => ("PATH".to_owned(), format!("{folder}:{path}")),
            (name, value) => (name.to_owned(), value.to_owned()),
        };
        pairs.map(pair).collect()
    }
}

/// True, with a word about it, if the test cannot be made because its real site was not set up. `tests/run` sets them up,
/// so that there a skip is a failure.
pub(crate) fn skipped(kind: Kind, test: &str) -> bool {
    if kind.folder().is_dir() {
        return false;
    }
    assert!(
        std::env::var_os("CI").is_none() || std::env::var_os("THEMEGATE_QUICK").is_some(),
        "{kind:?} is not set up"
    );
    eprintln!("skipped: {test}: the {kind:?} site is not set up (fixtures/setup-*.sh)");
    true
}

/// Copies the program, by a process of its own: a child that another thread starts while this one has the copy open for
/// writing would keep it open, and the kernel runs no program that is open for writing ("Text file busy").
pub(crate) fn copy_program(to: &Path) {
    let status = Command::new("cp").arg(THEMEGATE).arg(to).status();
    assert!(status.unwrap().success(), "{}", to.display());
}

/// A copy of a site, alone in a folder of its own.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) live: PathBuf,
    pub(crate) kind: Kind,
}

impl Site {
    pub(crate) fn copy(kind: Kind) -> Self {
        let base = repository().join("target/tmp-sites");
        fs::create_dir_all(&base).unwrap();
        Self::copy_into(kind, &base)
    }

    /// A copy in a folder of its own below `base`.
    pub(crate) fn copy_into(kind: Kind, base: &Path) -> Self {
        let folder = tempfile::tempdir_in(base).unwrap();
        let live = folder.path().join("live");
        let status = Command::new("cp").arg("-a").arg("--reflink=auto").arg(kind.folder()).arg(&live).status().unwrap();
        assert!(status.success(), "{} could not be copied", kind.folder().display());
        Self { folder, live, kind }
    }

    /// A copy without `node_modules`, which is a link to the compiled site's own: for checks that only read there. Nothing
    /// may be changed behind it.
    pub(crate) fn sources_of(kind: Kind) -> Self {
        let base = repository().join("target/tmp-sites");
        fs::create_dir_all(&base).unwrap();
        let folder = tempfile::tempdir_in(&base).unwrap();
        let live = folder.path().join("live");
        fs::create_dir(&live).unwrap();
        let line = r#"cd "$1"; for name in $(ls -A | grep -vxE 'node_modules|.git|tmp|log'); do cp -a "$name" "$2/"; done
[ ! -d node_modules ] || ln -s "$1/node_modules" "$2/node_modules""#;
        let mut copy = Command::new("sh");
        let status = copy.args(["-ec", line, "sh"]).arg(kind.folder()).arg(&live).status().unwrap();
        assert!(status.success(), "{} could not be copied", kind.folder().display());
        Self { folder, live, kind }
    }

    /// The copy as it was made, where only checks were run on it, which leave the live tree as it is: for the next test.
    pub(crate) fn without_runs(self) -> Self {
        for entry in fs::read_dir(self.folder.path()).unwrap().flatten().filter(|entry| entry.path() != self.live) {
            let line = Command::new("rm").arg("-rf").arg("--").arg(entry.path()).status();
            assert!(line.unwrap().success(), "{} could not be removed", entry.path().display());
        }
        self
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.live.join(relative)
    }

    pub(crate) fn write(&self, relative: &str, text: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn append(&self, relative: &str, text: &str) {
        let mut whole = fs::read_to_string(self.path(relative)).unwrap();
        whole.push_str(text);
        self.write(relative, whole);
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join(".themegate")
    }

    /// Stages that were not removed.
    pub(crate) fn stages(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.state()).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("stage-"))
            .collect()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(THEMEGATE);
        command.args(arguments).current_dir(&self.live).envs(self.kind.environment()).env("NO_COLOR", "1");
        command
    }

    /// Runs `themegate check` and reads its report; asserts what holds for every check: the live tree is untouched and no
    /// stage is left.
    pub(crate) fn check(&self, arguments: &[&str]) -> Checked {
        self.check_with(arguments, &[])
    }

    pub(crate) fn check_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Checked {
        self.check_as(None, arguments, environment)
    }

    /// The same as another user, who is given the folder first (root only).
    pub(crate) fn check_as(&self, user: Option<&str>, arguments: &[&str], environment: &[(&str, &str)]) -> Checked {
        let mut command = self.command(&["check", "--format", "json"]);
        if let Some(user) = user {
            // The binary may lie where only its owner can look.
            let binary = self.folder.path().join("themegate");
            copy_program(&binary);
            let owned = Command::new("chown").arg("-hR").arg(user).arg(self.folder.path()).status();
            assert!(owned.unwrap().success());
            command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(binary).args(["check", "--format", "json"]);
            command.current_dir(&self.live).envs(self.kind.environment()).env("NO_COLOR", "1");
        }
        self.run(command.args(arguments).envs(environment.iter().copied()))
    }

    /// The same, started by other words: `runuser`, `unshare`, …. The binary is taken along for a user who cannot look where
    /// it lies.
    pub(crate) fn check_through(&self, words: &[&str], arguments: &[&str]) -> Checked {
        let binary = self.folder.path().join("themegate");
        if !binary.exists() {
            copy_program(&binary);
        }
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(binary).args(["check", "--format", "json"]).args(arguments);
        self.run(command.current_dir(&self.live).envs(self.kind.environment()).env("NO_COLOR", "1"))
    }

    fn run(&self, command: &mut Command) -> Checked {
        let before = marks(&self.live);
        let output = command.output().unwrap();
        assert_same_tree(&before, &marks(&self.live));
        assert_eq!(self.stages(), Vec::<PathBuf>::new(), "a stage was left behind");
        Checked::of(&output)
    }
}

/// What a check said.
pub(crate) struct Checked {
    pub(crate) code: i32,
    pub(crate) report: Value,
    pub(crate) stderr: String,
}

impl Checked {
    pub(crate) fn of(output: &Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Self { code: output.status.code().unwrap_or(-1), report, stderr }
    }

    pub(crate) fn verdict(&self) -> &str {
        self.report["verdict"].as_str().unwrap_or("none")
    }

    pub(crate) fn findings(&self) -> Vec<&Value> {
        self.report["findings"].as_array().into_iter().flatten().collect()
    }

    /// Findings above benign, as text.
    pub(crate) fn grave(&self) -> Vec<String> {
        let grave = self.findings().into_iter().filter(|finding| finding["severity"] != "benign");
        grave.map(|finding| format!("{} {}: {}", finding["severity"], finding["id"], finding["message"])).collect()
    }

    pub(crate) fn finding(&self, id: &str) -> Option<&Value> {
        self.findings().into_iter().find(|finding| finding["id"] == id)
    }

    #[track_caller]
    pub(crate) fn assert_verdict(&self, verdict: &str, code: i32) {
        assert_eq!((self.verdict(), self.code), (verdict, code), "{:#?}\n{}", self.grave(), self.stderr);
    }
}

/// Every path of a tree with its kind, mode, times, link target and bytes.
pub(crate) fn digest(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut result = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).follow_links(false) {
        let entry = entry.unwrap();
        let metadata = entry.path().symlink_metadata().unwrap();
        let content = if metadata.is_symlink() {
            fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned()
        } else if metadata.is_file() {
            blake3::hash(&fs::read(entry.path()).unwrap()).to_hex().to_string()
        } else {
            String::new()
        };
        let facts =
            format!("{:o} {}.{} {content}", metadata.permissions().mode(), metadata.mtime(), metadata.mtime_nsec());
        result.insert(entry.path().strip_prefix(root).unwrap().to_path_buf(), facts);
    }
    result
}

/// Every path of a tree with what the kernel marks it by: in one and the same tree nothing is written, renamed or touched that
/// does not leave another `ctime` (inode(7)), and no file has to be read to see it.
pub(crate) fn marks(root: &Path) -> BTreeMap<PathBuf, String> {
    let mark = |entry: walkdir::DirEntry| {
        let facts = entry.path().symlink_metadata().unwrap();
        let (node, length, changed, part) = (facts.ino(), facts.len(), facts.ctime(), facts.ctime_nsec());
        let text = format!("{:o} {node} {length} {changed}.{part}", facts.mode());
        (entry.path().strip_prefix(root).unwrap().to_path_buf(), text)
    };
    walkdir::WalkDir::new(root).follow_links(false).into_iter().map(|entry| mark(entry.unwrap())).collect()
}

#[track_caller]
pub(crate) fn assert_same_tree(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) {
    let gone = before.keys().filter(|path| !after.contains_key(*path)).map(|path| format!("gone: {}", path.display()));
    let new = after.keys().filter(|path| !before.contains_key(*path)).map(|path| format!("new: {}", path.display()));
    let changed = before.iter().filter(|(path, facts)| after.get(*path).is_some_and(|now| now != *facts));
    let changed = changed.map(|(path, _)| format!("changed: {}", path.display()));
    let differences: Vec<String> = gone.chain(new).chain(changed).collect();
    assert!(differences.is_empty(), "the live tree was touched:\n{}", differences.join("\n"));
}

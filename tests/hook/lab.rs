//! A folder with a live tree, a theme's repository and a bare remote, and git as it is called there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Kind, Site, THEMEGATE, repository};

/// The repository of a theme with a broken stylesheet in place of its own.
pub(crate) const BROKEN: &str = "body { color: red;\n";

/// A stylesheet that compiles.
pub(crate) const GOOD: &str = "@import 'application';\nbody { color: red; }\n";

/// Everything that a hook has to do with.
pub(crate) struct Lab {
    pub(crate) site: Site,
    /// The git that is asked.
    pub(crate) git: PathBuf,
}

/// What a command said and did.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn succeeds(&self) -> &Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn fails(&self) -> &Self {
        assert_ne!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for words in words {
            assert!(
                self.err.contains(words) || self.out.contains(words),
                "{words:?} is not in:\n{}{}",
                self.out,
                self.err
            );
        }
        self
    }

    /// In paths it may stand: the checkout itself has the program's name.
    #[track_caller]
    pub(crate) fn does_not_say(&self, words: &str) -> &Self {
        let said = self.out.split_whitespace().chain(self.err.split_whitespace());
        let said = said.filter(|said| !said.contains('/')).collect::<Vec<_>>().join(" ");
        assert!(!said.contains(words), "{words:?} is in:\n{}{}", self.out, self.err);
        self
    }
}

impl Lab {
    /// A live tree, and a bare remote called `remote.git`.
    pub(crate) fn new() -> Self {
        Self::with(Path::new("git"))
    }

    pub(crate) fn with(git: &Path) -> Self {
        let lab = Self { site: Site::copy(Kind::Builtin), git: git.to_path_buf() };
        lab.git(lab.root(), &["init", "-q", "--bare", "-b", "main", "remote.git"]).succeeds();
        lab
    }

    pub(crate) fn root(&self) -> &Path {
        self.site.folder.path()
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// A repository at `name` with the theme `midnight`, one commit, and `remote.git` as origin.
    pub(crate) fn theme(&self, name: &str) -> PathBuf {
        let theme = self.path(name);
        copy(repository().join("fixtures/themes/midnight"), &theme);
        self.repository(&theme);
        theme
    }

    /// Makes a repository of a folder: one commit on `main`, `remote.git` as origin.
    pub(crate) fn repository(&self, folder: &Path) {
        self.git(folder, &["init", "-q", "-b", "main"]).succeeds();
        let remote = self.path("remote.git");
        self.git(folder, &["remote", "add", "origin", &remote.to_string_lossy()]).succeeds();
        self.commit_all(folder, "first");
    }

    pub(crate) fn commit_all(&self, folder: &Path, message: &str) {
        self.git(folder, &["add", "-A"]).succeeds();
        self.git(folder, &["commit", "-q", "--no-verify", "-m", message]).succeeds();
    }

    /// Writes a file of the theme and commits it.
    pub(crate) fn commit(&self, folder: &Path, file: &str, text: &str) -> String {
        write(&folder.join(file), text);
        self.commit_all(folder, &format!("change {file}"));
        self.rev(folder, "HEAD")
    }

    pub(crate) fn rev(&self, folder: &Path, rev: &str) -> String {
        self.git(folder, &["rev-parse", "--verify", rev]).succeeds().out.trim().to_owned()
    }

    /// What a branch of the remote holds; nothing if it is not there.
    pub(crate) fn remote(&self, name: &str) -> String {
        self.git(&self.path("remote.git"), &["for-each-ref", "--format=%(objectname)", name])
            .succeeds()
            .out
            .trim()
            .to_owned()
    }

    pub(crate) fn git(&self, folder: &Path, words: &[&str]) -> Said {
        self.git_with(folder, words, &[])
    }

    pub(crate) fn git_with(&self, folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Said {
        said(self.surroundings(Command::new(&self.git).args(words).current_dir(folder)).envs(variables.iter().copied()))
    }

    /// themegate itself, in `folder`.
    pub(crate) fn themegate(&self, folder: &Path, words: &[&str]) -> Said {
        said(self.surroundings(Command::new(THEMEGATE).args(words).current_dir(folder)))
    }

    /// Installs hooks for the lab's live tree.
    pub(crate) fn install(&self, folder: &Path, words: &[&str]) -> Said {
        let live = self.site.live.to_string_lossy().into_owned();
        self.themegate(folder, &[&["hook", "install", "--live", &live], words].concat())
    }

    /// No configuration but the repository's own, no variable of a surrounding git, and this git first in `PATH`.
    fn surroundings<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let inherited = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"));
        for (name, _) in inherited {
            command.env_remove(name);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let first = self.git.parent().filter(|folder| folder.is_absolute()).map(Path::to_path_buf);
        let path = std::env::join_paths(first.into_iter().chain(std::env::split_paths(&path))).unwrap();
        command
            .stdin(Stdio::null())
            .env("PATH", path)
            .env("HOME", self.root())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("NO_COLOR", "1")
            .env_remove("THEMEGATE_LIVE")
            .env_remove("THEMEGATE_SKIP");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "ada").env(format!("GIT_{who}_EMAIL"), "ada@example.social");
        }
        command
    }
}

fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A hook of somebody else's.
pub(crate) fn write_script(path: &Path, text: &str) {
    write(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn copy(from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) {
    assert!(Command::new("cp").arg("-a").arg(from.as_ref()).arg(to.as_ref()).status().unwrap().success());
}

/// The main stylesheet of `midnight`.
pub(crate) const SHEET: &str = "mastodon/app/javascript/styles/midnight.scss";

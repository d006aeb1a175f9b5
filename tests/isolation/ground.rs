//! A site with secrets, and a build in it that is a script.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::support::{Checked, Kind, Site, THEMEGATE, assert_same_tree, digest, repository};

/// A site in a folder with a home, a secret, and something outside that must stay as it is.
pub(super) struct Ground {
    pub(super) site: Site,
    pub(super) user: Option<&'static str>,
}

impl Ground {
    pub(super) fn new() -> Self {
        Self::on(Kind::Builtin, Path::new("/tmp"))
    }

    pub(super) fn on(kind: Kind, base: &Path) -> Self {
        let site = Site::copy_into(kind, base);
        fs::set_permissions(site.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let ground = Self { site, user: None };
        for (name, text) in [
            ("home/.cache/tool/old", "old\n"),
            ("home/.ssh/id_ed25519", "tell-nobody\n"),
            ("home/.profile", "true\n"),
            ("home/.netrc", "tell-nobody\n"),
            ("yarn/old", "old\n"),
            ("outside/file", "as it was\n"),
            ("shared/secret", "DB_PASS=tell-nobody\n"),
            ("live/config/database.yml", "production: {}\n"),
        ] {
            let path = ground.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        ground.site.write(".env.production.local", "SECRET=tell-nobody\n");
        let environment = ground.path("live/.env.production");
        let _not_everywhere = fs::remove_file(&environment);
        symlink("../shared/secret", environment).unwrap();
        ground
    }

    /// The same for an ordinary user, if there can be one (root only).
    pub(super) fn for_user(mut self) -> Option<Self> {
        let user = ["mastodon", "nobody"].into_iter().find(|user| {
            Command::new("runuser")
                .args(["-u", user, "true"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|end| end.success())
        })?;
        self.user = Some(user);
        Some(self)
    }

    pub(super) fn can_look(&self) -> bool {
        let mut look = Command::new("runuser");
        look.args(["-u", self.user.unwrap_or("root"), "--", "test", "-r"]).arg(self.site.folder.path());
        look.status().is_ok_and(|end| end.success())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.site.folder.path().join(name)
    }

    /// Everything but the state folder and the program that the check may have been given.
    pub(super) fn digest(&self) -> BTreeMap<PathBuf, String> {
        let mut all = digest(self.site.folder.path());
        all.retain(|path, _| {
            !path.starts_with(".themegate") && path != Path::new("themegate") && path != Path::new("")
        });
        all
    }

    pub(super) fn script(&self, text: &str) -> String {
        let path = self.path("script.sh");
        let program = if self.user.is_some() { self.path("themegate") } else { PathBuf::from(THEMEGATE) };
        let text = text.replace("PROGRAM", &program.display().to_string());
        fs::write(&path, text.replace("@", &self.site.folder.path().display().to_string())).unwrap();
        format!("sh {}", path.display())
    }

    /// Checks with a script as compiler, and asserts that nothing outside of the stage has changed.
    pub(super) fn build(&self, script: &str, arguments: &[&str]) -> Built {
        let line = self.script(script);
        let mut all = vec!["--compiler", line.as_str()];
        all.extend(arguments);
        if let Some(user) = self.user {
            let status = Command::new("chown").arg("-hR").arg(format!("{user}:")).arg(self.site.folder.path()).status();
            assert!(status.unwrap().success());
        }
        let before = self.digest();
        let [home, yarn] = ["home", "yarn"].map(|name| self.path(name).display().to_string());
        let [home_word, yarn_word] = [format!("HOME={home}"), format!("YARN_CACHE_FOLDER={yarn}")];
        let checked = match self.user {
            // `runuser` sets a home of its own.
            Some(user) => self.site.check_through(&["runuser", "-u", user, "--", "env", &home_word, &yarn_word], &all),
            None => self.site.check_with(&all, &[("HOME", &home), ("YARN_CACHE_FOLDER", &yarn)]),
        };
        assert_same_tree(&before, &self.digest());
        let log = self.site.command(&["show", "latest", "--log"]).output().unwrap();
        Built { checked, log: String::from_utf8_lossy(&log.stdout).into_owned() }
    }
}

pub(super) struct Built {
    pub(super) checked: Checked,
    pub(super) log: String,
}

impl Built {
    #[track_caller]
    pub(super) fn assert_isolated(&self) {
        let said = self.checked.report["staging"]["isolation"].as_str().unwrap_or_default();
        assert!(
            said.starts_with("the build saw its stage alone"),
            "{}\n{:?}\n{}",
            self.checked.report["staging"],
            self.checked.grave(),
            self.checked.stderr
        );
    }

    #[track_caller]
    pub(super) fn assert_says(&self, word: &str) {
        assert!(self.log.lines().any(|line| line == word), "{word:?} is not in:\n{}", self.log);
    }
}

/// A place outside of the folders for temporary files: there, the build does not even see what it would spoil.
pub(super) fn elsewhere() -> PathBuf {
    let folder = repository().join("target/tmp-sites");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Every ground that there is: root's, and an ordinary user's where they can look.
pub(super) fn each(bases: &[&Path], test: impl Fn(Ground)) {
    for base in bases.iter().filter(|base| tempfile::tempdir_in(base).is_ok()) {
        test(Ground::on(Kind::Builtin, base));
        match Ground::on(Kind::Builtin, base).for_user() {
            Some(ground) if ground.can_look() => test(ground),
            _ => eprintln!("skipped: the part for an ordinary user in {}: runuser is for root", base.display()),
        }
    }
}

//! A small site with a staged tree beside it, generated; and what the tests of promotion need to look at it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use themegate::promotion::disk::Disk;
use themegate::promotion::generations::Generation;
use themegate::promotion::promotable::record_of;
use themegate::promotion::{Fingerprints, Promotable, PromotionError, StateFolder, Terms};

/// The run that passed.
pub(crate) const RUN: &str = "2023-08-02T13-25-07";

/// The registry before and after.
pub(crate) const REGISTRY_OLD: &str = "default: styles/application.scss\ncontrast: styles/contrast.scss\n";
pub(crate) const REGISTRY_NEW: &str =
    "default: styles/application.scss\ncontrast: styles/contrast.scss\ntangerineui: styles/tangerineui.scss\n";

/// Which toolchain's layout is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Vite,
    Webpacker,
}

/// `home/live`, `home/.themegate`, and the staged tree in the latter.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) home: PathBuf,
    pub(crate) layout: Layout,
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

impl Site {
    /// Generates it; `home` is emptied first.
    pub(crate) fn generate(home: &Path, layout: Layout) -> Self {
        let site = Self { home: home.to_path_buf(), layout };
        let _ = Command::new("rm").arg("-rf").arg(home).status().unwrap();
        site.compiled(&site.live(), "old");
        put(&site.live().join("config/themes.yml"), REGISTRY_OLD);
        put(&site.live().join("app/javascript/styles/application.scss"), "body { color: red }\n");
        put(&site.live().join("public/packs/css/ancient-00000000.css"), "/* for open tabs */\n");
        symlink("packs/sw.js", site.live().join("public/sw.js")).unwrap();
        site.compiled(&site.staged(), "new");
        put(&site.staged().join("config/themes.yml"), REGISTRY_NEW);
        put(&site.staged().join("app/javascript/styles/tangerineui.scss"), "@use 'application';\n");
        put(&site.staged().join("app/javascript/styles/tangerineui/layout.scss"), &"main { margin: 0 }\n".repeat(300));
        site.record();
        site
    }

    /// Lays another run that passed into the place of the first: an update of the theme, compiled, checked against what is
    /// live now.
    pub(crate) fn update(&self, age: &str) {
        assert!(Command::new("rm").arg("-rf").arg(self.staged()).status().unwrap().success());
        self.compiled(&self.staged(), age);
        put(&self.staged().join("config/themes.yml"), REGISTRY_NEW);
        put(&self.staged().join("app/javascript/styles/tangerineui.scss"), &format!("@use 'application'; // {age}\n"));
        put(&self.staged().join("app/javascript/styles/tangerineui/layout.scss"), "main { margin: 0 }\n");
        self.record();
    }

    /// What a compile leaves; `age` goes into every name with a fingerprint, and into every content.
    fn compiled(&self, tree: &Path, age: &str) {
        let packs = tree.join("public/packs");
        put(&packs.join(format!("css/default-{age}.css")), &format!("/* default {age} */\n").repeat(200));
        put(&packs.join(format!("css/default-{age}.css.gz")), &format!("gz of default {age}"));
        put(&packs.join(format!("js/application-{age}.js")), &format!("// application {age}\n"));
        put(&packs.join("js/stable-1234.js"), "// the same in both\n");
        put(&packs.join("js/stable-1234.js.map"), &format!("map made at {age}"));
        put(&packs.join("sw.js"), &format!("// worker {age}\n"));
        put(&packs.join("sw.js.gz"), &format!("gz of worker {age}"));
        if age == "old" {
            put(&packs.join("sw.js.br"), "br of worker old");
        } else {
            put(&packs.join(format!("css/tangerineui-{age}.css")), "/* tangerine */\n");
            put(&packs.join(format!("fonts/tangerine-{age}.woff2")), "font");
        }
        put(&tree.join("public/assets/500.html"), &format!("<link href=/packs/css/default-{age}.css>\n"));
        match self.layout {
            Layout::Vite => {
                put(&packs.join(".vite/manifest.json"), &format!("{{\"styles/application.scss\":\"{age}\"}}\n"));
                put(&packs.join(".vite/manifest-lookup.json"), &format!("{{\"themes/default\":\"{age}\"}}\n"));
                put(&packs.join(".vite/manifest-assets.json"), "{}\n");
                put(&tree.join("public/assets/.manifest.json"), "{}\n");
            }
            Layout::Webpacker => {
                put(&packs.join("manifest.json"), &format!("{{\"default.css\":\"{age}\"}}\n"));
                put(&packs.join("manifest.json.gz"), &format!("gz of manifest {age}"));
            }
        }
    }

    /// Writes the record that the gate leaves of a run that passed.
    pub(crate) fn record(&self) {
        let manifests = self.manifests();
        let sources = vec![
            PathBuf::from("app/javascript/styles/tangerineui.scss"),
            PathBuf::from("app/javascript/styles/tangerineui/layout.scss"),
        ];
        let registry = PathBuf::from("config/themes.yml");
        let named = || manifests.iter().chain(&sources).cloned().chain([registry.clone()]);
        let staged = files(&self.staged());
        let output = staged.into_iter().filter(|name| name.starts_with("public"));
        let staged_seen =
            Fingerprints::of(&self.staged(), output.chain(named()).filter(|n| self.staged().join(n).exists()));
        let record = serde_json::json!({
            "run_id": RUN, "live": self.live(), "staged": self.staged(),
            "output_folders": ["public/packs", "public/assets"],
            "manifests": manifests, "sources": sources, "registry": registry,
            "staged_seen": staged_seen.unwrap(),
            "live_seen": Fingerprints::of(&self.live(), named()).unwrap(),
            "registry_seen": fs::read_to_string(self.live().join("config/themes.yml")).unwrap(),
        });
        put(&record_of(&self.state(), RUN), &record.to_string());
    }

    fn manifests(&self) -> Vec<PathBuf> {
        let names: &[&str] = match self.layout {
            Layout::Vite => &["public/packs/.vite/manifest.json", "public/packs/.vite/manifest-lookup.json"],
            Layout::Webpacker => &["public/packs/manifest.json"],
        };
        names.iter().map(PathBuf::from).collect()
    }

    pub(crate) fn live(&self) -> PathBuf {
        self.home.join("live")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.home.join(".themegate")
    }

    pub(crate) fn staged(&self) -> PathBuf {
        self.state().join("staged").join(RUN)
    }

    pub(crate) fn promote(&self, disk: &Disk) -> Result<Option<Generation>, PromotionError> {
        let state = StateFolder::open(disk, &self.state()).map_err(|e| PromotionError::Refused(e.into()))?;
        let promotable = Promotable::load(&self.state(), RUN).unwrap();
        let keep_old_files = Some(std::time::Duration::from_secs(90 * 24 * 60 * 60));
        themegate::promotion::promote(disk, &state, &promotable, Terms { keep_old_files, ..Terms::default() })
    }

    pub(crate) fn rollback(&self, disk: &Disk) -> Result<Option<Generation>, PromotionError> {
        let state = StateFolder::open(disk, &self.state()).map_err(|e| PromotionError::Refused(e.into()))?;
        themegate::promotion::rollback(disk, &state, &self.live(), None, false)
    }

    /// Rolls back to before the generation `to`.
    pub(crate) fn rollback_to(&self, to: &str) -> Result<Option<Generation>, PromotionError> {
        let disk = Disk::real();
        let state = StateFolder::open(&disk, &self.state()).map_err(|e| PromotionError::Refused(e.into()))?;
        themegate::promotion::rollback(&disk, &state, &self.live(), Some(to), false)
    }

    /// The generations, the oldest first.
    pub(crate) fn generations(&self) -> Vec<Generation> {
        themegate::promotion::generations::list(&self.state().join("generations")).unwrap()
    }

    pub(crate) fn withdraw(&self, disk: &Disk) -> Result<Option<Generation>, PromotionError> {
        let state = StateFolder::open(disk, &self.state()).map_err(|e| PromotionError::Refused(e.into()))?;
        let name = Path::new("config/themes.yml");
        let seen = fs::read(self.live().join(name)).unwrap();
        let text = REGISTRY_OLD.to_owned();
        themegate::promotion::withdraw(disk, &state, &self.live(), name, "tangerineui", (&seen, text))
    }

    pub(crate) fn recover(&self, disk: &Disk) -> Result<Vec<themegate::promotion::switch::Recovered>, String> {
        let state = StateFolder::open(disk, &self.state()).map_err(|error| error.to_string())?;
        themegate::promotion::recover(disk, &state).map_err(|error| error.to_string())
    }

    /// The live tree, byte for byte.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        snapshot(&self.live())
    }
}

/// Every file, folder and link of a tree with its mode, owner, and content.
pub(crate) fn snapshot(tree: &Path) -> BTreeMap<PathBuf, String> {
    let entry = |path: PathBuf| {
        let metadata = path.symlink_metadata().unwrap();
        let content = match () {
            () if metadata.is_symlink() => format!("link to {}", fs::read_link(&path).unwrap().display()),
            () if metadata.is_dir() => "folder".to_owned(),
            () => String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
        };
        let about = format!("{:o} {}:{} {content}", metadata.mode(), metadata.uid(), metadata.gid());
        (path.strip_prefix(tree).unwrap().to_path_buf(), about)
    };
    walkdir::WalkDir::new(tree).into_iter().map(|found| entry(found.unwrap().into_path())).collect()
}

/// The names of all files of a tree.
pub(crate) fn files(tree: &Path) -> Vec<PathBuf> {
    let found = walkdir::WalkDir::new(tree).into_iter().map(Result::unwrap).filter(|entry| !entry.file_type().is_dir());
    found.map(|entry| entry.path().strip_prefix(tree).unwrap().to_path_buf()).collect()
}

/// What two trees do not have in common, for a message.
pub(crate) fn difference(one: &BTreeMap<PathBuf, String>, other: &BTreeMap<PathBuf, String>) -> Vec<PathBuf> {
    let names = one.keys().chain(other.keys());
    let mut differing: Vec<PathBuf> = names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect();
    differing.dedup();
    differing
}

/// A folder for the test: in memory where that is possible.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A whole copy of a site's home.
pub(crate) fn copy_home(from: &Path, to: &Path) {
    let removed = Command::new("rm").arg("-rf").arg(to).status().unwrap();
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(removed.success() && copied.success());
}

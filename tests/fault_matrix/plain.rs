//! What somebody sees who runs the plain precompile and looks at the result: measured once, kept in `tests/faults-plain.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::for_each_row;
use crate::row::{Fault, Matrix, apply, theme_folder};
use crate::support::{Kind, Site, repository};

/// What the plain precompile did, as somebody who looks at the exit code and the site sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plain {
    /// Its exit code.
    pub(crate) exit: i32,
    /// Whether the manifest has other bytes than before.
    pub(crate) manifest_rewritten: bool,
    /// Whether the manifest knows the theme afterwards.
    pub(crate) theme_present: bool,
}

/// By fault, then by site.
pub(crate) type PlainTable = BTreeMap<String, BTreeMap<String, Plain>>;

pub(crate) fn plain_path() -> PathBuf {
    repository().join("tests/faults-plain.toml")
}

pub(crate) fn plain_table() -> PlainTable {
    toml::from_str(&fs::read_to_string(plain_path()).unwrap_or_default()).unwrap()
}

/// Does what a README tells: copies the theme's files in, adds its line unless it brings a registry, and precompiles.
pub(crate) fn precompile_plainly(fault: &Fault, kind: Kind) -> Option<Plain> {
    let manifests: &[&str] = match kind {
        Kind::Builtin => return None,
        Kind::Webpacker => &["public/packs/manifest.json"],
        Kind::Vite | Kind::Glitch => &["public/packs/.vite/manifest.json", "public/packs/.vite/manifest-lookup.json"],
    };
    if !fault.arguments.is_empty() || fault.disk.is_some() || fault.user.is_some() {
        return None;
    }
    let site = Site::copy(kind);
    apply(&fault.live, &site.live, kind);
    if let Some(theme) = theme_folder(fault, kind, site.folder.path()) {
        let line = r#"cd "$1"; [ -d mastodon ] && cd mastodon; cp -a app "$2/"; mkdir -p "$2/config"
if [ -f config/themes.yml ]; then cp config/themes.yml "$2/config/"; elif [ -f "$2/config/themes.yml" ]; then
grep -q '^ft:' "$2/config/themes.yml" || printf '\nft: styles/ft.scss\n' >> "$2/config/themes.yml"; fi
[ -d config/locales ] && cp -a config/locales "$2/config/"; true"#;
        let status = Command::new("sh").args(["-c", line, "sh"]).arg(&theme).arg(&site.live).status();
        assert!(status.unwrap().success());
    }
    let read =
        || manifests.iter().map(|path| fs::read_to_string(site.path(path)).unwrap_or_default()).collect::<String>();
    let before = read();
    let mut command = Command::new("timeout");
    command.args(["180", "bundle", "exec", "rails", "assets:precompile"]).current_dir(&site.live);
    command.envs(kind.environment()).envs(&fault.environment).stdin(std::process::Stdio::null());
    let exit = command.output().unwrap().status.code().unwrap_or(-1);
    let after = read();
    let theme_present = ["\"ft.css\"", "\"themes/ft\"", "\"skins/glitch/ft"].iter().any(|key| after.contains(key));
    Some(Plain { exit, manifest_rewritten: before != after, theme_present })
}

pub(crate) fn measure(matrix: &Matrix) {
    let table = Mutex::new(plain_table());
    for_each_row(matrix, &|fault, site| {
        let Some(plain) = precompile_plainly(fault, Kind::named(site)) else { return };
        eprintln!("plain   {:<44} {site:<10} {plain:?}", fault.id);
        let mut table = table.lock().unwrap();
        table.entry(fault.id.clone()).or_default().insert(site.to_owned(), plain);
        fs::write(plain_path(), toml::to_string(&*table).unwrap()).unwrap();
    });
}

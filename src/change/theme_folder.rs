//! Reads theme folders into a change: walk, sort by place, read, judge, compare with the live tree, register.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::difference;
use super::folder::{self, FoundFile, Walk};
use super::layout::{self, Layout};
use super::places::{self, Place};
use super::{Change, ChangeError, ChangeSource, LeftOut, SiteFacts, companions, content, registration};
use crate::finding::Finding;
use crate::site::Fork;
use crate::stylesheet::says_nothing;

/// Where single stylesheets go, and what they bring along.
const STYLES: &str = "app/javascript/styles";

/// Bytes of a change that are kept in memory; what exceeds it is read again when it is staged.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// A file that may be deployed, read and hashed.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Relative to the live tree.
    pub(super) to: PathBuf,
    /// The theme folder.
    pub(super) root: PathBuf,
    /// Relative to the theme folder.
    pub(super) path: PathBuf,
    /// Hash of the bytes.
    pub(super) blake3: blake3::Hash,
    /// Length in bytes.
    pub(super) len: u64,
    /// The bytes, while all of them together are few.
    pub(super) content: Option<Arc<[u8]>>,
    /// What a stylesheet imports.
    pub(super) imports: Vec<String>,
    /// Whether it is a stylesheet without any rule.
    pub(super) says_nothing: bool,
    /// Whether the live tree forbids it: a finding says so already.
    pub(super) refused: bool,
}

/// One theme folder, read.
#[derive(Debug, Default)]
pub(super) struct ThemeFolder {
    /// The folder itself, or the one that holds the single stylesheet.
    pub(super) root: PathBuf,
    /// What may be deployed.
    pub(super) candidates: Vec<Candidate>,
    /// The theme's own registry: its path in the theme folder and its bytes.
    pub(super) registry: Option<(PathBuf, Vec<u8>)>,
    left_out: Vec<LeftOut>,
    findings: Vec<Finding>,
}

/// Reads the change that `folders` propose: theme folders, or single stylesheets.
///
/// # Errors
/// If a folder is missing, unreadable, or holds no theme in any known layout. What is wrong with a theme that could be read
/// stands in [`Change::findings`].
pub fn read_theme_folders(folders: &[PathBuf], site: &SiteFacts<'_>) -> Result<Change, ChangeError> {
    let mut change = super::as_it_is();
    change.source = ChangeSource::ThemeFolders(folders.to_vec());
    let mut themes = Vec::new();
    for folder in folders {
        let mut theme = read_one(folder, site)?;
        change.left_out.append(&mut theme.left_out);
        change.findings.append(&mut theme.findings);
        themes.push(theme);
    }
    let candidates: Vec<Candidate> = themes.iter().flat_map(|theme| theme.candidates.clone()).collect();
    change.findings.extend(difference::collisions(&candidates));
    let compared = difference::compare_all(candidates, site, &mut change.findings);
    let accepted: HashSet<&Path> = compared.iter().map(|(candidate, _)| candidate.to.as_path()).collect();
    for candidate in themes.iter_mut().flat_map(|theme| &mut theme.candidates) {
        candidate.refused = !accepted.contains(candidate.to.as_path());
    }
    registration::register(&themes, &compared, site, &mut change);
    (change.files, change.counts) = difference::changed_files(compared);
    if change.files.is_empty() && change.registry.is_none() && change.findings.is_empty() {
        change.findings.push(nothing_new());
    }
    Ok(change)
}

fn read_one(folder: &Path, site: &SiteFacts<'_>) -> Result<ThemeFolder, ChangeError> {
    let named = fs::canonicalize(folder).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ChangeError::Missing { path: folder.to_path_buf() },
        _ => ChangeError::Unreadable { path: folder.to_path_buf(), source },
    })?;
    let kind = fs::metadata(&named).map_err(|source| ChangeError::Unreadable { path: named.clone(), source })?;
    if kind.is_dir() {
        return read_folder(&named, site);
    }
    let (Some(root), Some(name)) = (named.parent(), named.file_name()) else {
        return Err(ChangeError::NotATheme { path: named });
    };
    if !kind.is_file() || !matches!(places::extension(&named).as_str(), "scss" | "css") {
        return Err(ChangeError::NotATheme { path: named.clone() });
    }
    let mut theme = ThemeFolder { root: root.to_path_buf(), ..ThemeFolder::default() };
    let read = |path: &Path| folder::read(root, path).ok();
    let is_mastodons = |path: &Path| (site.shipped)(&Path::new(STYLES).join(path));
    let companions = companions::of(Path::new(name), &read, &is_mastodons);
    for path in std::iter::once(PathBuf::from(name)).chain(companions) {
        let len = fs::metadata(root.join(&path)).map_or(0, |file| file.len());
        let to = Path::new(STYLES).join(&path);
        theme.read_file(root, &FoundFile { path, executable: false, len }, to)?;
    }
    Ok(theme)
}

fn read_folder(root: &Path, site: &SiteFacts<'_>) -> Result<ThemeFolder, ChangeError> {
    let Walk { files, skipped, findings } = folder::walk(root)?;
    let mut theme = ThemeFolder { root: root.to_path_buf(), findings, ..ThemeFolder::default() };
    theme.left_out.extend(skipped.into_iter().map(|(path, why)| LeftOut { path, why: why.to_owned() }));
    let imports_stock = |path: &Path| folder::read(root, path).is_ok_and(|bytes| content::imports_stock(&bytes));
    let Some(layout) = layout::detect(&files, &imports_stock) else {
        // A link where the stylesheets should be hides the layout: the link is what has to be told.
        return if theme.findings.is_empty() { Err(unlike_a_theme(root, &files)) } else { Ok(theme) };
    };
    let own_folder = layout.has_own_folder() || root.file_name().is_some_and(|name| name == "mastodon");
    let mut artwork = Vec::new();
    for file in &files {
        let Some(to) = theme.sort(file, &layout, own_folder, site) else {
            continue;
        };
        if to == Path::new(crate::site::registry::PATH) {
            theme.registry = Some((file.path.clone(), folder::read(root, &file.path)?));
        } else if layout.is_flat() && !places::is_stylesheet(&to) {
            artwork.push((file, to));
        } else {
            theme.read_file(root, file, to)?;
        }
    }
    theme.read_artwork(root, artwork)?;
    Ok(theme)
}

/// Why a folder is no theme: of the folders in it, one may be.
fn unlike_a_theme(root: &Path, files: &[FoundFile]) -> ChangeError {
    let path = root.to_path_buf();
    let folders: BTreeSet<&OsStr> = files.iter().filter_map(|file| file.path.parent()?.iter().next()).collect();
    let is_theme = |folder: &&&OsStr| {
        let inner = files.iter().filter_map(|file| {
            Some(FoundFile { path: file.path.strip_prefix(folder).ok()?.to_path_buf(), ..file.clone() })
        });
        layout::detect(&inner.collect::<Vec<_>>(), &|_| false).is_some()
    };
    let mut themes = folders.iter().filter(is_theme);
    match (themes.next(), themes.next()) {
        (Some(folder), None) => ChangeError::OneBelow { below: root.join(folder), path },
        _ => ChangeError::NoLayout { path },
    }
}

impl ThemeFolder {
    /// The place of a file in the live tree; `None` if it was left out or refused, which is then on record.
    fn sort(&mut self, file: &FoundFile, layout: &Layout, own_folder: bool, site: &SiteFacts<'_>) -> Option<PathBuf> {
        if let Some(why) = places::editor_file(&file.path) {
            return self.leave_out(&file.path, why);
        }
        let to = match layout.target(&file.path) {
            Ok(to) => to,
            Err(why) => return self.leave_out(&file.path, why),
        };
        let is_skin = to.starts_with("app/javascript/skins");
        match places::place_of(&to, own_folder) {
            Place::Deploy if is_skin && site.fork == Fork::Mastodon => {
                self.leave_out(&file.path, "a skin for glitch-soc, and this site is Mastodon")
            }
            Place::Registry if site.fork == Fork::GlitchSoc => {
                self.leave_out(&file.path, "a theme registry, and glitch-soc finds its skins by folder")
            }
            Place::Deploy | Place::Registry => Some(to),
            Place::LeaveOut(why) => self.leave_out(&file.path, why),
            Place::Refuse(why) => {
                self.findings.push(refused(&file.path, &to, why));
                None
            }
        }
    }

    fn leave_out(&mut self, path: &Path, why: &str) -> Option<PathBuf> {
        self.left_out.push(LeftOut { path: path.to_path_buf(), why: why.to_owned() });
        None
    }

    fn read_file(&mut self, root: &Path, file: &FoundFile, to: PathBuf) -> Result<(), ChangeError> {
        if let Some((finding, readable)) = content::size_fault(&file.path, file.len) {
            self.findings.push(finding);
            if !readable {
                return Ok(());
            }
        }
        let bytes = folder::read(root, &file.path)?;
        self.findings.extend(content::faults(&file.path, &bytes));
        if file.executable {
            self.findings.push(executable(&file.path));
        }
        let is_stylesheet = places::is_stylesheet(&to);
        let kept: u64 = self.candidates.iter().filter(|other| other.content.is_some()).map(|other| other.len).sum();
        let len = bytes.len() as u64;
        self.candidates.push(Candidate {
            to,
            root: root.to_path_buf(),
            path: file.path.clone(),
            blake3: blake3::hash(&bytes),
            len,
            refused: false,
            imports: if is_stylesheet { content::imports(&bytes) } else { Vec::new() },
            says_nothing: is_stylesheet && says_nothing(&String::from_utf8_lossy(&bytes)),
            content: (kept + len <= KEPT_BYTES).then(|| bytes.into()),
        });
        Ok(())
    }

    /// Of a flat folder's images and fonts, those that a stylesheet names.
    fn read_artwork(&mut self, root: &Path, artwork: Vec<(&FoundFile, PathBuf)>) -> Result<(), ChangeError> {
        let sheets: Vec<Arc<[u8]>> = self.candidates.iter().filter_map(|sheet| sheet.content.clone()).collect();
        for (file, to) in artwork {
            let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let is_named = sheets.iter().any(|sheet| memchr::memmem::find(sheet, name.as_bytes()).is_some());
            if is_named {
                self.read_file(root, file, to)?;
            } else {
                self.leave_out(&file.path, "no stylesheet of the theme names it");
            }
        }
        Ok(())
    }
}

fn refused(path: &Path, to: &Path, why: &str) -> Finding {
    Finding::fatal("change-outside-allowed-places", format!("The theme wants to write {}: {why}.", to.display()))
        .at(path)
        .meaning("A theme needs app/javascript/{styles,skins,fonts,images,icons} and config/locales, and nothing else; anything more could change what the site does.")
        .help(format!("Delete {} from the theme folder if the theme works without it; ask the theme's author otherwise.", path.display()))
}

fn executable(path: &Path) -> Finding {
    let message = format!("{} is marked as a program; it is installed as a plain file (0644).", path.display());
    Finding::benign("change-drops-executable-bit", message).at(path)
}

fn nothing_new() -> Finding {
    Finding::benign("change-is-empty", "The live tree has every file of the theme already, byte for byte.")
        .help("Nothing to do; to judge the site as it is, leave --theme out.")
}

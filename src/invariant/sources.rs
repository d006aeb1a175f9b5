//! Which source of a change a fault stands in, and whose it is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{OfferedTheme, Subject};

impl<'gate> Subject<'gate> {
    /// The source line of a theme that holds `needle`: its own file first, then what lies in a folder of its name, then what
    /// no other theme has for its own.
    #[must_use]
    pub fn source_of(&self, theme: &OfferedTheme, needle: &str) -> Option<(PathBuf, u64, String)> {
        self.source_where(theme, |line, _| line.contains(needle))
    }

    /// The same of the first line that `is_wanted`, by itself and by all the text from there on.
    #[must_use]
    pub fn source_where(
        &self,
        theme: &OfferedTheme,
        is_wanted: impl Fn(&str, &str) -> bool,
    ) -> Option<(PathBuf, u64, String)> {
        let found = self.sources.iter().filter_map(|(path, text)| {
            let starts =
                text.split_inclusive('\n').scan(0, |end, line| Some(std::mem::replace(end, *end + line.len())));
            let mut lines = text.lines().zip(starts).enumerate();
            let (index, (line, _)) = lines.find(|(_, (line, start))| is_wanted(line, &text[*start..]))?;
            Some((self.distance(theme, path), (path.clone(), index as u64 + 1, line.trim().to_owned())))
        });
        found.min_by_key(|(distance, _)| *distance).map(|(_, place)| place)
    }

    /// The nearest of the sources that may belong to a theme and that `is_wanted`.
    #[must_use]
    pub fn nearest(&self, theme: &OfferedTheme, is_wanted: impl Fn(&Path, &str) -> bool) -> Option<&'gate Path> {
        const OF_ANOTHER: u8 = 3;
        let sources: &'gate BTreeMap<PathBuf, String> = self.sources;
        let wanted = sources.iter().filter(|(path, text)| is_wanted(path, text));
        let near = wanted.map(|(path, _)| (self.distance(theme, path), path)).filter(|(far, _)| *far < OF_ANOTHER);
        near.min().map(|(_, path)| path.as_path())
    }

    /// How far a source lies from a theme: 0 for its own file, 3 for the file or folder of another one.
    fn distance(&self, theme: &OfferedTheme, path: &Path) -> u8 {
        let is_entry = |theme: &OfferedTheme| path.ends_with(&theme.source);
        let has_folder = |theme: &OfferedTheme| {
            let stem = Path::new(&theme.source).with_extension("");
            let names = [stem.file_name().unwrap_or_default(), OsStr::new(&theme.name)];
            path.parent().is_some_and(|folder| folder.components().any(|part| names.contains(&part.as_os_str())))
        };
        let mut others = self.offered.iter().filter(|other| other.name != theme.name);
        match () {
            () if is_entry(theme) => 0,
            () if has_folder(theme) => 1,
            () if others.any(|other| is_entry(other) || has_folder(other)) => 3,
            () => 2,
        }
    }
}

//! What rules saw in one log: sightings of the same thing are counted as one. It must not know how lines are matched.

use std::collections::{BTreeMap, HashMap};

use super::matcher::RuleSet;
use super::pattern::Pattern;
use super::rule::{Level, Part, Rule};

/// Lines of an excerpt.
const EXCERPT_LINES: usize = 8;
/// Characters of a line in an excerpt.
const EXCERPT_WIDTH: usize = 240;
/// Different things told apart in one log; more are counted with the first of their rule.
const MOST: usize = 2_000;
/// Places kept of one thing.
const PLACES: usize = 5;

/// A place in the log: its first line and some text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub line: u64,
    pub excerpt: String,
}

/// One time that a rule saw something, with the lines that belong to it.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub rule: usize,
    pub line: u64,
    /// Counts lines that say something; for conditions.
    pub index: u64,
    pub last_index: u64,
    /// The step of an image's build that said so.
    pub step: Option<u32>,
    pub captures: BTreeMap<String, String>,
    excerpt: Vec<String>,
}

impl Sighting {
    pub(crate) fn new(rule: usize, line: u64, index: u64, text: &str) -> Self {
        let mut sighting =
            Self { rule, line, index, last_index: index, step: None, captures: BTreeMap::new(), excerpt: Vec::new() };
        sighting.quote(text);
        sighting
    }

    /// The line that was seen first.
    pub(crate) fn first_line(&self) -> &str {
        self.excerpt.first().map_or("", String::as_str)
    }

    /// Adds a line to the excerpt while there is room.
    pub(crate) fn quote(&mut self, text: &str) {
        if self.excerpt.len() < EXCERPT_LINES {
            self.excerpt.push(shortened(text));
        }
    }

    /// Takes over what a pattern names in a line; what is known already stays. `file2` is another `file`.
    pub(crate) fn learn(&mut self, pattern: &Pattern, text: &str) {
        let Some(found) = pattern.captures(text) else { return };
        if let (Some(file), Some(line)) = (found.name("file"), found.name("line")) {
            self.learn_part(file.as_str(), line.as_str());
        }
        for name in pattern.names() {
            if let Some(value) = found.name(name).filter(|value| !value.is_empty()) {
                let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
                self.captures.entry(name.to_owned()).or_insert_with(|| value.as_str().to_owned());
            }
        }
    }

    /// A line number belongs to the file that it stands with: of a stylesheet that fails, the part that it imports and that is at
    /// fault.
    fn learn_part(&mut self, file: &str, line: &str) {
        let known = self.captures.get("file").filter(|known| is_stylesheet(known) && is_stylesheet(file));
        if known.is_some() && !self.captures.contains_key("line") {
            self.captures.insert("file".to_owned(), file.to_owned());
            self.captures.insert("line".to_owned(), line.to_owned());
        }
    }

    fn place(&self) -> Place {
        Place { line: self.line, excerpt: self.excerpt.join("\n") }
    }
}

fn is_stylesheet(path: &str) -> bool {
    [".css", ".scss", ".sass", ".less"].iter().any(|ending| path.ends_with(ending))
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(EXCERPT_WIDTH).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The same thing, seen once or more often.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub rule: usize,
    pub captures: BTreeMap<String, String>,
    pub count: u64,
    pub places: Vec<Place>,
    pub first_index: u64,
    pub last_index: u64,
    pub step: Option<u32>,
    /// A condition on the lines below that is decided already.
    pub level: Option<Level>,
}

impl Seen {
    /// Something that is said of the log as a whole.
    pub(crate) const fn of_the_whole(rule: usize) -> Self {
        Self {
            rule,
            captures: BTreeMap::new(),
            count: 1,
            places: Vec::new(),
            first_index: u64::MAX,
            last_index: u64::MAX,
            step: None,
            level: None,
        }
    }
}

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    all: Vec<Seen>,
    known: HashMap<(usize, Option<Level>, String), usize>,
}

impl Sightings {
    /// Notes a sighting; `level` if a condition gave it another one than its rule's.
    pub(crate) fn add(&mut self, sighting: Sighting, rules: &RuleSet, level: Option<Level>) {
        let rule = rules.rule(sighting.rule);
        let place = if self.all.len() < MOST { sameness(rule, &sighting) } else { String::new() };
        let key = (sighting.rule, level, place);
        if let Some(&at) = self.known.get(&key) {
            return self.count(at, &sighting);
        }
        self.known.insert(key, self.all.len());
        self.all.push(Seen {
            rule: sighting.rule,
            places: vec![sighting.place()],
            first_index: sighting.index,
            last_index: sighting.last_index,
            step: sighting.step,
            captures: sighting.captures,
            count: 1,
            level,
        });
    }

    fn count(&mut self, at: usize, sighting: &Sighting) {
        let seen = &mut self.all[at];
        seen.count += 1;
        seen.last_index = sighting.last_index;
        if seen.places.len() < PLACES {
            seen.places.push(sighting.place());
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Seen> {
        self.all
    }
}

/// What makes two sightings of a rule the same thing.
fn sameness(rule: &Rule, sighting: &Sighting) -> String {
    let get = |name: &str| sighting.captures.get(name).map_or("", String::as_str);
    match (rule.level, rule.part) {
        (Level::Benign | Level::Neutral, _) | (_, Part::Consequence) => String::new(),
        (Level::Review, _) => format!("{}\n{}", site_path(get("file")), get("reason")),
        (Level::Fatal, _) => format!("{}\n{}\n{}", site_path(get("file")), get("line"), get("reason")),
    }
}

/// Folders that a path of a site begins with.
const SITE_FOLDERS: &[&str] =
    &["app/javascript/", "app/assets/", "app/views/", "config/", "node_modules/", "public/", "vendor/", "lib/", "app/"];

/// A path as an administrator would type it in the live tree: loaders, staging directory and leading dots are cut.
pub(crate) fn site_path(path: &str) -> String {
    let path = path.rsplit('!').next().unwrap_or(path).split('?').next().unwrap_or(path);
    let path = path.trim_start_matches("file://").replace('\\', "/");
    let is_of_the_site = !path.starts_with(['/', '~']) && !path.starts_with("..") && !path.contains(':');
    if is_of_the_site {
        return path.trim_start_matches("./").to_owned();
    }
    for folder in SITE_FOLDERS {
        if let Some(at) = path.find(&format!("/{folder}")) {
            return path[at + 1..].to_owned();
        }
    }
    path.trim_start_matches("./").to_owned()
}

#[cfg(test)]
mod tests {
    use super::site_path;

    #[test]
    fn a_staging_directory_is_cut() {
        assert_eq!(site_path("/tmp/stage-1/app/javascript/styles/x.scss"), "app/javascript/styles/x.scss");
        assert_eq!(
            site_path("./node_modules/css-loader/dist/cjs.js!./app/javascript/styles/ft.scss"),
            "app/javascript/styles/ft.scss"
        );
        assert_eq!(site_path("C:\\x\\app\\javascript\\y.js?inline"), "app/javascript/y.js");
        assert_eq!(site_path("./source/server.jsx"), "source/server.jsx");
        for path in ["app/javascript/styles/vendor/x.scss", "src/lib/i18n.ts"] {
            assert_eq!(site_path(path), path);
        }
    }
}

//! What of a fast look counts, and what is left to the whole check, because only this way of compiling may dislike it.
//!
//! The bundler finds stylesheets by rules of its own (aliases, load paths, text that it puts in front of every sheet). So a
//! fault counts if it stands in the text itself, or if the stock stylesheet, compiled in the same way, shows that this way
//! understands the site.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use walkdir::WalkDir;

use super::Css;
use super::sheets::{Looked, is_stock};
use crate::change::ChangeSource;
use crate::compiler::Compiler;
use crate::finding::{Baseline, Evidence, Finding, Severity};
use crate::gate::build::Gate;
use crate::staging::StagedTree;
use crate::stylesheet::{AddressKind, Sheet};

/// How Sass, of either make, says that a sheet does not compile.
const SASS_FAULTS: [&str; 3] = ["sass-error", "sass-error-other", "builtin-error"];

/// Plugins of PostCSS that add no function of their own to CSS.
const PLAIN_PLUGINS: [&str; 8] = [
    "postcss-loader",
    "postcss-preset-env",
    "postcss-flexbugs-fixes",
    "postcss-import",
    "postcss-object-fit-images",
    "postcss-normalize",
    "postcss-load-config",
    "postcss-url",
];

/// What findings are weighed with.
pub(super) struct Scales<'gate> {
    gate: &'gate Gate<'gate>,
    /// The stock sheet compiled, and nothing alters what Sass is given.
    understood: bool,
    /// What the bundler's configuration says, as text.
    configuration: String,
    /// The scratch tree.
    tree: PathBuf,
    /// The stylesheets in it.
    sheets: BTreeSet<PathBuf>,
}

impl<'gate> Scales<'gate> {
    pub(super) fn new(gate: &'gate Gate<'gate>, looked: &[Looked<'_>], css: &Css, staged: &StagedTree) -> Self {
        // A change of the tree itself may bring another configuration: both count.
        let configuration = configuration(&gate.site.root) + &configuration(&staged.root());
        let alters = ["additionalData", "prependData", "functions:", "importer:", "importers:"];
        let mut stock = looked.iter().filter(|sheet| is_stock(sheet.theme)).peekable();
        let understood = stock.peek().is_some()
            && stock.all(|sheet| css.contains_key(&sheet.theme.name))
            && !alters.iter().any(|word| configuration.contains(word));
        let tree = staged.root();
        let files = WalkDir::new(&tree).into_iter().flatten().map(walkdir::DirEntry::into_path);
        let sheets = files.filter_map(|path| path.strip_prefix(&tree).map(Path::to_path_buf).ok()).collect();
        Self { gate, understood, configuration, tree, sheets }
    }

    /// A finding of the log, as it counts here; `left` is told of what does not.
    pub(super) fn of_log(&self, mut finding: Finding, left: &mut Vec<String>) -> Option<Finding> {
        if finding.severity == Severity::Benign {
            return Some(finding);
        }
        let is_warning = matches!(finding.id.as_str(), "sass-warn" | "builtin-warning");
        let counts = if is_warning {
            finding.baseline = Some(if self.is_of_change(&finding) { Baseline::New } else { Baseline::Outstanding });
            true
        } else if SASS_FAULTS.contains(&finding.id.as_str()) {
            self.is_certain(&finding)
        } else {
            finding.inconclusive && finding.id != "builtin-cannot-judge"
        };
        if counts {
            return Some(finding);
        }
        left.push(finding.message);
        None
    }

    /// True for a fault that the site's own build would stop at too.
    fn is_certain(&self, finding: &Finding) -> bool {
        let reason = finding.message.split_once("could not be compiled: ").map_or("", |(_, reason)| reason);
        let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| reason.starts_with(beginning));
        let is_stand_in = finding.id == "builtin-error" && self.gate.site.has_toolchain();
        if is_stand_in && begins(&["expected ", "Expected "]) {
            // Newer Sass has syntax that the builtin compiler trips over; a brace that is not closed is none.
            return begins(&["expected \"}\""]);
        }
        // A fault of the text: no other way of finding files can mend it.
        let in_the_text = begins(&["expected ", "Expected ", "unmatched "]);
        in_the_text || self.understood && !self.may_be_found_elsewhere(finding)
    }

    /// A finding on a sheet, as it counts here.
    pub(super) fn of_sheet(&self, finding: Finding, css: &Css, left: &mut Vec<String>) -> Option<Finding> {
        let why = match finding.id.as_str() {
            "address-unresolved" => "pictures and fonts, which the bundler looks for".to_owned(),
            "theme-empty" | "theme-without-stock-styles" if self.imports_css(&finding, css) => {
                format!("{} (it imports plain CSS, which the bundler puts in)", finding.message)
            }
            // Whether the body carries the class is up to helpers that the change may bring.
            "body-class-not-emitted" if self.gate.change.is_of_the_tree() => finding.message,
            "unknown-css-function" | "sass-variable-left" if self.has_other_plugins() => finding.message,
            _ => return Some(finding),
        };
        left.push(why);
        None
    }

    /// A site as it is is charged with every warning, as by the whole check.
    fn is_of_change(&self, finding: &Finding) -> bool {
        let changed = |path: &Path| self.gate.change.files.iter().any(|file| path.ends_with(&file.to));
        let names = |evidence: &Evidence| match evidence {
            Evidence::File { path, .. } => changed(path),
            Evidence::Log { excerpt, .. } => {
                self.gate.change.files.iter().any(|file| excerpt.contains(&*file.to.to_string_lossy()))
            }
        };
        self.gate.change.source == ChangeSource::AsItIs || finding.evidence.iter().any(names)
    }

    /// True for a sheet that was not found where we looked, and that the bundler may find: by an alias, a load path of the
    /// site's own, or Yarn's Plug'n'Play.
    fn may_be_found_elsewhere(&self, finding: &Finding) -> bool {
        if !finding.message.contains("find stylesheet") {
            return false;
        }
        let wanted = imported(finding, &self.tree);
        if wanted.is_empty() || self.gate.site.root.join(".pnp.cjs").exists() {
            return true;
        }
        wanted.iter().any(|name| self.is_aliased(name) || self.is_there(name))
    }

    /// True if the first part of the name may stand for a folder that only the bundler's configuration tells.
    fn is_aliased(&self, name: &str) -> bool {
        let first = name.split('/').next().unwrap_or(name);
        if name.contains(':') || name.starts_with(['#', '$']) {
            return true;
        }
        let source = self.gate.site.root.join(&self.gate.site.output.source);
        let is_folder = [source.join(first), source.join("styles").join(first)].iter().any(|path| path.is_dir());
        let named = regex::escape(first);
        // As a key (`'first': …`, `first: …`), or as what an alias looks for (`find: 'first'`, `find: /^first/`).
        let key = Regex::new(&format!(r#"(?m)(?:^|[\s{{,'"`]){named}(?:/\*)?['"`]?\s*:|find:\s*['"`/^]+{named}"#));
        let is_known = is_folder || ["@", "~", ".", ".."].contains(&first);
        !is_known && key.is_ok_and(|key| key.is_match(&self.configuration))
    }

    /// True if any folder of the sources has a sheet of that name.
    fn is_there(&self, name: &str) -> bool {
        let name = name.trim_start_matches(['~', '@', '.', '/']);
        let (folder, last) = name.rsplit_once('/').unwrap_or(("", name));
        let last = last.trim_end_matches(".scss").trim_end_matches(".css");
        let spellings =
            ["", "_"].into_iter().flat_map(|mark| ["scss", "sass", "css"].map(|end| format!("{mark}{last}.{end}")));
        let places: Vec<PathBuf> = spellings.map(|file| Path::new(folder).join(file)).collect();
        self.sheets.iter().any(|sheet| places.iter().any(|place| sheet.ends_with(place)))
    }

    fn imports_css(&self, finding: &Finding, css: &Css) -> bool {
        let named = self.gate.offered.iter().find(|theme| finding.message.contains(&format!("of {} ", theme.name)));
        let text = named.and_then(|theme| css.get(&theme.name));
        text.is_some_and(|css| {
            Sheet::read(css).addresses.iter().any(|address| address.kind == AddressKind::Import && !address.is_remote())
        })
    }

    fn has_other_plugins(&self) -> bool {
        static PLUGIN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"postcss-[a-z-]+|tailwind|unocss").expect("the pattern is a constant"));
        PLUGIN.find_iter(&self.configuration).any(|plugin| !PLAIN_PLUGINS.contains(&plugin.as_str()))
    }
}

/// The names that stand in quotes in the line that could not be compiled: what it imports.
fn imported(finding: &Finding, tree: &Path) -> Vec<String> {
    static PLACE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\S+):(\d+) ").expect("the pattern is a constant"));
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"["']([^"']+)["']"#).expect("the pattern is a constant"));
    let line = PLACE.captures(&finding.message).and_then(|place| {
        let text = fs::read_to_string(tree.join(&place[1])).ok()?;
        text.lines().nth(place[2].parse::<usize>().ok()?.checked_sub(1)?).map(str::to_owned)
    });
    NAME.captures_iter(&line.unwrap_or_default()).map(|found| found[1].to_owned()).collect()
}

/// What configures the bundler, as one text.
fn configuration(root: &Path) -> String {
    const FOLDERS: [&str; 2] = ["config/vite", "config/webpack"];
    const BEGINNINGS: [&str; 3] = ["vite.config.", "postcss.config.", ".postcssrc"];
    let at_root = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let named = at_root.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
    });
    let below = FOLDERS.iter().flat_map(|folder| WalkDir::new(root.join(folder))).flatten();
    let files = named.chain(below.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path));
    files.filter_map(|path| fs::read(path).ok()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

/// Why a compiler that did not run is no reason to refuse anything.
pub(super) fn unusable(compiler: &Compiler, log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    format!("every stylesheet: {} could not be used ({})", compiler.shown, last.trim())
}

/// The words of a finding without its figures.
pub(super) fn words(finding: &Finding) -> String {
    let plain: String = finding.message.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    format!("{} {plain}", finding.id)
}

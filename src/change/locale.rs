//! Judges a locale file: Rails reads every one of them when it starts, and trusts what it reads.

use std::path::Path;

use serde_saphyr::granit_parser::{Event, Parser};

use crate::finding::Finding;

/// What is wrong with the locale file at `path` (relative to the theme folder).
pub(super) fn fault(path: &Path, text: &str) -> Option<Finding> {
    let (line, reason) = yaml_fault(text)?;
    let excerpt = text.lines().nth(usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX)).unwrap_or_default();
    let message = format!("{} is no readable YAML: {reason}.", path.display());
    Some(
        Finding::fatal("locale-not-yaml", message)
            .at_line(path, line, excerpt)
            .meaning("Rails reads every locale file when it starts: with this one the site does not come up at all.")
            .help(format!("Mend line {line}, or delete the file: the settings then show the theme's plain name.")),
    )
}

/// Why `text` is not YAML that Ruby reads as a map (line and reason), or `None` if it is one.
fn yaml_fault(text: &str) -> Option<(u64, String)> {
    if let Some(line) = text.lines().position(|line| line.starts_with('\t') && !line.trim().is_empty()) {
        return Some((line as u64 + 1, "it begins with a tab".to_owned()));
    }
    let mut first = None;
    for event in Parser::new_from_str(text) {
        match event {
            Err(error) => return Some((error.marker().line() as u64, error.info())),
            // I18n loads locales without Psych's safe mode (i18n 1.x, `load_yml`): a tag can make any Ruby object there.
            Ok((event, span)) if event.tag().is_some_and(|tag| !tag.is_yaml_core_schema()) => {
                return Some((
                    span.start.line() as u64,
                    "it holds a tag (`!…`) that would make Ruby objects".to_owned(),
                ));
            }
            Ok((Event::Scalar(..) | Event::SequenceStart(..), span)) if first.is_none() => {
                return Some((span.start.line() as u64, "it is no map of languages".to_owned()));
            }
            Ok((Event::MappingStart(..), _)) => first = Some(()),
            Ok(_) => {}
        }
    }
    first.is_none().then(|| (1, "it is empty".to_owned()))
}

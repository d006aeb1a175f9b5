//! Judges a locale file: Rails reads every one of them when it starts, and trusts what it reads.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_saphyr::granit_parser::{Event, Parser};

use crate::finding::Finding;

/// What is wrong with the locale file at `path` (relative to the theme folder).
pub(super) fn fault(path: &Path, text: &str) -> Option<Finding> {
    unreadable(path, text).or_else(|| more_than_names(path, text))
}

/// Why Rails could not read the locale file at `path`.
pub(super) fn unreadable(path: &Path, text: &str) -> Option<Finding> {
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

/// A theme's locale file says how the theme is called, and nothing else: with `number:` or `settings:` it would replace texts
/// that Mastodon formats pages with, and a text where a map belongs answers 500 on every page.
fn more_than_names(path: &Path, text: &str) -> Option<Finding> {
    let parsed: Result<BTreeMap<String, Value>, _> = serde_saphyr::from_str(text);
    let foreign = match &parsed {
        Ok(languages) => languages.iter().find_map(|(language, keys)| foreign_key(language, keys)),
        Err(_) => Some("it could not be read as a map of languages".to_owned()),
    }?;
    let message = format!("{} says more than what the theme is called: {foreign}.", path.display());
    Some(
        Finding::review("locale-more-than-names", message)
            .at(path)
            .meaning("It would replace texts of Mastodon's own; one of the wrong kind breaks every page.")
            .help("Leave only the names in it, such as: en: {themes: {my-theme: My theme}}"),
    )
}

fn foreign_key(language: &str, keys: &Value) -> Option<String> {
    let Value::Object(keys) = keys else { return Some(format!("under {language} stands no map")) };
    let own = ["themes", "skins", "flavours"];
    let foreign = keys.iter().find(|(key, value)| !own.contains(&key.as_str()) || !only_texts(value));
    foreign.map(|(key, _)| format!("{language}.{key}"))
}

fn only_texts(value: &Value) -> bool {
    let Value::Object(names) = value else { return false };
    names.values().all(|name| name.is_string() || only_texts(name))
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

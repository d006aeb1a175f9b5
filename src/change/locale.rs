//! Judges a locale file: Rails reads every one of them when it starts, and trusts what it reads.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

use crate::finding::Finding;
use crate::site::registry::is_text;

/// What is wrong with the locale file at `path` (relative to the theme folder).
pub(super) fn fault(path: &Path, text: &str) -> Option<Finding> {
    unreadable(path, text).or_else(|| language_not_text(path, text)).or_else(|| more_than_names(path, text))
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

/// Ruby reads `no:`, the language of Norway, as a truth value and `404:` as a number. I18n (1.x, `store_translations`) leaves such
/// a language out where the site names its languages, and breaks off at the first text of any page where it does not.
fn language_not_text(path: &Path, text: &str) -> Option<Finding> {
    let (language, line) = top_level_keys(text).into_iter().find(|(language, _)| !is_text(language))?;
    let excerpt = text.lines().nth(usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX)).unwrap_or_default();
    let message = format!("{} has a language that Ruby does not read as text: {language}.", path.display());
    Some(
        Finding::review("locale-language-not-text", message)
            .at_line(path, line, excerpt)
            .meaning("To YAML it is a truth value, a number or nothing: the names below it are lost, or the site answers 500 on every page.")
            .help(format!("Quote it (\"{language}\":), or delete it with the lines below it.")),
    )
}

/// The keys of the outermost map that stand there without quotes, with their lines.
fn top_level_keys(text: &str) -> Vec<(String, u64)> {
    let (mut depth, mut is_key, mut keys) = (0_u32, true, Vec::new());
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        match event {
            Event::Scalar(value, style, ..) => {
                if depth == 1 && is_key && style == ScalarStyle::Plain {
                    keys.push((value.to_string(), span.start.line() as u64));
                }
                is_key = depth != 1 || !is_key;
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                depth += 1;
                is_key = depth == 1;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                is_key = depth == 1;
            }
            _ => {}
        }
    }
    keys
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        let finding = fault(Path::new("config/locales/ft.yml"), text);
        finding.into_iter().map(|finding| (finding.id, finding.message)).collect()
    }

    #[test]
    fn a_language_that_ruby_reads_as_something_else_has_to_be_quoted() {
        let found = |text| found(text).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(found("en:\n  themes:\n    ft: FT\nno:\n  themes:\n    ft: FT\n"), ["locale-language-not-text"]);
        assert_eq!(found("404: Not Found\n"), ["locale-language-not-text"]);
        assert_eq!(found("en:\n  themes:\n    ft: FT\n\"no\":\n  themes:\n    ft: FT\n"), Vec::<String>::new());
        assert_eq!(found("---\nen:\n  themes:\n    no: FT\nnb: {themes: {ft: 404}}\n"), ["locale-more-than-names"]);
    }
}

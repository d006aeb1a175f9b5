//! Edits the registry's text: the wanted bytes change, all others stay, and the result is read again to prove it.

use std::ops::Range;

use super::{PATH, Registry, RegistryEntry, scalar};
use crate::finding::Finding;

/// Name, path, and whether Ruby reads both as text.
type Meant = Vec<(String, String, bool)>;

/// See [`Registry::with`].
pub(super) fn with(registry: &Registry, additions: &[(String, String)]) -> Result<String, Box<Finding>> {
    let mut text = registry.text().to_owned();
    let mut meant = meaning_of(registry);
    let mut new: Vec<&(String, String)> = Vec::new();
    let mut replaced = Vec::new();
    for addition in additions {
        match registry.get(&addition.0) {
            Some(entry) if entry.path == addition.1 && entry.is_string => {}
            Some(entry) => replaced.push((entry, &addition.1)),
            None => new.push(addition),
        }
    }
    if !new.is_empty() {
        text = insert(registry, &new)?;
        meant.extend(new.iter().map(|(name, path)| (name.clone(), path.clone(), true)));
    }
    // Insertions go below every entry, so the places of the entries are still those of the old text.
    replaced.sort_by_key(|(entry, _)| std::cmp::Reverse(entry.path_span.start));
    for (entry, path) in replaced {
        replace(&mut text, entry, path)?;
        for old in meant.iter_mut().filter(|(name, ..)| *name == entry.name) {
            (old.1, old.2) = (path.clone(), true);
        }
    }
    prove(text, &meant)
}

/// See [`Registry::without`].
pub(super) fn without(registry: &Registry, name: &str) -> Result<String, Box<Finding>> {
    let mut meant = meaning_of(registry);
    meant.retain(|(other, ..)| other != name);
    if meant.len() == registry.entries().len() {
        return Err(refusal(format!("The theme registry has no theme {name}."), 1));
    }
    if meant.is_empty() {
        return Err(refusal(
            format!("{name} is the only theme of the registry, and a registry without a theme breaks the site."),
            1,
        ));
    }
    let mut text = registry.text().to_owned();
    for (index, entry) in registry.entries().iter().enumerate().rev().filter(|(_, entry)| entry.name == name) {
        let cut = if registry.flow_start.is_some() { flow_cut(registry, index) } else { line_cut(&text, entry) };
        text.replace_range(cut, "");
    }
    prove(text, &meant)
}

fn meaning_of(registry: &Registry) -> Meant {
    registry.entries().iter().map(|entry| (entry.name.clone(), entry.path.clone(), entry.is_string)).collect()
}

/// Reads the new text; it must say what was meant, nothing more and nothing less.
fn prove(text: String, meant: &Meant) -> Result<String, Box<Finding>> {
    match Registry::parse(text.as_bytes()) {
        Ok(read) if meaning_of(&read) == *meant => Ok(text),
        Ok(_) => {
            Err(refusal("The theme registry is written in a way that themegate cannot edit safely.".to_owned(), 1))
        }
        Err(faults) => {
            let reason = faults.first().map_or(String::new(), |fault| format!(" ({})", fault.message));
            Err(refusal(format!("The theme registry cannot be edited so that it stays readable{reason}."), 1))
        }
    }
}

fn refusal(message: String, line: u64) -> Box<Finding> {
    let finding = Finding::fatal("registry-edit-refused", message)
        .at_line(PATH, line, "")
        .meaning("Nothing was changed.")
        .help(format!("Bring {PATH} into the plain shape, one `name: path` on each line, and run the command again."));
    Box::new(finding)
}

fn insert(registry: &Registry, new: &[&(String, String)]) -> Result<String, Box<Finding>> {
    let mut text = registry.text().to_owned();
    let Some(last) = registry.entries().last() else {
        return Err(refusal("The theme registry has no entry to add another one to.".to_owned(), 1));
    };
    if registry.flow_start.is_some() {
        let added: String =
            new.iter().map(|(name, path)| format!(", {}: {}", quoted(name, ""), quoted(path, ""))).collect();
        text.insert_str(entry_bytes(&text, last).end, &added);
        return Ok(text);
    }
    let key_start = last.name_span.start;
    let line_start = line_start(&text, key_start);
    let indent = text[line_start..key_start].trim_start_matches('\u{feff}').to_owned();
    if !indent.chars().all(|character| character == ' ') {
        return Err(refusal("The last entry of the theme registry does not begin its line.".to_owned(), last.line));
    }
    let (name_style, path_style) = (&text[last.name_span.clone()], &text[last.path_span.clone()]);
    let lines: Vec<String> = new
        .iter()
        .map(|(name, path)| format!("{indent}{}: {}", quoted(name, name_style), quoted(path, path_style)))
        .collect();
    let after = line_after(&text, entry_bytes(&text, last).end);
    let line_end = line_ending(&text);
    let unfinished = after == text.len() && !text.ends_with(['\n', '\r']);
    let added = if unfinished {
        format!("{line_end}{}", lines.join(line_end))
    } else {
        format!("{}{line_end}", lines.join(line_end))
    };
    text.insert_str(after, &added);
    Ok(text)
}

fn replace(text: &mut String, entry: &RegistryEntry, path: &str) -> Result<(), Box<Finding>> {
    if !entry.path_is_inline || entry.path_span.is_empty() {
        let message =
            format!("The path of the theme {} is not written on its line, so it cannot be replaced there.", entry.name);
        return Err(refusal(message, entry.line));
    }
    let value = quoted(path, &text[entry.path_span.clone()]);
    text.replace_range(entry.path_span.clone(), &value);
    Ok(())
}

/// `value` in the quotes that `like` has; in quotes anyhow where Ruby would not take it for text.
fn quoted(value: &str, like: &str) -> String {
    match like.chars().next() {
        Some('"') if !value.contains(['"', '\\']) => format!("\"{value}\""),
        Some('\'') => format!("'{}'", value.replace('\'', "''")),
        _ if scalar::is_text(value) => value.to_owned(),
        _ => format!("'{}'", value.replace('\'', "''")),
    }
}

/// From the first byte of the name to the last byte of the path.
fn entry_bytes(text: &str, entry: &RegistryEntry) -> Range<usize> {
    let start = entry.name_span.start;
    if entry.path_span.end <= entry.name_span.end || entry.path_span.is_empty() {
        let colon =
            text[entry.name_span.end..].find(':').map_or(entry.name_span.end, |at| entry.name_span.end + at + 1);
        return start..colon;
    }
    start..start + text[start..entry.path_span.end].trim_end().len()
}

/// The whole lines of an entry; at a last line without an end, the line end before it goes instead.
fn line_cut(text: &str, entry: &RegistryEntry) -> Range<usize> {
    let bytes = entry_bytes(text, entry);
    let start = line_start(text, bytes.start);
    let end = line_after(text, bytes.end);
    if end == text.len() && !text.ends_with(['\n', '\r']) {
        let before = &text[..start];
        let kept = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\n', '\r'])).unwrap_or(before);
        return kept.len()..end;
    }
    let mark = if text[start..].starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    start + mark..end
}

/// One entry of `{a: b, c: d}` with the comma that parts it from its neighbour.
fn flow_cut(registry: &Registry, index: usize) -> Range<usize> {
    let text = registry.text();
    let entries = registry.entries();
    let bytes = entry_bytes(text, &entries[index]);
    match (index.checked_sub(1), entries.get(index + 1)) {
        (_, Some(next)) => bytes.start..next.name_span.start,
        (Some(before), None) => entry_bytes(text, &entries[before]).end..bytes.end,
        (None, None) => bytes,
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind(['\n', '\r']).map_or(0, |line_end| line_end + 1)
}

/// Where the line after the one that holds `at` begins, or the end of the text.
fn line_after(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    match rest.find(['\n', '\r']) {
        None => text.len(),
        Some(line_end) if rest[line_end..].starts_with("\r\n") => at + line_end + 2,
        Some(line_end) => at + line_end + 1,
    }
}

/// The line ending of the text: that of its first line, or a plain one.
fn line_ending(text: &str) -> &'static str {
    match text.find(['\n', '\r']) {
        Some(at) if text[at..].starts_with("\r\n") => "\r\n",
        Some(at) if text[at..].starts_with('\r') => "\r",
        _ => "\n",
    }
}

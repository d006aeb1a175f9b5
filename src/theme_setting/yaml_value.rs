//! Reads and writes the YAML documents in `settings.value`: a single name, as Ruby's `to_yaml` writes it.
//!
//! Pure; it must not know tables.

/// The text of a document that is not a single name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored value {0:?} is not a single name")]
pub struct YamlValueError(pub String);

/// Words that YAML 1.1 reads as something other than a string, and that Ruby therefore quotes.
const AMBIGUOUS: [&str; 12] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "", "="];

/// The name in a document: `--- NAME`, quoted or not, with or without the closing `...`; `None` for null or no text.
///
/// # Errors
///
/// When the document holds anything else.
pub fn name(document: Option<&str>) -> Result<Option<String>, YamlValueError> {
    let Some(document) = document else { return Ok(None) };
    let refuse = || YamlValueError(document.to_owned());
    let body = document.trim_end();
    let body = body.strip_suffix("\n...").unwrap_or(body);
    let body = body.strip_prefix("---").unwrap_or(body).trim();
    if body.contains('\n') {
        return Err(refuse());
    }
    match body.chars().next() {
        None => Ok(None),
        Some('\'') => single_quoted(body).map(Some).ok_or_else(refuse),
        Some('"') => serde_json::from_str(body).map(Some).map_err(|_| refuse()),
        Some(_) if body == "~" || body == "null" => Ok(None),
        Some(_) if is_plain(body) => Ok(Some(body.to_owned())),
        Some(_) => Err(refuse()),
    }
}

/// The document for a name, byte for byte as Ruby writes it for the names that a theme may have.
#[must_use]
pub fn document(name: &str) -> String {
    let plain = is_plain(name) && !AMBIGUOUS.contains(&name.to_lowercase().as_str()) && !looks_like_a_number(name);
    match (plain, name.chars().any(char::is_control)) {
        (true, _) => format!("--- {name}\n"),
        (false, false) => format!("--- '{}'\n", name.replace('\'', "''")),
        (false, true) => format!("--- {}\n", serde_json::Value::from(name)),
    }
}

fn single_quoted(body: &str) -> Option<String> {
    let inner = body.strip_prefix('\'')?.strip_suffix('\'')?;
    let unescaped = inner.replace("''", "'");
    (inner.matches('\'').count() == 2 * unescaped.matches('\'').count()).then_some(unescaped)
}

fn is_plain(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|first| first.is_alphanumeric() || first == '_');
    first && text.chars().all(|char| char.is_alphanumeric() || "_-./+@ ".contains(char)) && !text.ends_with(' ')
}

fn looks_like_a_number(text: &str) -> bool {
    text.chars().all(|char| char.is_ascii_digit() || "+-._eExXoOabcdfABCDF:".contains(char))
        && text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{document, name};

    #[test]
    fn the_forms_that_ruby_has_written_over_the_years_are_read() {
        for text in ["--- tangerineui\n", "--- tangerineui\n...\n", "--- 'tangerineui'\n", "--- \"tangerineui\"\n"] {
            assert_eq!(name(Some(text)).unwrap().as_deref(), Some("tangerineui"), "{text:?}");
        }
        assert_eq!(name(Some("--- 'it''s'\n")).unwrap().as_deref(), Some("it's"));
        for text in [None, Some(""), Some("--- \n...\n"), Some("---\n"), Some("--- \n")] {
            assert_eq!(name(text).unwrap(), None, "{text:?}");
        }
    }

    #[test]
    fn anything_but_a_name_is_refused() {
        for text in ["---\n- a\n- b\n", "--- !ruby/object:Foo {}\n", "---\na: 1\n", "--- 'a' b'\n", "--- {}\n"] {
            assert!(name(Some(text)).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_that_yaml_would_misread_is_quoted() {
        assert_eq!(document("tangerineui-purple"), "--- tangerineui-purple\n");
        assert_eq!(document("on"), "--- 'on'\n");
        assert_eq!(document("1"), "--- '1'\n");
        for text in ["default", "on", "null", "", "it's", "a\nb", "ünïcode", "2023-08", "x: y"] {
            let read = name(Some(&document(text))).unwrap().unwrap_or_default();
            assert_eq!(read, text);
        }
    }
}

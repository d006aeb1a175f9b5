//! Changes one top-level key of a JSON object as text: every other byte stays as it is.
//!
//! Rails takes a settings column for changed when its text is not what Rails itself would write, and then writes the whole
//! column back. So nothing here parses and prints again. Pure; it must not know tables or themes.

use std::ops::Range;

use serde::de::IgnoredAny;

/// Why a text cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonTextError {
    /// The text is not JSON at all.
    #[error("the settings are not valid JSON ({0})")]
    Invalid(String),
    /// The text is JSON, but a list, a string or the like.
    #[error("the settings are JSON, but not an object")]
    NotAnObject,
    /// The key has a value that is neither a string nor null.
    #[error("the value of \"{0}\" is not a string")]
    NotAString(String),
}

/// One member of the top-level object; positions are in bytes.
#[derive(Debug, Clone)]
struct Member {
    key: Option<String>,
    value: Range<usize>,
    start: usize,
}

/// The string under a top-level key; `None` where the key is absent or null, or the text is blank.
///
/// Of duplicate keys the last one counts, as it does for Ruby and for PostgreSQL.
///
/// # Errors
///
/// When the text is not a JSON object, or the value is not a string.
pub fn string_value(text: &str, key: &str) -> Result<Option<String>, JsonTextError> {
    let members = members(text)?;
    let Some(member) = members.iter().rev().find(|member| member.key.as_deref() == Some(key)) else {
        return Ok(None);
    };
    let raw = &text[member.value.clone()];
    if raw == "null" {
        return Ok(None);
    }
    serde_json::from_str::<String>(raw).map(Some).map_err(|_| JsonTextError::NotAString(key.to_owned()))
}

/// The text with the key set to a string, or without the key when `value` is `None`.
///
/// A key that is there keeps its place; a new one is appended without spaces, as Rails does. A blank text becomes an
/// object when there is something to put into it, and stays as it is otherwise.
///
/// # Errors
///
/// When the text is not a JSON object.
pub fn with_value(text: &str, key: &str, value: Option<&str>) -> Result<String, JsonTextError> {
    match value {
        Some(value) => set(text, key, value),
        None => remove(text, key),
    }
}

fn set(text: &str, key: &str, value: &str) -> Result<String, JsonTextError> {
    let value = quoted(value);
    if text.trim().is_empty() {
        return Ok(format!("{{{}:{value}}}", quoted(key)));
    }
    let members = members(text)?;
    if let Some(member) = members.iter().rev().find(|member| member.key.as_deref() == Some(key)) {
        return Ok(format!("{}{value}{}", &text[..member.value.start], &text[member.value.end..]));
    }
    let (at, comma) = match members.last() {
        Some(last) => (last.value.end, ","),
        None => (text.find('{').map_or(0, |brace| brace + 1), ""),
    };
    Ok(format!("{}{comma}{}:{value}{}", &text[..at], quoted(key), &text[at..]))
}

fn remove(text: &str, key: &str) -> Result<String, JsonTextError> {
    let mut text = text.to_owned();
    loop {
        let members = members(&text)?;
        let Some(index) = members.iter().position(|member| member.key.as_deref() == Some(key)) else {
            return Ok(text);
        };
        text.replace_range(removal(&members, index), "");
    }
}

/// The member, and the one comma that goes with it.
fn removal(members: &[Member], index: usize) -> Range<usize> {
    let member = &members[index];
    match (index.checked_sub(1).map(|before| &members[before]), members.get(index + 1)) {
        (_, Some(next)) => member.start..next.start,
        (Some(before), None) => before.value.end..member.value.end,
        (None, None) => member.start..member.value.end,
    }
}

fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

/// The top-level members in order. Blank text counts as an empty object.
fn members(text: &str) -> Result<Vec<Member>, JsonTextError> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| JsonTextError::Invalid(error.to_string()))?;
    if !trimmed.starts_with('{') {
        return Err(JsonTextError::NotAnObject);
    }
    Ok(Scanner { bytes: text.as_bytes(), at: text.find('{').map_or(0, |brace| brace + 1) }.members(text))
}

/// Walks over text that is known to be a valid JSON object.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn members(mut self, text: &str) -> Vec<Member> {
        let mut members = Vec::new();
        loop {
            self.skip(b" \t\n\r,");
            if self.peek() != b'"' {
                return members;
            }
            let start = self.at;
            self.string();
            let key = serde_json::from_str(&text[start..self.at]).ok();
            self.skip(b" \t\n\r:");
            let value = self.at;
            self.value();
            members.push(Member { key, value: value..self.at, start });
        }
    }

    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b'}')
    }

    fn skip(&mut self, set: &[u8]) {
        while self.at < self.bytes.len() && set.contains(&self.bytes[self.at]) {
            self.at += 1;
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while self.at < self.bytes.len() && self.bytes[self.at] != b'"' {
            self.at += if self.bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
    }

    fn value(&mut self) {
        match self.peek() {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => {
                while self.at < self.bytes.len() && !b" \t\n\r,}".contains(&self.bytes[self.at]) {
                    self.at += 1;
                }
            }
        }
    }

    fn nested(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::{JsonTextError, members, string_value, with_value};

    fn without(text: &str) -> String {
        with_value(text, "theme", None).unwrap()
    }

    fn with(text: &str) -> String {
        with_value(text, "theme", Some("default")).unwrap()
    }

    #[test]
    fn removing_the_key_takes_one_comma_with_it() {
        assert_eq!(without(r#"{"a":1,"theme":"x","b":2}"#), r#"{"a":1,"b":2}"#);
        assert_eq!(without(r#"{"theme":"x","b":2}"#), r#"{"b":2}"#);
        assert_eq!(without(r#"{"a":1,"theme":"x"}"#), r#"{"a":1}"#);
        assert_eq!(without(r#"{"theme":"x"}"#), "{}");
        assert_eq!(without("{ \"a\" : 1 ,\n \"theme\" : \"x\" ,\n \"b\" : 2 }"), "{ \"a\" : 1 ,\n \"b\" : 2 }");
        assert_eq!(without(r#"{"a":1}"#), r#"{"a":1}"#);
    }

    #[test]
    fn setting_the_key_keeps_its_place_or_appends() {
        assert_eq!(with(r#"{"a":1,"theme": "x" ,"b":2}"#), r#"{"a":1,"theme": "default" ,"b":2}"#);
        assert_eq!(with(r#"{"a":1 }"#), r#"{"a":1,"theme":"default" }"#);
        assert_eq!(with("{}"), r#"{"theme":"default"}"#);
        assert_eq!(with(""), r#"{"theme":"default"}"#);
        assert_eq!(with(r#"{"theme":null}"#), r#"{"theme":"default"}"#);
    }

    #[test]
    fn a_nested_key_or_a_value_of_that_name_is_left_alone() {
        let text = r#"{"web":{"theme":"x"},"b":["theme",{"theme":"x"}],"c":"\"theme\":\"x\","}"#;
        assert_eq!(without(text), text);
        assert_eq!(string_value(text, "theme").unwrap(), None);
    }

    #[test]
    fn an_escaped_key_is_the_same_key_and_all_duplicates_go() {
        let text = r#"{"th\u0065me":"x","a":"\u00e9\/","theme":"y"}"#;
        assert_eq!(string_value(text, "theme").unwrap().as_deref(), Some("y"));
        assert_eq!(without(text), r#"{"a":"\u00e9\/"}"#);
        assert_eq!(with(text), r#"{"th\u0065me":"x","a":"\u00e9\/","theme":"default"}"#);
    }

    #[test]
    fn blank_text_stays_blank_when_there_is_nothing_to_set() {
        assert_eq!(without(""), "");
        assert_eq!(without(" "), " ");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "null", "\"theme\"", "5"] {
            assert_eq!(with_value(text, "theme", None), Err(JsonTextError::NotAnObject), "{text}");
        }
        assert!(matches!(with_value("{\"theme\":\"x\"", "theme", None), Err(JsonTextError::Invalid(_))));
        assert!(matches!(string_value(r#"{"theme":5}"#, "theme"), Err(JsonTextError::NotAString(_))));
    }

    fn any_value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
            Just(r#""\u0074heme\ud83d\ude00\\\"""#.to_owned()),
            any::<i64>().prop_map(|number| number.to_string()),
            Just("null".to_owned()),
            Just("-1.5e+3".to_owned()),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
                inner.prop_map(|value| format!("{{ \"theme\":{value}}}")),
            ]
        })
    }

    fn any_member() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            Just("\"theme\"".to_owned()),
            Just(r#""th\u0065me""#.to_owned()),
            any::<String>().prop_map(|key| serde_json::to_string(&key).unwrap()),
        ];
        (key, "[ \n\t]{0,2}", "[ \n]{0,2}", any_value()).prop_map(|(key, a, b, value)| format!("{key}{a}:{b}{value}"))
    }

    fn any_object() -> impl Strategy<Value = String> {
        (prop::collection::vec(any_member(), 0..6), "[ \n]{0,2}", "[ \r\n]{0,2}", "[ \n]{0,1}").prop_map(
            |(members, before, after, around)| {
                format!("{around}{{{before}{}{after}}}", members.join(&format!("{after},{before}")))
            },
        )
    }

    /// Every other member as raw text: key and value.
    fn others(text: &str) -> Vec<String> {
        members(text)
            .unwrap()
            .into_iter()
            .filter(|member| member.key.as_deref() != Some("theme"))
            .map(|member| text[member.start..member.value.end].to_owned())
            .collect()
    }

    proptest! {
        #[test]
        fn removal_leaves_every_other_member_byte_for_byte(text in any_object()) {
            let after = without(&text);
            prop_assert_eq!(others(&text), others(&after));
            prop_assert_eq!(string_value(&after, "theme").unwrap(), None);
            prop_assert!(members(&after).unwrap().iter().all(|member| member.key.as_deref() != Some("theme")));
        }

        #[test]
        fn setting_leaves_every_other_member_byte_for_byte(text in any_object(), name in any::<String>()) {
            let after = with_value(&text, "theme", Some(&name)).unwrap();
            prop_assert_eq!(others(&text), others(&after));
            prop_assert_eq!(string_value(&after, "theme").unwrap(), Some(name));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = with_value(&text, "theme", None);
            let _ = with_value(&text, "theme", Some("x"));
        }
    }
}

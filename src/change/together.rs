//! The addresses that a stylesheet puts together of variables, as far as its own text tells what they come to. Pure.

use std::collections::HashMap;

use regex::Captures;

/// Variables may stand for variables, to this depth.
const DEPTH: usize = 5;

pattern!(COMPUTED, r"(?is)(?:url|image-set)\((?P<inner>[^)]*(?:#\{|\$|\+)[^)]*)\)");
pattern!(
    ASSIGNED,
    r#"(?m)\$(?P<name>[\w-]+)\s*:\s*(?:"(?P<one>[^"\n]*)"|'(?P<other>[^'\n]*)')\s*(?:![a-z]+\s*)*(?:[;}]|$)"#
);
pattern!(VARIABLE, r"(?:#\{\s*\$(?P<put>[\w-]+)\s*\})|\$(?P<bare>[\w-]+)");
pattern!(LOADED, r"(?i)@(?:import|use|forward)[^;]*#\{");

/// What a stylesheet puts together.
#[derive(Debug, Default)]
pub(super) struct Together {
    /// Line, counted from nought, and address: those that are known.
    pub(super) addresses: Vec<(usize, String)>,
    /// True if all are known.
    pub(super) is_all: bool,
}

impl Together {
    pub(super) fn of(bare: &str) -> Self {
        if !bare.contains(['$', '+', '#']) {
            return Self { addresses: Vec::new(), is_all: true };
        }
        let values = values(bare);
        let mut told = Self { addresses: Vec::new(), is_all: !LOADED.is_match(bare) };
        for found in COMPUTED.captures_iter(bare) {
            let Some(inner) = found.name("inner").filter(|inner| !is_data(inner.as_str())) else { continue };
            match address(inner.as_str(), &values) {
                Some(address) => told.addresses.push((bare[..inner.start()].matches('\n').count(), address)),
                None => told.is_all = false,
            }
        }
        told
    }
}

/// The texts that stand for variables: of those that are given one text, and are used in no other place than an address or
/// another text.
fn values(bare: &str) -> HashMap<String, String> {
    let mut given: HashMap<String, Vec<String>> = HashMap::new();
    let mut uses: HashMap<String, usize> = HashMap::new();
    for found in ASSIGNED.captures_iter(bare) {
        let text = found.name("one").or_else(|| found.name("other")).map_or("", |text| text.as_str());
        given.entry(name(&found["name"])).or_default().push(text.to_owned());
        count(text, &mut uses);
    }
    COMPUTED.captures_iter(bare).for_each(|found| count(&found["inner"], &mut uses));
    let mut all = HashMap::new();
    count(bare, &mut all);
    let known = given.into_iter().filter_map(|(name, mut texts)| {
        let expected = texts.len() + uses.get(&name).copied().unwrap_or(0);
        (texts.len() == 1 && all.get(&name) == Some(&expected)).then(|| (name, texts.remove(0)))
    });
    known.collect()
}

fn count(text: &str, uses: &mut HashMap<String, usize>) {
    for found in VARIABLE.captures_iter(text) {
        *uses.entry(of(&found)).or_default() += 1;
    }
}

/// What stands in `url(…)`, with what its variables stand for; none if that is not known.
fn address(inner: &str, values: &HashMap<String, String>) -> Option<String> {
    let mut text = inner.to_owned();
    for _ in 0..DEPTH {
        if !VARIABLE.is_match(&text) {
            break;
        }
        if VARIABLE.captures_iter(&text).any(|found| !values.contains_key(&of(&found))) {
            return None;
        }
        text = VARIABLE.replace_all(&text, |found: &Captures<'_>| values[&of(found)].clone()).into_owned();
    }
    let is_known = !text.contains("://") && !text.contains(['$', '{', '(', '\\', '%']);
    is_known
        .then(|| text.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '"' | '\'' | '+')).collect())
}

fn is_data(inner: &str) -> bool {
    let begins = inner.trim_start().trim_start_matches(['"', '\'']).get(..5);
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case("data:"))
}

fn of(found: &Captures<'_>) -> String {
    found.name("put").or_else(|| found.name("bare")).map_or_else(String::new, |found| name(found.as_str()))
}

/// Sass makes no difference between the two.
fn name(written: &str) -> String {
    written.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (Vec<String>, bool) {
        let Together { addresses, is_all } = Together::of(text);
        (addresses.into_iter().map(|(_, address)| address).collect(), is_all)
    }

    #[test]
    fn what_variables_stand_for_is_put_in_their_place() {
        assert_eq!(told(r##"$a: ".."; .b{c:url("#{$a}/d.png")}"##), (vec!["../d.png".to_owned()], true));
        assert_eq!(told(r##"$a: "."; .b{c:url("#{$a}#{$a}/d")}"##), (vec!["../d".to_owned()], true));
        assert_eq!(
            told(r##"$a_b: '../' !default; .b{c:url($a-b + $a-b + ".env")}"##),
            (vec!["../../.env".to_owned()], true)
        );
        assert_eq!(told(r##".b{c:url("data:image/svg+xml,%3Csvg%3E")}"##), (vec![], true));
        assert_eq!(told("$a: 'x'; $b: '#{$a}/y'; .b{c:url(\"#{$b}/z\")}"), (vec!["x/y/z".to_owned()], true));
    }

    #[test]
    fn what_may_stand_for_something_else_is_not_known() {
        for text in [
            r##"$a: "x"; @mixin m($a){b:url($a)} .c{@include m("..")}"##,
            r##"$a: "x"; .b{$a: ".."; c:url($a)}"##,
            r##"$a: "x"; @each $a in "..", "." {b:url($a)}"##,
            r##".b{c:url(nth($a, 1) + "/d")}"##,
            r##"@import "a#{$b}";"##,
        ] {
            assert_eq!(told(text), (vec![], false), "{text}");
        }
    }
}

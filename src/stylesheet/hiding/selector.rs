//! The text of selectors taken apart: lists, arguments, simple selectors, and how specific they are. Pure.

/// Ids, classes, types.
pub(super) type Specificity = (u32, u32, u32);

/// The parts of a selector list; commas in brackets stay.
pub(in crate::stylesheet) fn in_list(selector: &str) -> Vec<&str> {
    split(selector, |letter| letter == ',')
}

/// Splits outside of brackets, and trims.
pub(super) fn split(text: &str, ends: impl Fn(char) -> bool) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            letter if depth == 0 && ends(letter) => {
                parts.push(text[start..at].trim());
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// A selector with one of the arguments put in the place of each `:is()` and `:where()`, and what is to be added to its
/// specificity for it: `:is()` counts as its strongest argument, `:where()` as nothing.
pub(super) fn spelled_out(selector: &str, depth: u32) -> Vec<(String, [i64; 3])> {
    const DEEPEST: u32 = 3;
    const MOST: usize = 8;
    let first = [":is(", ":where("].iter().filter_map(|name| Some((selector.find(name)?, *name))).min();
    let Some((start, name)) = first else { return vec![(selector.to_owned(), [0; 3])] };
    let inner = start + name.len();
    let Some(end) = closing(selector, inner).filter(|_| depth < DEEPEST) else { return Vec::new() };
    let (before, after) = (&selector[..start], &selector[end + 1..]);
    let stands_alone = before.is_empty() || before.ends_with([' ', '>', '(', ',']);
    let arguments = in_list(&selector[inner..end]);
    let strongest = arguments.iter().filter_map(|one| weight(one)).max().unwrap_or_default();
    let counted = if name == ":is(" { strongest } else { (0, 0, 0) };
    let mut all = Vec::new();
    for argument in arguments.into_iter().take(MOST) {
        // `.a:is(body)` could not be written without the brackets, `.b :is(.a .c)` would mean something else.
        let fits = if before.trim().is_empty() { true } else { stands_alone || argument.starts_with(['.', '#']) };
        let is_one = before.trim().is_empty() || !argument.contains([' ', '>', '+', '~']);
        let Some(own) = weight(argument).filter(|_| fits && is_one) else { continue };
        for (text, [ids, classes, types]) in spelled_out(&format!("{before}{argument}{after}"), depth + 1) {
            let difference = |counted: u32, own: u32| i64::from(counted) - i64::from(own);
            all.push((
                text,
                [
                    ids + difference(counted.0, own.0),
                    classes + difference(counted.1, own.1),
                    types + difference(counted.2, own.2),
                ],
            ));
        }
    }
    all
}

/// Where the bracket that is open at `start` is closed.
fn closing(text: &str, start: usize) -> Option<usize> {
    let mut depth = 1_u32;
    for (at, letter) in text[start..].char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(start + at);
        }
    }
    None
}

/// The specificity of a selector without brackets.
pub(super) fn weight(selector: &str) -> Option<Specificity> {
    if selector.contains('(') {
        return None;
    }
    let mut sum = (0, 0, 0);
    for compound in selector.split([' ', '>', '+', '~']).filter(|part| !part.is_empty() && *part != "*") {
        for simple in simples(compound) {
            match simple.chars().next() {
                Some('#') => sum.0 += 1,
                Some('.' | '[' | ':') => sum.1 += 1,
                _ => sum.2 += 1,
            }
        }
    }
    Some(sum)
}

/// `div.a#b` as `div`, `.a`, `#b`; what stands in brackets belongs to what is before it. Pseudo-elements come out as something
/// that nobody knows.
pub(super) fn simples(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        if depth == 0 && at > start && matches!(letter, '.' | '#' | ':' | '[') {
            parts.push(&text[start..at]);
            start = at;
        }
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

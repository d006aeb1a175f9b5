//! Finds, for a pattern, texts of which every match contains at least one.
//!
//! They decide cheaply which rules a line is worth showing to.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Stands in a text for the beginning and for the end of a line: no line holds it.
pub(crate) const EDGE: u8 = b'\n';

/// More alternatives than this are no filter.
const MOST: usize = 64;

/// Texts in lower case; every match of `pattern` contains one of them, in whatever case, if an [`EDGE`] is put before and after
/// the line. None if there are none to rely on.
pub(crate) fn required(pattern: &Hir) -> Option<Vec<String>> {
    let found = of(pattern, &[Vec::new()])?;
    let texts: Option<Vec<String>> = found.into_iter().map(|text| String::from_utf8(text).ok()).collect();
    texts.filter(|texts| texts.iter().all(|text| text.len() >= 2))
}

/// Of a part that stands right behind one of the texts in `run`.
fn of(hir: &Hir, run: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Capture(capture) => of(&capture.sub, run),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub, run),
        HirKind::Concat(parts) => of_sequence(parts, run),
        HirKind::Alternation(branches) => of_branches(branches, run),
        _ => exact(hir).filter(|texts| run.len() * texts.len() <= MOST).map(|texts| product(run, &texts)),
    }
}

/// The best of the runs in a sequence: the one whose shortest text is longest.
fn of_sequence(parts: &[Hir], run: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let mut best: Option<Vec<Vec<u8>>> = None;
    let mut run = run.to_vec();
    for part in parts {
        match exact(part) {
            Some(texts) if run.len() * texts.len() <= MOST => run = product(&run, &texts),
            Some(texts) => best = better(best, Some(std::mem::replace(&mut run, texts))),
            None => {
                best = better(best, of(part, &run));
                best = better(best, Some(std::mem::replace(&mut run, vec![Vec::new()])));
            }
        }
    }
    better(best, Some(run))
}

fn of_branches(branches: &[Hir], run: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for branch in branches {
        all.extend(of(branch, run)?);
    }
    (all.len() <= MOST).then_some(all)
}

fn better(one: Option<Vec<Vec<u8>>>, other: Option<Vec<Vec<u8>>>) -> Option<Vec<Vec<u8>>> {
    let worth = |texts: &Option<Vec<Vec<u8>>>| {
        let shortest = texts.as_ref().and_then(|texts| texts.iter().map(Vec::len).min()).unwrap_or(0);
        let many = texts.as_ref().map_or(0, Vec::len);
        (shortest.min(6), std::cmp::Reverse(many), shortest)
    };
    if worth(&other) > worth(&one) { other } else { one }
}

/// All texts that a part can be, apart from case; none if there are many, or if they cannot be told one by one.
fn exact(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => letter(class).map(|byte| vec![vec![byte]]),
        HirKind::Look(look) => of_look(*look).map(|text| vec![text]),
        HirKind::Capture(capture) => exact(&capture.sub),
        HirKind::Alternation(branches) => {
            let all: Option<Vec<_>> = branches.iter().map(exact).collect();
            all.map(|texts| texts.concat()).filter(|texts| texts.len() <= MOST)
        }
        HirKind::Concat(parts) => parts.iter().try_fold(vec![Vec::new()], |all, part| {
            let texts = exact(part)?;
            (all.len() * texts.len() <= MOST).then(|| product(&all, &texts))
        }),
        _ => None,
    }
}

/// What a condition on the place asks of the line: its beginning or end, or nothing that is a text.
fn of_look(look: Look) -> Option<Vec<u8>> {
    match look {
        Look::Start | Look::End | Look::StartLF | Look::EndLF => Some(vec![EDGE]),
        Look::StartCRLF | Look::EndCRLF => None,
        _ => Some(Vec::new()),
    }
}

/// Each of the texts, followed by each of the others.
fn product(texts: &[Vec<u8>], next: &[Vec<u8>]) -> Vec<Vec<u8>> {
    texts.iter().flat_map(|text| next.iter().map(move |next| [&text[..], next].concat())).collect()
}

/// The ASCII letter that a class stands for if it holds just its two cases, as `(?i)` makes them.
fn letter(class: &Class) -> Option<u8> {
    let Class::Unicode(class) = class else { return None };
    let mut found = None;
    for range in class.iter() {
        if range.start() != range.end() {
            return None;
        }
        let lower = match range.start() {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        };
        if found.is_some_and(|before| before != lower) || !lower.is_ascii() {
            return None;
        }
        found = Some(lower);
    }
    found.and_then(|letter| u8::try_from(letter).ok())
}

#[cfg(test)]
mod tests {
    fn required(pattern: &str) -> Option<Vec<String>> {
        super::required(&regex_syntax::parse(pattern).unwrap())
    }

    #[test]
    fn the_longest_certain_text_is_found() {
        assert_eq!(required(r"^\s*Error: .*cannot open").unwrap(), ["cannot open"]);
        assert_eq!(required("(?i)skipping x+").unwrap(), ["skipping x"]);
        assert_eq!(required("(?:alpha|Beta) \\d+").unwrap(), ["alpha ", "beta "]);
    }

    #[test]
    fn alternatives_are_looked_for_with_what_stands_around_them() {
        assert_eq!(required(r"Use (?:color|math|map)\.\w+").unwrap(), ["use color.", "use math.", "use map."]);
        assert_eq!(required(r"x+(?:a|bc)(?:dd|ee)f").unwrap(), ["addf", "aeef", "bcddf", "bceef"]);
        // Too many together: what stands before them, or they by themselves.
        let letters = ["aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh", "ii"].join("|");
        assert_eq!(required(&format!("({letters})({letters})")).map(|texts| texts.len()), Some(9));
    }

    #[test]
    fn a_text_may_hang_on_the_beginning_and_the_end_of_the_line() {
        assert_eq!(required(r"^map\.\w+\(").unwrap(), ["\nmap."]);
        assert_eq!(required(r"^(?:map\.\w+\(|Use .*)").unwrap(), ["\nmap.", "\nuse "]);
        assert_eq!(required(r"\d ok$").unwrap(), [" ok\n"]);
        assert_eq!(required(r"^(?:Killed|Done)$").unwrap(), ["\nkilled\n", "\ndone\n"]);
        assert_eq!(required(r"\bok\b!").unwrap(), ["ok!"]);
        assert_eq!(required(r"^\d+$"), None);
    }

    #[test]
    fn an_optional_text_is_not_relied_upon() {
        assert_eq!(required("(?:alpha)? b"), Some(vec![" b".to_owned()]));
        assert_eq!(required(r"\d+"), None);
        assert_eq!(required("(?:alpha|\\d)"), None);
    }
}

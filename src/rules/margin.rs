//! What a program puts before every line of a log, in forms that nobody has written down: it is known by standing before nearly all
//! of them. Pure; it knows neither rules nor what a line means.

use std::collections::{HashMap, HashSet};

/// So many lines tell what stands before all of them.
const FEWEST: usize = 4;
/// Lines that are looked at.
const MOST: usize = 400;
/// Bytes of a line's beginning that are looked at.
const WIDEST: usize = 120;
/// One margin may stand before another one.
const LAYERS: usize = 3;

/// What stands before the lines of a log, the outermost first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Margin {
    signs: Vec<Sign>,
    layers: Vec<Layer>,
}

/// What may also be a tool's own, so that only its standing before most lines tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `> ` of a quotation. npm and yarn echo commands in the same way.
    Quotation,
    /// `[0] ` of concurrently. webpack numbers its modules in the same way.
    Command,
    /// `      01 ` of airbrussh. Numbers of lines in a code frame look the same.
    Task,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Layer {
    /// The same before each line but for its numbers, for each run of which a `0` stands, and so many blanks behind it.
    Same { shape: Vec<u8>, blanks: usize },
    /// `[name] `, one of several names.
    Bracketed,
    /// `name | `, one of several names.
    Barred,
}

impl Margin {
    /// What stands before most of these lines, before anything is cut from them, that may also be a tool's own.
    pub(crate) fn of_signs<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Self {
        let mut rest: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).take(MOST).collect();
        let mut signs = Vec::new();
        while signs.len() < LAYERS && rest.len() >= FEWEST {
            let all = [Sign::Quotation, Sign::Command, Sign::Task];
            let Some(sign) = all.into_iter().find(|sign| sign.stands_before(&rest)) else { break };
            rest = rest.into_iter().filter_map(|line| sign.cut(line)).filter(|line| !line.is_empty()).collect();
            signs.push(sign);
        }
        Self { signs, layers: Vec::new() }
    }

    /// What else stands before most of these lines; `tells` is true for a text that would be missed, as it says how grave a line is.
    pub(crate) fn with_layers<'l>(&self, lines: impl Iterator<Item = &'l [u8]>, tells: impl Fn(&[u8]) -> bool) -> Self {
        let mut rest: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).take(MOST).collect();
        let mut layers = Vec::new();
        while layers.len() < LAYERS && rest.len() >= FEWEST {
            let Some(layer) = layer(&rest, &tells) else { break };
            rest = rest.into_iter().filter_map(|line| layer.cut(line)).filter(|line| !line.is_empty()).collect();
            layers.push(layer);
        }
        Self { signs: self.signs.clone(), layers }
    }

    /// The line without the signs before it.
    pub(crate) fn unsigned<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        self.signs.iter().try_fold(line, |line, sign| sign.cut(line)).unwrap_or(line)
    }

    /// The line behind its margin; none if it has none.
    pub(crate) fn cut<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let (first, others) = self.layers.split_first()?;
        let inner = first.cut(line)?;
        Some(others.iter().try_fold(inner, |inner, layer| layer.cut(inner)).unwrap_or(inner))
    }
}

impl Sign {
    /// True if it stands before most lines. Numbers are those of a few commands.
    fn stands_before(self, lines: &[&[u8]]) -> bool {
        let echoes = |at: usize| lines.get(at).is_some_and(|line| self == Self::Quotation && is_echo(line));
        let own = |at: usize| !echoes(at) && !at.checked_sub(1).is_some_and(echoes);
        let said = lines.iter().enumerate().filter(|(at, _)| own(*at)).map(|(_, line)| line);
        let marked: Vec<&[u8]> =
            said.filter_map(|line| Some(line[..line.len() - self.cut(line)?.len()].trim_ascii_end())).collect();
        let different: HashSet<&[u8]> = marked.iter().copied().collect();
        is_most(marked.len(), lines.len()) && (self == Self::Quotation || different.len() * FEWEST <= marked.len())
    }

    /// The line behind it.
    fn cut(self, line: &[u8]) -> Option<&[u8]> {
        let rest = match self {
            Self::Quotation => line.strip_prefix(b">")?,
            Self::Command => {
                let inner = line.strip_prefix(b"[")?;
                let digits = inner.iter().take_while(|byte| byte.is_ascii_digit()).count();
                inner[digits..].strip_prefix(b"]").filter(|_| matches!(digits, 1 | 2))?
            }
            Self::Task => {
                let inner = line.strip_prefix(b"      ")?;
                inner.get(2..).filter(|_| inner[..2].iter().all(u8::is_ascii_digit))?
            }
        };
        match rest.first() {
            Some(b' ') => Some(&rest[1..]),
            Some(_) if self != Self::Quotation => None,
            _ => Some(rest),
        }
    }
}

/// `> site@1.0.0 build`: npm says so before it runs a script, and its command below.
pub(super) fn is_echo(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let (sign, package, script) = (words.next(), words.next().unwrap_or_default(), words.next());
    let at = package.windows(2).skip(1).any(|pair| pair[0] == b'@' && pair[1].is_ascii_digit());
    sign == Some(b">") && at && script.is_some()
}

impl Layer {
    /// True for `[name] `.
    fn is_name(&self) -> bool {
        matches!(self, Self::Same { shape, .. } if named(shape, b'[', b']').is_some_and(<[u8]>::is_empty))
    }

    fn cut<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        match self {
            Self::Same { shape, blanks } => {
                let rest = behind(shape, line)?;
                let cut = rest.iter().take(*blanks).take_while(|byte| is_blank(**byte)).count();
                (cut == *blanks || cut == rest.len()).then(|| &rest[cut..])
            }
            Self::Bracketed => named(line, b'[', b']'),
            Self::Barred => named(line, 0, b'|'),
        }
    }
}

fn layer(lines: &[&[u8]], tells: &impl Fn(&[u8]) -> bool) -> Option<Layer> {
    let of_names = |layer: &Layer| {
        let margin = |line: &[u8]| layer.cut(line).is_some_and(|rest| !tells(&line[..line.len() - rest.len()]));
        is_most(lines.iter().filter(|line| margin(line)).count(), lines.len())
    };
    let names = || [Layer::Bracketed, Layer::Barred].into_iter().find(of_names);
    let cut = |layer: &Layer| lines.iter().filter(|line| layer.cut(line).is_some()).count();
    match same(lines, tells) {
        // Now and then another name stands in its place.
        Some(same) if same.is_name() && cut(&Layer::Bracketed) > cut(&same) => names(),
        Some(same) => Some(same),
        None => names(),
    }
}

/// Four of five: what was printed around the build may lack it.
const fn is_most(some: usize, all: usize) -> bool {
    some * 5 >= all * 4
}

/// The longest beginning that most lines have in common, and that does not say how grave they are.
fn same(lines: &[&[u8]], tells: &impl Fn(&[u8]) -> bool) -> Option<Layer> {
    let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
    for line in lines {
        let begun: HashSet<Vec<u8>> = beginnings(line).into_iter().collect();
        begun.into_iter().for_each(|shape| *counts.entry(shape).or_default() += 1);
    }
    let common = counts.into_iter().filter(|(shape, count)| is_most(*count, lines.len()) && !tells(shape));
    let (shape, _) = common.max_by(|(one, _), (other, _)| (one.len(), one).cmp(&(other.len(), other)))?;
    if shape.iter().filter(|byte| **byte == b'0').count() == 1 && !shape.iter().any(u8::is_ascii_alphabetic) {
        counts_up(&shape, lines).then_some(())?;
    }
    let blanks = lines.iter().filter_map(|line| behind(&shape, line)).filter(|rest| !rest.is_empty());
    let blanks = blanks.map(|rest| rest.iter().take_while(|byte| is_blank(**byte)).count()).min()?;
    Some(Layer::Same { shape, blanks })
}

/// True if the lines are numbered, from the first one on.
fn counts_up(shape: &[u8], lines: &[&[u8]]) -> bool {
    let number = |line: &&[u8]| {
        behind(shape, line)?;
        let digits: String = line
            .iter()
            .skip_while(|byte| !byte.is_ascii_digit())
            .map_while(|byte| char::from(*byte).to_digit(10))
            .map(|digit| digit.to_string())
            .collect();
        digits.parse::<u64>().ok()
    };
    let numbers: Vec<u64> = lines.iter().filter_map(number).collect();
    let steps = numbers.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
    lines.first().is_some_and(|line| number(line).is_some()) && is_most(steps + 1, lines.len())
}

/// The beginnings of a line at which a margin may end, each with `0` for a number and one blank for several.
fn beginnings(line: &[u8]) -> Vec<Vec<u8>> {
    let (mut shape, mut all) = (Vec::new(), Vec::new());
    let mut numbers = 0;
    for (at, &byte) in line.iter().take(WIDEST).enumerate() {
        match (byte, shape.last()) {
            (b'0'..=b'9', Some(b'0')) | (b' ' | b'\t', Some(b' ')) => {}
            (b'0'..=b'9', _) => {
                shape.push(b'0');
                numbers += 1;
            }
            (b' ' | b'\t', _) => shape.push(b' '),
            (other, _) => shape.push(other),
        }
        let ends = line.get(at + 1).is_none_or(|next| is_blank(*next));
        // `>` alone is a sign.
        let mark = matches!(byte, b'|' | b']' | b')' | b'-') || (matches!(byte, b':' | b'>') && shape.len() > 1);
        let told = mark
            || (byte == b'.' && numbers == 1 && shape.len() == 2)
            || (byte.is_ascii_digit() && (numbers > 1 || shape.len() == 1))
            || shape.ends_with("│".as_bytes());
        if told && (ends || matches!(byte, b':' | b'.') && numbers == 1 && shape.len() == 2) {
            all.push(shape.clone());
        }
    }
    all
}

/// What stands behind a beginning of this shape.
fn behind<'l>(shape: &[u8], line: &'l [u8]) -> Option<&'l [u8]> {
    let mut rest = line;
    for &byte in shape {
        let length = match byte {
            b'0' => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            b' ' => rest.iter().take_while(|byte| is_blank(**byte)).count(),
            other => usize::from(rest.first() == Some(&other)),
        };
        rest = rest.get(length..).filter(|_| length > 0)?;
    }
    Some(rest)
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What stands behind `[name] ` or `name | `.
fn named(line: &[u8], open: u8, close: u8) -> Option<&[u8]> {
    let inner = if open == 0 { line } else { line.strip_prefix(&[open])? };
    let end = inner.iter().take(60).position(|&byte| byte == close).filter(|&end| end > 0)?;
    let rest = &inner[end + 1..];
    match rest.first() {
        None => Some(rest),
        Some(byte) => is_blank(*byte).then(|| &rest[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Layer, Margin};

    fn margin(lines: &[&str]) -> Margin {
        let tells = |text: &[u8]| text.to_ascii_lowercase().windows(5).any(|part| part == b"error" || part == b"warni");
        Margin::default().with_layers(lines.iter().map(|line| line.as_bytes()), tells)
    }

    fn cut<'l>(lines: &[&'l str]) -> Vec<&'l str> {
        let margin = margin(lines);
        lines
            .iter()
            .map(|line| margin.cut(line.as_bytes()).map_or(*line, |rest| std::str::from_utf8(rest).unwrap()))
            .collect()
    }

    #[test]
    fn what_stands_before_all_lines_is_cut() {
        assert_eq!(cut(&["8: a", "9: b", "10: c", "11: d"]), ["a", "b", "c", "d"]);
        assert_eq!(cut(&["[a-1] x", "[b-2]   y", "[a-1]", "[a-1] z"]), ["x", "  y", "", "z"]);
        assert_eq!(
            cut(&[
                "2026/11/29 10:22:31 x",
                "2026/11/29 10:22:31   y",
                "2026/11/29 10:22:32 z",
                "2026/11/29 10:22:40 z"
            ]),
            ["x", "  y", "z", "z"]
        );
        assert_eq!(cut(&["begun", "host> x", "host> y", "host> z", "host> z"]), ["begun", "x", "y", "z", "z"]);
        assert_eq!(
            cut(&[
                "<13>Nov 29 08:00:01 h m: x",
                "<13>Nov 29 08:00:01 h m: y",
                "<13>Nov  9 08:00:01 h m: z",
                "<13>Nov 29 08:00:01 h m:"
            ]),
            ["x", "y", "z", ""]
        );
    }

    #[test]
    fn one_margin_may_stand_before_another() {
        assert_eq!(cut(&["1 | [web-1] a", "2 | [web-1] b", "3 | [web-1] c", "4 | [web-1] d"]), ["a", "b", "c", "d"]);
    }

    #[test]
    fn words_and_code_frames_are_no_margin() {
        for lines in [
            &["Error: a", "Error: b", "Error: c", "Error: d"][..],
            &["warning: a", "warning: b", "warning: c", "warning: d"],
            &["Using rake 13.0.1", "Using i18n 1.8.5", "Using rack 2.2.3", "Using thor 1.0.1"],
            &["12 modules", "13 modules more", "3 chunks", "1 asset"],
            &["x failed", "  12 | @import", "  13 | .a {", "  14 | }"],
            &["[ERROR] a", "[INFO] b", "[WARNING] c", "[ERROR] d"],
            &["10% a", "20% b", "30% c", "40% d"],
            &["a", "b", "c"],
            &[],
        ] {
            assert_eq!(cut(lines), lines);
        }
    }

    #[test]
    fn signs_stand_before_most_lines_and_numbers_are_those_of_a_few_commands() {
        let cut = |lines: &[&'static str]| -> Vec<&str> {
            let signs = Margin::of_signs(lines.iter().map(|line| line.as_bytes()));
            lines.iter().map(|line| std::str::from_utf8(signs.unsigned(line.as_bytes())).unwrap()).collect()
        };
        assert_eq!(cut(&["> a", ">   b", ">", "> > c", "> d"]), ["a", "  b", "", "> c", "d"]);
        assert_eq!(cut(&["[0] a", "[0] [plugin x] b", "[0]", "[0] c", "[0] d"]), ["a", "[plugin x] b", "", "c", "d"]);
        assert_eq!(cut(&["      01 12 | a", "      01", "      01 b", "      01 c"]), ["12 | a", "", "b", "c"]);
        for lines in [
            ["[0] ./a.js", "[1] ./b.js", "[2] ./c.js", "[3] ./d.js"],
            ["      12 | a", "      13 | b", "      14 | c", "      15 | d"],
            ["> vite build", "vite v7 building", "transforming...", "done"],
        ] {
            assert_eq!(cut(&lines), lines);
        }
    }

    #[test]
    fn commands_that_npm_echoes_are_no_quotation() {
        let echoes = ["> site@1.0.0 prebuild", "> rimraf dist", "> @x/site@1.0.0 build", "> node a.js && vite build"];
        let signs = |lines: &[&str]| Margin::of_signs(lines.iter().map(|line| line.as_bytes()));
        assert_eq!((signs(&echoes), margin(&echoes)), (Margin::default(), Margin::default()));
        let quoted: Vec<String> = echoes.iter().map(|line| format!("> {line}")).collect();
        let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
        assert_eq!(signs(&quoted).unsigned(b"> x"), b"x");
    }

    #[test]
    fn one_name_before_most_lines_leaves_room_for_another() {
        let mut lines = vec!["[cache] a"; 9];
        lines.push("[web] b");
        assert_eq!(cut(&lines)[9], "b");
    }

    #[test]
    fn what_stands_before_a_word_that_says_how_grave_a_line_is_goes() {
        assert_eq!(cut(&["1/2/3 4:5:6 error: a"; 4]), ["error: a"; 4]);
    }

    #[test]
    fn a_beginning_that_says_how_grave_a_line_is_stays() {
        assert_eq!(margin(&["[ERROR] a", "[a] b", "[b] c", "[c] d", "[c] e"]).layers, [Layer::Bracketed]);
    }
}

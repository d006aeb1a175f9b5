//! Gives the files of a plain unified diff (`diff -u`) the headers that git's own have. Pure.

/// `patch` with a `diff --git` line before every file that lacks one. `exists` is asked for paths of the live tree: a plain
/// diff does not say how much of its paths is a folder name.
pub(super) fn with_headers(patch: &[u8], exists: &dyn Fn(&str) -> bool) -> Vec<u8> {
    let lines: Vec<&[u8]> = patch.split_inclusive(|byte| *byte == b'\n').collect();
    let mut result = Vec::with_capacity(patch.len() + 256);
    let (mut old_left, mut new_left) = (0_usize, 0_usize);
    let mut has_header = false;
    let mut at = 0;
    while let Some(line) = lines.get(at).copied() {
        at += 1;
        if old_left + new_left > 0 {
            (old_left, new_left) = after_line(line, old_left, new_left);
        } else if let Some(counts) = hunk_counts(line) {
            (old_left, new_left) = counts;
            has_header = false;
        } else if line.starts_with(b"diff --git ") {
            has_header = true;
        } else if let (false, Some(header)) = (has_header, header(line, lines.get(at).copied(), exists)) {
            result.extend_from_slice(header.as_bytes());
            at += 1;
            continue;
        }
        result.extend_from_slice(line);
    }
    result
}

/// How many lines of the old and of the new file a hunk has left after this one.
fn after_line(line: &[u8], old: usize, new: usize) -> (usize, usize) {
    match line.first() {
        Some(b'-') => (old.saturating_sub(1), new),
        Some(b'+') => (old, new.saturating_sub(1)),
        Some(b'\\') => (old, new),
        _ => (old.saturating_sub(1), new.saturating_sub(1)),
    }
}

/// The counts of `@@ -1,3 +1,4 @@`.
fn hunk_counts(line: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("@@ -")?;
    let (old, rest) = text.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let count = |range: &str| range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok());
    Some((count(old)?, count(new)?))
}

/// git's header for a file that is named by a `---` and a `+++` line.
fn header(old: &[u8], new: Option<&[u8]>, exists: &dyn Fn(&str) -> bool) -> Option<String> {
    let old = named(old, "--- ")?;
    let new = named(new?, "+++ ")?;
    let path = match (&old, &new) {
        (Some(old), Some(new)) => {
            own_path(old, exists).or_else(|| own_path(new, exists)).unwrap_or_else(|| without_first(new))
        }
        (Some(one), None) | (None, Some(one)) => own_path(one, exists).unwrap_or_else(|| without_first(one)),
        (None, None) => return None,
    };
    let (mode, from, to) = match (old, new) {
        (None, _) => ("new file mode 100644\n", "/dev/null".to_owned(), format!("b/{path}")),
        (_, None) => ("deleted file mode 100644\n", format!("a/{path}"), "/dev/null".to_owned()),
        _ => ("", format!("a/{path}"), format!("b/{path}")),
    };
    Some(format!("diff --git a/{path} b/{path}\n{mode}--- {from}\n+++ {to}\n"))
}

/// The path of a `---` or `+++` line; the inner value is none for a file that is not there.
fn named(line: &[u8], mark: &str) -> Option<Option<String>> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix(mark)?.trim_end_matches(['\n', '\r']);
    let (path, time) = text.split_once('\t').unwrap_or((text, ""));
    // `diff -N` names a missing file by the beginning of time.
    let missing = path == "/dev/null" || time.starts_with("1970-01-01") || time.starts_with("1969-12-31");
    Some((!missing).then(|| path.to_owned()))
}

/// The path as the live tree has it: as it is written, or without its first folder.
fn own_path(path: &str, exists: &dyn Fn(&str) -> bool) -> Option<String> {
    let short = without_first(path);
    [short.as_str(), path].into_iter().find(|path| exists(path)).map(str::to_owned)
}

fn without_first(path: &str) -> String {
    path.split_once('/').map_or(path, |(_, rest)| rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(patch: &str) -> String {
        String::from_utf8(with_headers(patch.as_bytes(), &|path| path == "config/x")).unwrap()
    }

    #[test]
    fn a_plain_diff_gets_headers_and_lines_of_a_hunk_are_left_alone() {
        let hunk = "@@ -1,2 +1,2 @@\n--- a\n+++ b\n c\n";
        let patch = format!(
            "--- live.orig/config/x\t2026-01-01\n+++ live/config/x\t2026-01-02\n{hunk}--- config/x\n+++ config/x\n{hunk}"
        );
        let header = "diff --git a/config/x b/config/x\n--- a/config/x\n+++ b/config/x\n";
        assert_eq!(text(&patch), format!("{header}{hunk}{header}{hunk}"));
    }

    #[test]
    fn a_new_file_is_told_and_gits_own_patch_stays_as_it_is() {
        let new = text("--- /dev/null\n+++ b/new/y\n@@ -0,0 +1 @@\n+a\n");
        assert!(
            new.starts_with("diff --git a/new/y b/new/y\nnew file mode 100644\n--- /dev/null\n+++ b/new/y\n"),
            "{new}"
        );
        let own = "From x\n---\n 1 file\n\ndiff --git a/z b/z\nindex 1..2 100644\n--- a/z\n+++ b/z\n@@ -1 +1 @@\n-a\n+b\n-- \n2.47\n";
        assert_eq!(text(own), own);
    }
}

//! Asks the web server itself for pages after a switch: do they come, and do they carry the promoted stylesheets?
//!
//! Ask puma directly (`http://127.0.0.1:3000`), not nginx: its cache would answer for a broken server (MASTODON.md §7).
//! A probe that could not be made is not a success.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use base64::Engine;
use regex::Regex;
use serde::Deserialize;
use sha2::Digest;

/// A page to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Where, such as `http://127.0.0.1:3000/about`.
    pub url: String,
    /// The site's domain, sent as `Host`.
    pub host: String,
    /// Whether a failure is only told, not acted upon.
    #[serde(default)]
    pub optional: bool,
}

/// What a stylesheet link on a page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The path, without host and query.
    pub path: String,
    /// The integrity attribute, if there is one.
    pub integrity: Option<String>,
}

/// What the promoted manifests say: the integrity of each compiled file that has one, by its path under `public/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compiled(pub BTreeMap<String, Option<String>>);

impl Compiled {
    /// Reads manifests of any toolchain: every object with a `src` or `file`. Unreadable ones name nothing.
    #[must_use]
    pub fn read(live: &Path, manifests: &[PathBuf]) -> Self {
        let mut compiled = Self::default();
        for manifest in manifests {
            let text = fs::read(live.join(manifest)).unwrap_or_default();
            let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
            compiled.gather(&value);
        }
        compiled
    }

    fn gather(&mut self, value: &serde_json::Value) {
        let text = |key: &str| value.get(key).and_then(serde_json::Value::as_str);
        let path = text("file").map(|file| format!("/packs/{file}")).or_else(|| text("src").map(str::to_owned));
        if let Some(path) = path.filter(|path| path.starts_with('/')) {
            self.0.insert(path, text("integrity").map(str::to_owned));
        }
        let inner: Vec<&serde_json::Value> = match value {
            serde_json::Value::Object(entries) => entries.values().collect(),
            serde_json::Value::Array(entries) => entries.iter().collect(),
            _ => Vec::new(),
        };
        inner.into_iter().for_each(|value| self.gather(value));
    }
}

/// The stylesheet links of a page. Pure.
#[must_use]
pub fn links(page: &str) -> Vec<Link> {
    static TAG: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)<link\b[^>]*>").expect("the pattern is a constant and compiles"));
    static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i)\b(rel|href|integrity)\s*=\s*["']([^"']*)["']"#)
            .expect("the pattern is a constant and compiles")
    });
    let read = |tag: &str| {
        let found: BTreeMap<String, String> =
            ATTRIBUTE.captures_iter(tag).map(|part| (part[1].to_ascii_lowercase(), part[2].to_owned())).collect();
        let sheet = found.get("rel").is_some_and(|rel| rel.eq_ignore_ascii_case("stylesheet"));
        let href = found.get("href").filter(|_| sheet)?;
        Some(Link { path: path_of(href), integrity: found.get("integrity").cloned() })
    };
    TAG.find_iter(page).filter_map(|tag| read(tag.as_str())).collect()
}

fn path_of(href: &str) -> String {
    let rest = href.split_once("://").map_or(href, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    rest.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// What is wrong with a page's compiled stylesheets, if anything; those of other origin (custom CSS) are passed over. Pure.
///
/// # Errors
/// The fault, in words.
pub fn judge(links: &[Link], compiled: &Compiled) -> Result<(), String> {
    let ours: Vec<&Link> = links.iter().filter(|link| link.path.starts_with("/packs")).collect();
    if ours.is_empty() {
        return Err("the page links no compiled stylesheet".to_owned());
    }
    for link in ours {
        match compiled.0.get(&link.path) {
            None => return Err(format!("the page links {}, which the promoted manifest does not name", link.path)),
            Some(Some(integrity)) if link.integrity.as_ref() != Some(integrity) => {
                return Err(format!("the page links {} with another integrity than the manifest's", link.path));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Whether bytes are what an `integrity` attribute promises; the strongest hash it gives counts. Pure.
#[must_use]
pub fn matches(bytes: &[u8], integrity: &str) -> bool {
    let base64 = base64::engine::general_purpose::STANDARD;
    let digest = |hash: &str| match hash.split_once('-') {
        Some(("sha256", sum)) => Some(base64.encode(sha2::Sha256::digest(bytes)) == sum),
        Some(("sha384", sum)) => Some(base64.encode(sha2::Sha384::digest(bytes)) == sum),
        Some(("sha512", sum)) => Some(base64.encode(sha2::Sha512::digest(bytes)) == sum),
        _ => None,
    };
    let known: Vec<bool> = integrity.split_whitespace().filter_map(digest).collect();
    known.iter().any(|&same| same)
}

/// Asks until the page is right `successes` times in a row, or `patience` ends.
///
/// # Errors
/// What was wrong the last time.
pub fn probe(
    probe: &Probe,
    live: &Path,
    compiled: &Compiled,
    successes: u32,
    patience: Duration,
) -> Result<(), String> {
    let end = Instant::now() + patience;
    let mut in_a_row = 0;
    loop {
        match ask(probe, live, compiled) {
            Ok(()) if in_a_row + 1 >= successes => return Ok(()),
            Ok(()) => in_a_row += 1,
            Err(fault) if Instant::now() >= end => return Err(format!("{}: {fault}", probe.url)),
            Err(_) => in_a_row = 0,
        }
        std::thread::sleep(Duration::from_millis(500).min(patience));
    }
}

fn ask(probe: &Probe, live: &Path, compiled: &Compiled) -> Result<(), String> {
    let (status, page) = get(&probe.url, &probe.host)?;
    if status != 200 {
        return Err(format!("it answers {status}"));
    }
    let links = links(&String::from_utf8_lossy(&page));
    judge(&links, compiled)?;
    links.iter().filter(|link| link.path.starts_with("/packs")).try_for_each(|link| served(probe, live, link))
}

/// The stylesheet as it is served; puma serves none where nginx does, then the file that nginx would send counts.
fn served(probe: &Probe, live: &Path, link: &Link) -> Result<(), String> {
    let after_scheme = probe.url.find("://").map_or(0, |at| at + 3);
    let origin = probe.url[after_scheme..].find('/').map_or(probe.url.as_str(), |at| &probe.url[..after_scheme + at]);
    let body = match get(&format!("{origin}{}", link.path), &probe.host)? {
        (200, body) => body,
        (404, _) => fs::read(live.join("public").join(link.path.trim_start_matches('/')))
            .map_err(|error| format!("the stylesheet {} is not there: {error}", link.path))?,
        (status, _) => return Err(format!("the stylesheet {} answers {status}", link.path)),
    };
    match &link.integrity {
        Some(integrity) if !matches(&body, integrity) => Err(format!("{} does not match its integrity", link.path)),
        _ => Ok(()),
    }
}

/// `X-Forwarded-Proto` keeps Rails from redirecting to https.
fn get(url: &str, host: &str) -> Result<(u16, Vec<u8>), String> {
    let configuration = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(15)))
        .build();
    let request = ureq::Agent::new_with_config(configuration).get(url);
    let answer = request.header("Host", host).header("X-Forwarded-Proto", "https").call();
    let mut answer = answer.map_err(|error| format!("it could not be asked: {error}"))?;
    let body = answer.body_mut().read_to_vec().map_err(|error| format!("its answer broke off: {error}"))?;
    Ok((answer.status().as_u16(), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<link rel="icon" href="/favicon.ico"><link rel="stylesheet" media="all"
        href="https://cdn.example/packs/css/default-12ab.css?x" crossorigin="anonymous" integrity="sha256-AAA=">
        <link href='/custom.css' rel='stylesheet'>"#;

    fn compiled(json: &str) -> Compiled {
        let mut compiled = Compiled::default();
        compiled.gather(&serde_json::from_str(json).unwrap());
        compiled
    }

    #[test]
    fn a_page_that_carries_the_promoted_stylesheet_is_right() {
        let links = links(PAGE);
        assert_eq!(links[0].path, "/packs/css/default-12ab.css");
        let webpacker = compiled(r#"{"default.css":{"src":"/packs/css/default-12ab.css","integrity":"sha256-AAA="}}"#);
        assert_eq!(judge(&links, &webpacker), Ok(()));
        let vite = compiled(r#"{"styles/a.scss":{"file":"css/default-12ab.css","integrity":"sha384-BBB="}}"#);
        assert!(judge(&links, &vite).unwrap_err().contains("another integrity"));
    }

    #[test]
    fn a_page_with_another_stylesheet_or_with_none_is_not() {
        let other = compiled(r#"{"default.css":{"src":"/packs/css/default-ffff.css"}}"#);
        assert!(judge(&links(PAGE), &other).unwrap_err().contains("does not name"));
        assert!(judge(&links("<html>"), &other).is_err());
    }

    #[test]
    fn integrity_is_compared_by_any_hash_that_is_known() {
        let sum = base64::engine::general_purpose::STANDARD.encode(sha2::Sha384::digest(b"css"));
        assert!(matches(b"css", &format!("md5-x sha384-{sum}")));
        assert!(!matches(b"torn", &format!("sha384-{sum}")) && !matches(b"css", "md5-x"));
    }

    #[test]
    fn a_probe_that_cannot_be_made_is_no_success() {
        let nowhere = Probe { url: "http://127.0.0.1:1/about".to_owned(), host: "site".to_owned(), optional: false };
        let fault = probe(&nowhere, Path::new("/"), &Compiled::default(), 1, Duration::ZERO).unwrap_err();
        assert!(fault.contains("could not be asked"), "{fault}");
    }
}

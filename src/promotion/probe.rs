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
    /// The theme whose stylesheet the page has to carry, as the registry names it. Without one, any compiled stylesheet will
    /// do: a visitor's page shows the site's theme, not the one that was added.
    #[serde(default)]
    pub theme: Option<String>,
    /// A `Cookie` header: the session of a test user who has picked the theme.
    #[serde(default)]
    pub cookie: Option<String>,
}

/// What a stylesheet link on a page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The path, without host and query.
    pub path: String,
    /// The integrity attribute, if there is one.
    pub integrity: Option<String>,
}

/// What the promoted manifests say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compiled {
    /// The integrity of each compiled file, where it has one, by its path under `public/`.
    files: BTreeMap<String, Option<String>>,
    /// The path of each entry, by its key.
    entries: BTreeMap<String, String>,
    /// The keys that other names stand for (`manifest-lookup.json`).
    lookup: BTreeMap<String, String>,
}

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
        match value {
            serde_json::Value::Object(entries) => entries.iter().for_each(|(key, value)| self.take_in(key, value)),
            serde_json::Value::Array(entries) => entries.iter().for_each(|value| self.gather(value)),
            _ => {}
        }
    }

    fn take_in(&mut self, key: &str, value: &serde_json::Value) {
        let text = |field: &str| value.get(field).and_then(serde_json::Value::as_str);
        let path = text("file").map(|file| format!("/packs/{file}")).or_else(|| text("src").map(str::to_owned));
        if let Some(path) = path.filter(|path| path.starts_with('/')) {
            self.files.insert(path.clone(), text("integrity").map(str::to_owned));
            self.entries.insert(key.to_owned(), path);
        } else if let Some(other) = value.as_str() {
            self.lookup.insert(key.to_owned(), other.to_owned());
        }
        self.gather(value);
    }

    /// The stylesheet of a theme, as Rails looks it up: `NAME.css` with webpacker, `themes/NAME` with Vite, or the name itself
    /// for a skin of glitch-soc (`skins/FLAVOUR/SKIN`).
    fn stylesheet_of(&self, theme: &str) -> Option<&String> {
        let keys = [format!("{theme}.css"), format!("themes/{theme}"), theme.to_owned()];
        let entry = |key: &String| self.entries.get(key).or_else(|| self.entries.get(self.lookup.get(key)?));
        keys.iter().find_map(entry)
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
pub fn judge(links: &[Link], compiled: &Compiled, theme: Option<&str>) -> Result<(), String> {
    let ours: Vec<&Link> = links.iter().filter(|link| link.path.starts_with("/packs")).collect();
    if ours.is_empty() {
        return Err("the page links no compiled stylesheet".to_owned());
    }
    for link in &ours {
        match compiled.files.get(&link.path) {
            None => return Err(format!("the page links {}, which the promoted manifest does not name", link.path)),
            Some(Some(integrity)) if link.integrity.as_ref() != Some(integrity) => {
                return Err(format!("the page links {} with another integrity than the manifest's", link.path));
            }
            Some(_) => {}
        }
    }
    theme.map_or(Ok(()), |theme| carries(&ours, compiled, theme))
}

fn carries(links: &[&Link], compiled: &Compiled, theme: &str) -> Result<(), String> {
    let Some(path) = compiled.stylesheet_of(theme) else {
        return Err(format!("the promoted manifest has no stylesheet for {theme}"));
    };
    if links.iter().any(|link| link.path == *path) {
        return Ok(());
    }
    let others: Vec<&str> = links.iter().map(|link| link.path.as_str()).collect();
    Err(format!("the page does not carry {path}, the stylesheet of {theme}; it links {}", others.join(", ")))
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
    let (status, page) = get(&probe.url, probe)?;
    if status != 200 {
        return Err(format!("it answers {status}"));
    }
    let links = links(&String::from_utf8_lossy(&page));
    judge(&links, compiled, probe.theme.as_deref())?;
    links.iter().filter(|link| link.path.starts_with("/packs")).try_for_each(|link| served(probe, live, link))
}

/// The stylesheet as it is served; puma serves none where nginx does, then the file that nginx would send counts.
fn served(probe: &Probe, live: &Path, link: &Link) -> Result<(), String> {
    let after_scheme = probe.url.find("://").map_or(0, |at| at + 3);
    let origin = probe.url[after_scheme..].find('/').map_or(probe.url.as_str(), |at| &probe.url[..after_scheme + at]);
    let body = match get(&format!("{origin}{}", link.path), probe)? {
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
fn get(url: &str, probe: &Probe) -> Result<(u16, Vec<u8>), String> {
    let configuration = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(15)))
        .build();
    let request = ureq::Agent::new_with_config(configuration).get(url);
    let request = request.header("Host", &probe.host).header("X-Forwarded-Proto", "https");
    let answer = probe.cookie.iter().fold(request, |request, cookie| request.header("Cookie", cookie)).call();
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
        assert_eq!(judge(&links, &webpacker, Some("default")), Ok(()));
        let vite = compiled(r#"{"styles/a.scss":{"file":"css/default-12ab.css","integrity":"sha384-BBB="}}"#);
        assert!(judge(&links, &vite, None).unwrap_err().contains("another integrity"));
    }

    #[test]
    fn a_page_with_another_stylesheet_or_with_none_is_not() {
        let other = compiled(r#"{"default.css":{"src":"/packs/css/default-ffff.css"}}"#);
        assert!(judge(&links(PAGE), &other, None).unwrap_err().contains("does not name"));
        assert!(judge(&links("<html>"), &other, None).is_err());
    }

    #[test]
    fn a_page_has_to_carry_the_theme_that_is_asked_for_whatever_toolchain_compiled_it() {
        let page = |path: &str| links(&format!(r#"<link rel="stylesheet" href="{path}">"#));
        let webpacker = compiled(r#"{"default.css":{"src":"/packs/d.css"},"dusk.css":{"src":"/packs/k.css"}}"#);
        let mut vite = compiled(r#"{"styles/d.scss":{"file":"d.css"},"styles/dusk.scss":{"file":"k.css"}}"#);
        vite.gather(
            &serde_json::from_str(r#"{"themes/dusk":"styles/dusk.scss","skins/a/b":"styles/d.scss"}"#).unwrap(),
        );
        for compiled in [&webpacker, &vite] {
            assert_eq!(judge(&page("/packs/k.css"), compiled, Some("dusk")), Ok(()));
            let fault = judge(&page("/packs/d.css"), compiled, Some("dusk")).unwrap_err();
            assert!(fault.contains("does not carry /packs/k.css") && fault.contains("links /packs/d.css"), "{fault}");
            assert!(
                judge(&page("/packs/k.css"), compiled, Some("dawn")).unwrap_err().contains("no stylesheet for dawn")
            );
        }
        assert_eq!(judge(&page("/packs/d.css"), &vite, Some("skins/a/b")), Ok(()));
    }

    #[test]
    fn integrity_is_compared_by_any_hash_that_is_known() {
        let sum = base64::engine::general_purpose::STANDARD.encode(sha2::Sha384::digest(b"css"));
        assert!(matches(b"css", &format!("md5-x sha384-{sum}")));
        assert!(!matches(b"torn", &format!("sha384-{sum}")) && !matches(b"css", "md5-x"));
    }

    #[test]
    fn a_probe_that_cannot_be_made_is_no_success() {
        let nowhere = Probe {
            url: "http://127.0.0.1:1/about".to_owned(),
            host: "site".to_owned(),
            optional: false,
            theme: None,
            cookie: None,
        };
        let fault = probe(&nowhere, Path::new("/"), &Compiled::default(), 1, Duration::ZERO).unwrap_err();
        assert!(fault.contains("could not be asked"), "{fault}");
    }
}

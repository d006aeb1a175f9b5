//! The environment of a build: a short list of what is let through, and stand-ins for the secrets and services it must not have.
//!
//! Pure: variables in, variables out. What is not named here does not pass.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::site::environment::{SiteEnvironment, has_credentials};

/// Passed on by name: who and where the user is, how the tools find their parts.
const PASSED: &[&str] = &[
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "N_PREFIX",
    "OPENSSL_CONF",
    "PATH",
    "PNPM_HOME",
    "SHELL",
    "TMPDIR",
    "TZ",
    "USER",
    "UV_THREADPOOL_SIZE",
    "VOLTA_HOME",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// Passed on by the beginning of their name: version managers, Ruby, Node, the loader, certificates.
const PASSED_BEGINNINGS: &[&str] = &[
    "ASDF_",
    "BUNDLE_",
    "COREPACK_",
    "FNM_",
    "GEM_",
    "LC_",
    "LD_",
    "MALLOC_",
    "MISE_",
    "NODE_",
    "NODENV_",
    "NPM_CONFIG_",
    "NVM_",
    "RBENV_",
    "RUBY",
    "SSL_CERT_",
    "XDG_CACHE_",
    "XDG_CONFIG_",
    "XDG_DATA_",
    "YARN_",
    "npm_config_",
    "rvm_",
];

/// Never passed on, whatever their beginning: they tie the build to another tree or another run.
const BOUND_ELSEWHERE: &[&str] =
    &["BUNDLE_GEMFILE", "BUNDLE_BIN_PATH", "BUNDLE_LOCKFILE", "NODE_ENV", "npm_config_local_prefix", "NODE_CHANNEL_FD"];

/// Names that tell of a secret.
const SECRET_WORDS: &[&str] = &["TOKEN", "SECRET", "PASSW", "_PASS", "AUTH", "CREDENTIAL", "_KEY", "COOKIE", "__"];

/// What Rails wants to boot, of no value to anybody (Mastodon's own Dockerfile uses the same stand-ins), and services nowhere:
/// nothing listens at port 1, so that a build which wants the database fails instead of changing it.
const STAND_INS: &[(&str, &str)] = &[
    ("RAILS_ENV", "production"),
    ("NODE_ENV", "production"),
    ("SECRET_KEY_BASE", "precompile_placeholder"),
    ("SECRET_KEY_BASE_DUMMY", "1"),
    ("OTP_SECRET", "precompile_placeholder"),
    ("ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY", "precompile_placeholder_determinis"),
    ("ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT", "precompile_placeholder_derivation"),
    ("ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY", "precompile_placeholder_primary_key"),
    ("DB_HOST", "127.0.0.1"),
    ("DB_PORT", "1"),
    ("REDIS_HOST", "127.0.0.1"),
    ("REDIS_PORT", "1"),
    ("ES_ENABLED", "false"),
    // A tool that asks questions would wait for an answer that nobody gives.
    ("YARN_ENABLE_TELEMETRY", "0"),
    ("COREPACK_ENABLE_DOWNLOAD_PROMPT", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
];

/// Where node's `v8-compile-cache`, which webpack's command line tool loads, keeps the programs that it has compiled; by itself it
/// takes the system's `/tmp`, of which a build sees nothing.
const COMPILED_PROGRAMS: (&str, &str) = ("V8_COMPILE_CACHE_CACHE_DIR", "node_modules/.cache/v8-compile-cache");

/// Builds the environment: the caller's harmless variables, the site's, and the stand-ins, the later ones counting.
///
/// Paths into the live tree are turned towards the staged `tree`, so that no tool finds its way back.
pub fn environment(
    caller: impl IntoIterator<Item = (OsString, OsString)>,
    site: &SiteEnvironment,
    live: &Path,
    tree: &Path,
) -> Vec<(OsString, OsString)> {
    let passed = caller.into_iter().filter(|(name, value)| may_pass(name, value));
    let site = site.harmless().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let stand_ins = STAND_INS.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let turned = passed.chain(site).map(|(name, value)| (name, turned(&value, live, tree)));
    let programs = [(COMPILED_PROGRAMS.0.into(), tree.join(COMPILED_PROGRAMS.1).into_os_string())];
    turned.chain(stand_ins).chain(programs).collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn may_pass(name: &OsStr, value: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let known = PASSED.contains(&name) || PASSED_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    let upper = name.to_ascii_uppercase();
    let secret = SECRET_WORDS.iter().any(|word| upper.contains(word)) || has_credentials(&value.to_string_lossy());
    known && !secret && !BOUND_ELSEWHERE.contains(&name) && !requires_bundler(name, value)
}

/// Bundler's own hook, set when the gate itself runs under `bundle exec`: the build starts bundler for itself.
fn requires_bundler(name: &str, value: &OsStr) -> bool {
    name == "RUBYOPT" && value.to_string_lossy().contains("bundler")
}

/// Replaces the live tree's path by the staged one's, where it stands as a whole path.
fn turned(value: &OsStr, live: &Path, tree: &Path) -> OsString {
    let (from, to) = (live.as_os_str().as_bytes(), tree.as_os_str().as_bytes());
    let mut rest = value.as_bytes();
    let mut result = Vec::with_capacity(rest.len());
    while let Some(first) = rest.first() {
        let whole =
            rest.strip_prefix(from).is_some_and(|after| matches!(after.first(), None | Some(b'/' | b':' | b' ')));
        if whole && !from.is_empty() {
            result.extend_from_slice(to);
            rest = &rest[from.len()..];
        } else {
            result.push(*first);
            rest = &rest[1..];
        }
    }
    OsString::from_vec(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(caller: &[(&str, &str)]) -> BTreeMap<String, String> {
        let caller = caller.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let built = environment(
            caller,
            &SiteEnvironment::default(),
            Path::new("/srv/live"),
            Path::new("/srv/.themegate/s/tree"),
        );
        built.into_iter().map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap())).collect()
    }

    #[test]
    fn what_is_not_named_does_not_pass() {
        let built = of(&[
            ("PATH", "/bin"),
            ("AWS_SESSION", "x"),
            ("DATABASE_URL", "postgres://live"),
            ("EDITOR", "vi"),
            ("LC_ALL", "C"),
        ]);
        assert_eq!(built.get("PATH").map(String::as_str), Some("/bin"));
        assert!(built.contains_key("LC_ALL"));
        assert!(["AWS_SESSION", "DATABASE_URL", "EDITOR"].iter().all(|name| !built.contains_key(*name)));
    }

    #[test]
    fn compiled_programs_stay_with_the_other_compile_caches() {
        let built = of(&[("V8_COMPILE_CACHE_CACHE_DIR", "/tmp/somewhere")]);
        let place = built.get("V8_COMPILE_CACHE_CACHE_DIR").map(String::as_str);
        assert_eq!(place, Some("/srv/.themegate/s/tree/node_modules/.cache/v8-compile-cache"));
    }

    #[test]
    fn secrets_do_not_pass_under_a_known_beginning() {
        let names = [
            "NODE_AUTH_TOKEN",
            "npm_config__authToken",
            "GEM_HOST_API_KEY",
            "BUNDLE_GEMS__EXAMPLE__COM",
            "MISE_GITHUB_TOKEN",
        ];
        let mut caller: Vec<(&str, &str)> = names.iter().map(|name| (*name, "x")).collect();
        caller.push(("https_proxy", "http://user:word@proxy.example:3128"));
        let built = of(&caller);
        assert!(caller.iter().all(|(name, _)| !built.contains_key(*name)), "{built:?}");
    }

    #[test]
    fn services_are_nowhere_and_secrets_are_stand_ins() {
        let built = of(&[("DB_HOST", "db.example"), ("SECRET_KEY_BASE", "real"), ("RAILS_ENV", "development")]);
        assert_eq!((built["DB_HOST"].as_str(), built["DB_PORT"].as_str()), ("127.0.0.1", "1"));
        assert_eq!(built["SECRET_KEY_BASE"], "precompile_placeholder");
        assert_eq!(built["RAILS_ENV"], "production");
    }

    #[test]
    fn no_tool_finds_its_way_back_to_the_live_tree() {
        let built = of(&[
            ("PATH", "/srv/live/bin:/srv/live2/bin:/bin"),
            ("BUNDLE_PATH", "/srv/live/vendor/bundle"),
            ("BUNDLE_GEMFILE", "/srv/live/Gemfile"),
            ("RUBYOPT", "-rbundler/setup"),
        ]);
        assert_eq!(built["PATH"], "/srv/.themegate/s/tree/bin:/srv/live2/bin:/bin");
        assert_eq!(built["BUNDLE_PATH"], "/srv/.themegate/s/tree/vendor/bundle");
        assert!(!built.contains_key("BUNDLE_GEMFILE") && !built.contains_key("RUBYOPT"));
    }
}

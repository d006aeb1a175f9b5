//! What the build may see and reach: decided here, and said in the report.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::build::{Gate, variables};
use crate::compiler::{Compiler, CompilerChoice};
use crate::finding::Finding;
use crate::isolation::{IsolationChoice, NetworkChoice, Wish};
use crate::precompile::{Build, BuildEnd};
use crate::site::Toolchain;
use crate::site::environment::SiteEnvironment;
use crate::staging::{Method, StagedTree, Way};

/// What a build prints when it is kept from something: read-only, not permitted, no network, across layers, foreign owners.
const SIGNS: [&str; 15] = [
    "EROFS",
    "Read-only file system",
    "ENETUNREACH",
    "Network is unreachable",
    "EAI_AGAIN",
    "ENOTFOUND",
    "Temporary failure in name resolution",
    "getaddrinfo",
    "EPERM",
    "Operation not permitted",
    "EXDEV",
    "Invalid cross-device link",
    "EOVERFLOW",
    "Value too large for defined data type",
    "docker.sock",
];

/// Those of them that an overlay alone brings about: it renames no folder of the live tree, and changes no file of another owner.
const SIGNS_OF_LAYERS: [&str; 4] =
    ["EXDEV", "Invalid cross-device link", "EOVERFLOW", "Value too large for defined data type"];

/// As much of the log's end is looked through for them.
const TAIL: u64 = 256 * 1024;

/// How the build is to be isolated; none where the user forbids it.
pub(super) fn wish(gate: &Gate<'_>, compiler: &Compiler) -> Option<Wish> {
    let wanted = gate.request.isolation.unwrap_or(gate.settings.check.isolation) == IsolationChoice::Auto;
    wanted.then(|| Wish {
        own: gate.request.own.clone(),
        network: network(gate, compiler).is_some(),
        command: compiler.command.words(),
        variables: variables(gate, &SiteEnvironment::read(&gate.site.root), &gate.site.root),
    })
}

/// Why the build keeps the network, if it does.
fn network(gate: &Gate<'_>, compiler: &Compiler) -> Option<&'static str> {
    let runs_yarn = gate.site.toolchain == Toolchain::Webpacker && !compiler.is_builtin;
    match gate.request.network.unwrap_or(gate.settings.check.network) {
        NetworkChoice::Allow => Some("as was asked for"),
        NetworkChoice::Deny => None,
        // Rails runs `yarn install` before webpacker compiles (Mastodon up to 4.3); Vite's own install step is switched off.
        NetworkChoice::Auto if runs_yarn => Some("webpacker's build runs yarn install"),
        NetworkChoice::Auto => {
            let choice = super::chosen(gate.request, gate.settings);
            matches!(choice, CompilerChoice::Command(_)).then_some("a command of your own may need it")
        }
    }
}

/// What the build could see and reach, in the words of the report.
pub(super) fn in_words(gate: &Gate<'_>, compiler: &Compiler, staged: &StagedTree) -> String {
    match (staged.isolation(), network(gate, compiler)) {
        (None, _) => "none: the build could reach the live tree and the network".to_owned(),
        (Some(_), None) => "the build saw its stage alone, without network".to_owned(),
        (Some(_), Some(why)) => format!("the build saw its stage alone, with the network ({why})"),
    }
}

/// A note where the system does not allow what the user did not forbid.
pub(super) fn not_isolated(gate: &Gate<'_>, staged: &StagedTree) -> Option<Finding> {
    let wanted = gate.request.isolation.unwrap_or(gate.settings.check.isolation) == IsolationChoice::Auto;
    let why = staged.passed_over().last().filter(|_| wanted && staged.isolation().is_none())?;
    let message = format!("The build is not isolated: this system does not allow it ({why}).");
    Some(
        Finding::benign("build-not-isolated", message)
            .meaning("A build script could write to the live tree, read its secrets and use the network.")
            .help(
                "Ubuntu 23.10 and later: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile \
                 for themegate with `userns,`.\nDocker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                 --security-opt systempaths=unconfined, or run themegate on the host.\nTo do without for good: isolation = \
                 \"none\" under [check] in themegate.toml",
            ),
    )
}

/// Why the build is to be made once more where there are no layers, if it failed by them and the way to stage was left to us.
pub(super) fn hindered_by_layers(gate: &Gate<'_>, staged: &StagedTree, build: &Build, log: &Path) -> Option<String> {
    let way = gate.request.staging.unwrap_or(gate.settings.check.staging);
    let failed = matches!(build.end, BuildEnd::Exited(code) if code != 0);
    if !failed || way != Way::Auto || staged.method() != Method::Overlay {
        return None;
    }
    let text = end_of(log)?;
    let says = |line: &&str| SIGNS_OF_LAYERS.iter().any(|sign| line.contains(sign));
    text.lines().find(says).map(|line| format!("a build in one failed: {}", shortened(line).trim_end_matches('.')))
}

/// A build that failed and said what a build says that is kept from something: nobody knows whose fault it is.
pub(super) fn suspected(staged: &StagedTree, build: &Build, log: &Path) -> Option<Finding> {
    let isolation = staged.isolation()?;
    if matches!(build.end, BuildEnd::Exited(0) | BuildEnd::Interrupted) {
        return None;
    }
    let text = end_of(log)?;
    let sign = SIGNS.iter().find(|sign| text.contains(**sign))?;
    let line = text.lines().find(|line| line.contains(sign)).unwrap_or_default();
    let network =
        if isolation.network { "" } else { "\nthemegate check --network allow    if it has to fetch something" };
    let message = format!("The build failed, and its isolation may be the reason: {}", shortened(line));
    Some(
        Finding::fatal("build-perhaps-hindered", message)
            .meaning("An isolated build can write to its stage, its home's caches and /tmp, and to nothing else.")
            .help(format!(
                "See whether it succeeds without:{network}\nthemegate check --staging copy --isolation none    if it writes \
                 elsewhere; it can then reach the live tree"
            ))
            .inconclusive(),
    )
}

fn shortened(line: &str) -> String {
    line.trim().chars().take(160).collect()
}

fn end_of(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

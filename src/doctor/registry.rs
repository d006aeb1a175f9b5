//! The theme registry of a running site: what is wrong with it now, and what the next restart or compile will make of it.

use super::patient::Patient;
use crate::finding::{Evidence, Finding, Severity};
use crate::invariant::OfferedTheme;
use crate::site::Fork;
use crate::site::registry::{self, PathKind, Registry, RegistrySemantics};

/// Faults that break pages whatever is compiled; all others wait for the next compile.
const NOW: [&str; 3] = ["registry-default-missing", "registry-mastodon-light-missing", "theme-name-reserved"];

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    match &patient.registry {
        _ if patient.site.fork == Fork::GlitchSoc => Vec::new(),
        None => vec![missing(patient)],
        Some(Err(faults)) => faults.iter().map(|fault| unreadable(patient, fault)).collect(),
        Some(Ok(registry)) => {
            let broken: Vec<&str> = patient.broken().map(|theme| theme.name.as_str()).collect();
            let faults = faults(patient, registry).into_iter();
            let others = faults.filter(|fault| theme_of(registry, fault).is_none_or(|name| !broken.contains(&name)));
            let compiled = patient.is_compiled();
            others.map(|fault| if compiled { as_it_stands(fault) } else { fault }).collect()
        }
    }
}

/// Why a theme was not compiled, if its line tells.
pub(super) fn reason(patient: &Patient<'_>, theme: &OfferedTheme) -> Option<String> {
    let Some(Ok(registry)) = &patient.registry else { return None };
    let mut faults = faults(patient, registry).into_iter().filter(|fault| fault.severity > Severity::Benign);
    let fault = faults.find(|fault| theme_of(registry, fault) == Some(theme.name.as_str()))?;
    Some(match fault.help {
        Some(help) => format!("{} {help}", fault.message),
        None => fault.message,
    })
}

fn faults(patient: &Patient<'_>, registry: &Registry) -> Vec<Finding> {
    let site = patient.site;
    let semantics = RegistrySemantics { toolchain: site.toolchain, packs: &site.packs, version: site.version };
    let sources = site.root.join(&site.output.source);
    registry.faults(&semantics, &|relative| PathKind::of(&sources, relative))
}

/// The theme whose line a fault names.
fn theme_of<'a>(registry: &'a Registry, fault: &Finding) -> Option<&'a str> {
    let line = fault.evidence.iter().find_map(|evidence| match evidence {
        Evidence::File { line, .. } => *line,
        Evidence::Log { .. } => None,
    })?;
    registry.entries().iter().find(|entry| entry.line == line).map(|entry| entry.name.as_str())
}

/// A theme that is compiled can be used, whatever its line says: its fault is one of the next compile.
fn as_it_stands(fault: Finding) -> Finding {
    if fault.severity < Severity::Fatal || NOW.contains(&fault.id.as_str()) {
        return fault;
    }
    let meaning =
        "It works as long as nothing is compiled or restarted. The next compile fails or leaves the theme out.";
    Finding { severity: Severity::Review, meaning: Some(meaning.to_owned()), ..fault }
}

fn unreadable(patient: &Patient<'_>, fault: &Finding) -> Finding {
    fault.clone().command(format!("git -C {} diff -- {}", patient.commands.root(), registry::PATH))
}

fn missing(patient: &Patient<'_>) -> Finding {
    Finding::fatal("registry-missing", "The live tree has no theme registry.")
        .at(registry::PATH)
        .meaning("Rails reads it when it starts; without it every page answers 500 after the next restart.")
        .command(format!("git -C {} checkout -- {}", patient.commands.root(), registry::PATH))
        .command(patient.commands.restart())
}

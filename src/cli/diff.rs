//! `themegate diff`: what differs between two manifests or two compiled trees.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::compiled::CompiledTree;
use crate::manifest::diff::ManifestDiff;
use crate::manifest::{ManifestFormat, ManifestSet, vite, webpacker};
use crate::site::LiveSite;

/// What differs between two manifests, or between the compiled output of two trees?
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  themegate diff ~/live ~/staging\n  \
    themegate diff old/manifest.json new/manifest.json --json | jq .removed\n\n\
    Exit codes: 0 nothing differs · 1 something differs · 2 usage")]
pub struct DiffArgs {
    /// The old manifest file or tree
    old: PathBuf,
    /// The new manifest file or tree
    new: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Compares and writes the difference; gives 0 if there is none, else 1.
///
/// # Errors
/// If one of them cannot be read.
pub fn run(args: &DiffArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let diff = ManifestDiff::between(&old.set, &new.set, &|file| old.size_of(file), &|file| new.size_of(file));
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &diff)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", diff.text())?;
        let (added, removed, changed) = (diff.added.len(), diff.removed.len(), diff.changed.len());
        writeln!(out, "{added} added, {removed} removed, {changed} changed, {} the same", diff.unchanged)?;
    }
    Ok(u8::from(!diff.is_empty()))
}

fn read(path: &Path) -> anyhow::Result<CompiledTree> {
    if path.is_dir() {
        let site = LiveSite::inspect(Some(path), None)?;
        let tree = CompiledTree::read(&site.root, &site.output, site.toolchain);
        if let Some(finding) = tree.findings.first() {
            bail!("{}", finding.message);
        }
        return Ok(tree);
    }
    let bytes = std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))?;
    let is_vite = path.parent().is_some_and(|folder| folder.ends_with(".vite"));
    let manifest = if is_vite { vite::parse(&bytes, ManifestFormat::Vite, "packs") } else { webpacker::parse(&bytes) };
    let manifest = manifest.map_err(|error| anyhow::anyhow!("{} cannot be used: {error}", path.display()))?;
    let packs = path.ancestors().nth(if is_vite { 2 } else { 1 }).unwrap_or(path);
    let public = packs.parent().unwrap_or(packs).to_path_buf();
    let set = ManifestSet { manifests: vec![(path.to_string_lossy().into_owned(), manifest)], lookup: None };
    Ok(CompiledTree { root: public.clone(), public, set, findings: Vec::new(), is_staged: false })
}

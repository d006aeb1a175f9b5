//! The stage of a check: made, built in, and removed; once more where the first way to stage stood in the build's way.

use std::path::PathBuf;

use super::build::{self, Gate};
use super::record::Record;
use super::{GateError, caches, isolation, surroundings};
use crate::compiler::Compiler;
use crate::report::StagingFacts;
use crate::staging::StagedTree;

/// Stages the change and builds it, and gives the build log; all of it once more, and not in an overlay, where one has kept the
/// build from something that it could do on the live tree.
pub(super) fn build_in_one(
    gate: &Gate<'_>,
    compiler: &Compiler,
    stage: &mut Option<StagedTree>,
    record: &mut Record<'_>,
) -> Result<PathBuf, GateError> {
    let known = record.findings.len();
    let mut against_overlay: Option<String> = None;
    loop {
        let gate = Gate { against_overlay: against_overlay.as_deref(), ..*gate };
        let staged = stage.insert(stage_change(&gate, compiler, record)?);
        match build::build_and_inspect(&gate, compiler, staged, record)? {
            Ok(log) => return Ok(log),
            Err(why) => against_overlay = Some(why),
        }
        close(stage.take(), false)?;
        record.findings.truncate(known);
        record.caches = None;
        // The next stage has a look of its own: what the question knew of the files does not belong to that.
        record.contents = None;
    }
}

/// Stages the live tree with the change in it.
fn stage_change(gate: &Gate<'_>, compiler: &Compiler, record: &mut Record<'_>) -> Result<StagedTree, GateError> {
    record.begin("staging");
    let look = record.look.take();
    let prepared = caches::prepare(gate, compiler);
    let (keep, replacement) = (gate.request.keep_stage, prepared.replacement());
    let staged = surroundings::stage(gate, compiler, keep, look, replacement, record.progress)?;
    record.findings.extend(surroundings::noticed(&staged));
    record.findings.extend(isolation::not_isolated(gate, &staged));
    surroundings::apply(gate.change, &staged)?;
    record.staging = Some(StagingFacts {
        method: surroundings::method(staged.method()).to_owned(),
        isolation: isolation::in_words(gate, compiler, &staged),
        passed_over: staged.passed_over().to_vec(),
        files: staged.files(),
        bytes: staged.bytes(),
        cached_files: 0,
        kept: None,
    });
    caches::bring(gate, compiler, &staged, prepared, record)?;
    Ok(staged)
}

/// Removes the stage, or leaves it where it is.
pub(super) fn close(stage: Option<StagedTree>, keep: bool) -> Result<(), GateError> {
    match stage {
        Some(staged) if !keep => Ok(staged.close()?),
        Some(staged) => {
            staged.keep()?;
            Ok(())
        }
        None => Ok(()),
    }
}

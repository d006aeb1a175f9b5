//! Whether promotions are frozen.

use super::patient::Patient;
use crate::finding::Finding;
use crate::promotion::freeze;

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let state = &patient.site.state;
    let finding = match freeze::read(state) {
        Ok(Some(freeze)) if freeze::holds(&freeze, jiff::Zoned::now().date()) => Finding::benign(
            "frozen",
            format!("Nothing is promoted until {}: {}.", freeze.until, freeze.reason.trim_end_matches('.')),
        )
        .meaning("Rollback, recovery and withdrawal stay possible."),
        Ok(_) => return Vec::new(),
        Err(error) => Finding::review("freeze-unreadable", format!("The freeze cannot be read: {error}."))
            .at(state)
            .meaning("It is taken to hold: nothing is promoted."),
    };
    vec![finding.command(patient.commands.themegate("unfreeze"))]
}

//! Undoes the steps that were made, in the reverse of the plan's order.

use super::{Switch, SwitchFailure};
use crate::promotion::exchange;
use crate::promotion::journal::Record;
use crate::promotion::plan::{Group, Role, Step};
use crate::promotion::recovery::{Holds, Seen};

impl Switch<'_> {
    /// Undoes the steps that were made, the last one first, each role durable before the next.
    pub(super) fn take_back(&mut self, keep_added: bool, seen: &[Seen]) -> Result<(), SwitchFailure> {
        self.journal.append(self.disk, Record::TakingBack { keep_added })?;
        let made = |(_, seen): &(&Step, &Seen)| seen.path == Holds::New;
        let mut roles: Vec<Role> = self.steps().iter().zip(seen).filter(made).map(|(step, _)| step.role).collect();
        roles.dedup();
        for role in roles.into_iter().rev().filter(|role| !(keep_added && *role == Role::Asset)) {
            self.take_back_role(role)?;
        }
        Ok(self.journal.append(self.disk, Record::Undone)?)
    }

    fn take_back_role(&self, role: Role) -> Result<(), SwitchFailure> {
        let plan = &self.journal.intent.plan;
        for group in &plan.groups {
            self.take_back_group(group, role)?;
        }
        for step in plan.steps.iter().filter(|step| step.role == role) {
            let ours = step.before.is_some() || step.temporary.symlink_metadata().is_err();
            if ours && exchange::look(step, &self.saved(step))?.path == Holds::New {
                exchange::unmake(self.disk, step, &self.saved(step))?;
            }
        }
        plan.folders(|step| step.role == role).iter().try_for_each(|folder| Ok(self.disk.sync_folder(folder)?))
    }

    /// Swaps a folder of manifests back as a whole, if all of it was swapped and the old one is still beside it.
    fn take_back_group(&self, group: &Group, role: Role) -> Result<(), SwitchFailure> {
        let steps: Vec<&Step> = self.in_group(group).filter(|step| step.role == role).collect();
        for step in &steps {
            let old_waits = step.before.as_ref() == exchange::content_of(&step.temporary)?.as_ref();
            if exchange::look(step, &self.saved(step))?.path != Holds::New || !old_waits {
                return Ok(());
            }
        }
        if !steps.is_empty() {
            self.swap(group, &steps, |step| step.after.clone())?;
        }
        Ok(())
    }
}

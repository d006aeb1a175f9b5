//! Carries out the steps that are left, in the plan's order.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Switch, SwitchFailure};
use crate::promotion::exchange;
use crate::promotion::journal::Record;
use crate::promotion::plan::{Content, Group, Role, Step};
use crate::promotion::recovery::Holds;

impl Switch<'_> {
    /// The steps that are left, role by role, each role durable before the next one begins.
    pub(super) fn make_all(&mut self) -> Result<(), SwitchFailure> {
        let roles: Vec<Role> = self.steps().iter().map(|step| step.role).collect();
        for range in roles.chunk_by(|one, next| one == next) {
            self.make_role(range[0])?;
        }
        Ok(self.journal.append(self.disk, Record::Done)?)
    }

    fn make_role(&self, role: Role) -> Result<(), SwitchFailure> {
        let plan = &self.journal.intent.plan;
        let mut made = BTreeSet::new();
        for group in &plan.groups {
            made.extend(self.make_group(group, role)?);
        }
        for step in plan.steps.iter().filter(|step| step.role == role && !made.contains(&step.path)) {
            if exchange::look(step, &self.saved(step))?.path != Holds::New {
                exchange::prepare(self.disk, step)?;
                exchange::make(self.disk, step)?;
            }
        }
        plan.folders(|step| step.role == role).iter().try_for_each(|folder| Ok(self.disk.sync_folder(folder)?))
    }

    /// Swaps a folder of manifests as a whole if none of its steps was made yet; answers the paths dealt with.
    fn make_group(&self, group: &Group, role: Role) -> Result<Vec<PathBuf>, SwitchFailure> {
        let steps: Vec<&Step> = self.in_group(group).filter(|step| step.role == role).collect();
        for step in &steps {
            if exchange::look(step, &self.saved(step))?.path != Holds::Old {
                return Ok(Vec::new());
            }
            exchange::prepare(self.disk, step)?;
        }
        if steps.is_empty() || !self.swap(group, &steps, |step| step.before.clone())? {
            return Ok(Vec::new());
        }
        Ok(steps.iter().map(|step| step.path.clone()).collect())
    }

    pub(super) fn swap(
        &self,
        group: &Group,
        steps: &[&Step],
        expected: impl Fn(&Step) -> Option<Content>,
    ) -> Result<bool, SwitchFailure> {
        let name = |step: &Step| step.path.file_name().map(PathBuf::from).unwrap_or_default();
        let mut displaced: Vec<_> = steps.iter().map(|step| (name(step), expected(step))).collect();
        displaced.extend(group.carried.iter().map(|(name, content)| (name.clone(), Some(content.clone()))));
        Ok(exchange::swap(self.disk, group, &displaced)?)
    }

    pub(super) fn in_group<'s>(&'s self, group: &'s Group) -> impl Iterator<Item = &'s Step> {
        self.steps().iter().filter(|step| step.path.parent() == Some(&group.folder))
    }
}

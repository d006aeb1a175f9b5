//! Folders in whose place the stage has others than the live tree. An overlay shows them from a layer of their own, between
//! the live tree and what is written, and copies nothing; every other way leaves them out.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::inventory::Kind;
use super::plan::{Plan, Planned};

/// Which folders, relative to the tree, and what is shown in their place.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// The live tree's own do not reach the stage.
    pub folders: &'a [&'a Path],
    /// A tree that holds them, each marked by [`super::cover_what_is_below`]; none if nothing takes their place. It must not
    /// change while the stage is there.
    pub layer: Option<&'a Path>,
    /// How many bytes that tree holds: the stage needs room for them where they are copied.
    pub bytes: u64,
}

impl<'a> Replacement<'a> {
    /// Takes the live tree's own out of the plan, and gives the layer that an overlay can show in their place.
    ///
    /// A layer is shown whole or not at all: where a link or a file stands in the way of one of its folders, or its packages are
    /// missing, the plan stays as it was.
    pub(super) fn take_effect(&self, plan: &mut Plan) -> Option<&'a Path> {
        let is_clear = |folder: &&&Path| !is_barred(plan, folder);
        let folders: Vec<&Path> = self.folders.iter().filter(is_clear).copied().collect();
        if self.layer.is_some() && folders.len() < self.folders.len() {
            return None;
        }
        let is_below = |place: &Path| folders.iter().any(|folder| is_at_or_below(place, folder));
        // A socket or the like at the place of one is left out already, and stays so.
        let stood = plan.folders.iter().map(|one| &one.place).chain(&plan.left_out);
        let is_one = |place: &Path| folders.iter().any(|folder| folder.as_os_str() == place.as_os_str());
        let had: Vec<_> = stood.filter(|place| is_one(place)).cloned().collect();
        for planned in [&mut plan.folders, &mut plan.links] {
            planned.retain(|one: &Planned| !is_below(&one.place));
        }
        plan.brought_bytes = self.bytes;
        for listing in plan.listings.iter_mut().filter(|listing| is_below(&listing.place)) {
            plan.files.disk_bytes -= std::mem::take(&mut listing.disk_bytes);
            for item in listing.leave_out() {
                plan.files.count -= 1;
                plan.files.bytes -= item.entry.size;
                plan.files.hidden -= u64::from(!item.role.shows_through);
            }
        }
        for places in [&mut plan.left_out, &mut plan.empty] {
            places.retain(|place| !is_below(place));
        }
        match self.layer {
            Some(_) => plan.shown.extend(folders.iter().map(|folder| folder.to_path_buf())),
            None => plan.left_out.extend(had),
        }
        self.layer
    }
}

/// True if something else than a folder stands at `folder` or on the way to it, or the packages that it belongs to are missing.
fn is_barred(plan: &Plan, folder: &Path) -> bool {
    let packages = Path::new("node_modules");
    // As they are written: two paths are compared part by part, and there are thousands.
    let stands_at = |one: &Planned, place: &Path| one.place.as_os_str() == place.as_os_str();
    let is_homeless = folder.starts_with(packages) && !plan.folders.iter().any(|one| stands_at(one, packages));
    let is_link = |place: &Path| plan.links.iter().any(|link| stands_at(link, place));
    let is_file = |place: &Path| {
        let (parent, name) = (place.parent().unwrap_or(Path::new("")), place.file_name().unwrap_or_default());
        let mut listings = plan.listings.iter().filter(|listing| listing.place.as_os_str() == parent.as_os_str());
        listings.any(|listing| listing.find(name).is_some_and(|item| item.entry.kind == Kind::File))
    };
    let mut way = folder.ancestors().filter(|place| !place.as_os_str().is_empty());
    is_homeless || way.any(|place| is_link(place) || is_file(place))
}

fn is_at_or_below(place: &Path, folder: &Path) -> bool {
    let rest = place.as_os_str().as_bytes().strip_prefix(folder.as_os_str().as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::staging::copy::Method;
    use crate::staging::exclusion::Exclusions;
    use crate::staging::{ladder, scan};

    #[test]
    fn what_is_replaced_needs_no_room_and_what_takes_its_place_does() {
        let live = tempfile::tempdir().unwrap();
        let cache = Path::new("node_modules/.cache");
        fs::create_dir_all(live.path().join(cache).join("deep")).unwrap();
        fs::write(live.path().join("node_modules/index.js"), vec![1; 200_000]).unwrap();
        let read = || {
            let rules = Exclusions::new(&[], None);
            scan::live_tree(live.path(), live.path(), &rules, &AtomicBool::new(false)).unwrap()
        };
        let without = ladder::needed_room(&read(), Method::Copy, 0).bytes;
        fs::write(live.path().join(cache).join("deep/large"), vec![1; 3_000_000]).unwrap();
        fs::write(live.path().join(cache).join("small"), "x").unwrap();
        let mut plan = read();
        assert!(ladder::needed_room(&plan, Method::Copy, 0).bytes > without + 3_000_000);
        assert!(Replacement { folders: &[cache], layer: None, bytes: 0 }.take_effect(&mut plan).is_none());
        let now = ladder::needed_room(&plan, Method::Copy, plan.brought_bytes).bytes;
        assert!(now <= without && now > 200_000, "{now} of {without}");
        let mut plan = read();
        Replacement { folders: &[cache], layer: Some(live.path()), bytes: 5_000_000 }.take_effect(&mut plan);
        assert_eq!(ladder::needed_room(&plan, Method::Copy, plan.brought_bytes).bytes, now + 5_000_000);
    }
}

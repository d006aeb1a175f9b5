//! Makes one stage and keeps it, so that its making alone can be timed: `stage_once LIVE_TREE STATE_FOLDER`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use themegate::staging::{StagingRequest, Way, stage};

fn main() -> ExitCode {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [live, state_dir] = &words[..] else {
        return ExitCode::from(2);
    };
    let request = StagingRequest {
        live,
        state_dir: state_dir as &Path,
        keep: true,
        output_folders: &[PathBuf::from("public/packs"), PathBuf::from("public/assets")],
        interrupted: &AtomicBool::new(false),
        progress: &|_| (),
        way: Way::Auto,
        isolate: None,
    };
    if stage(&request).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

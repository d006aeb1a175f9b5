//! Makes one stage and takes it away again, and prints how long each took, in seconds, and how long of the making the look at the
//! live tree took, which a check has made before for its question:
//! `stage_once LIVE_TREE STATE_FOLDER overlay|reflink|copy THEMEGATE`, the last the program itself, which makes the namespaces.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it measured")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use themegate::isolation::Wish;
use themegate::staging::{Look, StagingError, StagingRequest, Way, stage_by};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [live, state, way, own] = &words[..] else {
        return ExitCode::from(2);
    };
    let way = match way.as_str() {
        "overlay" => Way::Overlay,
        "reflink" => Way::Reflink,
        _ => Way::Copy,
    };
    match make_and_remove(Path::new(live), Path::new(state), way, Path::new(own)) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn make_and_remove(live: &Path, state: &Path, way: Way, own: &Path) -> Result<String, StagingError> {
    let wish = Wish { own: own.to_path_buf(), network: false, command: Vec::new(), variables: Vec::new() };
    let request = StagingRequest {
        live,
        state_dir: state,
        keep: false,
        output_folders: &["public/packs".into(), "public/assets".into()],
        interrupted: &AtomicBool::new(false),
        progress: &|_| (),
        way,
        isolate: Some(wish),
    };
    let began = Instant::now();
    let look = Look::now(request.live, request.state_dir, request.output_folders, request.interrupted)?;
    let looked = began.elapsed();
    let staged = stage_by(&request, look, None, None)?;
    let made = began.elapsed();
    let began = Instant::now();
    staged.close()?;
    let [made, removed, looked] = [made, began.elapsed(), looked].map(|took| took.as_secs_f64());
    Ok(format!("{made:.3} {removed:.3} {looked:.3}"))
}

//! Theme settings by `bin/rails runner`, for sites where the database is out of reach of this program.
//!
//! It boots the application and renders nothing, so it works while every page answers 500. Names go by the environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::choice::Layout;
use super::plan::{Change, Holding, Owner, Selection, Stored, StoredRow};
use super::postgres::{LOCK_KEY, holdings_of};
use super::store::{Applied, ApplyError, Moved, Record, Store, StoreError};

/// The program that Rails runs.
pub const RUNNER: &str = include_str!("runner.rb");

const START: &str = "start";

/// The rows by the Rails CLI.
pub struct RailsStore<'a> {
    live: PathBuf,
    layout: Layout,
    limit: Duration,
    environment: Vec<(String, String)>,
    interrupted: &'a dyn Fn() -> bool,
}

impl std::fmt::Debug for RailsStore<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RailsStore")
            .field("live", &self.live)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Listed {
    json: bool,
    users: Vec<(i64, Option<String>, Option<String>)>,
    rows: Vec<(i64, i64, String, Option<String>)>,
    site: Vec<(i64, String, Option<String>)>,
}

#[derive(Deserialize)]
struct Written {
    done: Vec<Option<i64>>,
}

impl<'a> RailsStore<'a> {
    /// The store of a live tree. `environment` is added to this process's own, for instance `RAILS_ENV`.
    #[must_use]
    pub fn new(
        live: &Path,
        layout: Layout,
        limit: Duration,
        environment: Vec<(String, String)>,
        interrupted: &'a dyn Fn() -> bool,
    ) -> Self {
        Self { live: live.to_owned(), layout, limit, environment, interrupted }
    }

    /// Runs the runner and gives the text of its answer.
    fn run(
        &self,
        action: &'static str,
        request: &dyn Fn(&Path) -> std::io::Result<String>,
    ) -> Result<String, StoreError> {
        let failed = |reason: String| StoreError::Rails { action, reason };
        let prepare = || -> std::io::Result<(tempfile::TempDir, String)> {
            let folder = tempfile::Builder::new().prefix("themegate-rails-").tempdir()?;
            fs::write(folder.path().join("runner.rb"), RUNNER)?;
            let request = request(folder.path())?;
            Ok((folder, request))
        };
        let (folder, request) = prepare().map_err(|error| failed(error.to_string()))?;
        let (log, answer) = (folder.path().join("log"), folder.path().join("answer"));
        let mut expression =
            duct::cmd(self.live.join("bin/rails"), ["runner".as_ref(), folder.path().join("runner.rb").as_os_str()])
                .dir(&self.live)
                .env("THEMEGATE_ACTION", action)
                .env("THEMEGATE_KEYS", json!(self.layout.keys()).to_string())
                .env("THEMEGATE_REQUEST", request)
                .env("THEMEGATE_LOCK", LOCK_KEY.to_string())
                .env("THEMEGATE_ANSWER", &answer)
                .stdin_null()
                .stderr_to_stdout()
                .stdout_path(&log)
                .unchecked();
        for (key, value) in &self.environment {
            expression = expression.env(key, value);
        }
        let handle = expression
            .start()
            .map_err(|error| StoreError::Rails { action: START, reason: format!("bin/rails: {error}.") })?;
        self.wait(&handle, action)?;
        fs::read_to_string(&answer).map_err(|_| failed(last_lines(&log)))
    }

    fn wait(&self, handle: &duct::Handle, action: &'static str) -> Result<(), StoreError> {
        let deadline = Instant::now() + self.limit;
        loop {
            let failed = |reason: String| StoreError::Rails { action, reason };
            match handle.wait_timeout(Duration::from_millis(100)) {
                Ok(Some(_)) => return Ok(()),
                Ok(None) if (self.interrupted)() => {
                    let _ = handle.kill();
                    return Err(StoreError::Interrupted);
                }
                Ok(None) if Instant::now() > deadline => {
                    let _ = handle.kill();
                    return Err(failed(format!("it was not done within {} s.", self.limit.as_secs())));
                }
                Ok(None) => {}
                Err(error) => return Err(failed(error.to_string())),
            }
        }
    }

    fn request(selection: &Selection, folder: &Path) -> std::io::Result<String> {
        let request = match selection {
            Selection::Names(names) => json!({ "names": names }),
            Selection::AllOn(theme) => json!({ "all_on": theme.rsplit('/').next() }),
            Selection::Site => json!({ "site": true }),
            Selection::Ids(ids) => {
                let path = folder.join("ids");
                fs::write(&path, json!(ids).to_string())?;
                json!({ "ids_file": path })
            }
        };
        Ok(request.to_string())
    }

    fn write(&self, changes: &[Change]) -> Result<Written, StoreError> {
        let changes: Vec<Value> = changes
            .iter()
            .map(|change| json!({ "id": change.owner.id(), "from": change.from, "to": change.to }))
            .collect();
        let answer = self.run("apply", &|folder| {
            let path = folder.join("changes");
            fs::write(&path, Value::from(changes.clone()).to_string())?;
            Ok(path.to_string_lossy().into_owned())
        })?;
        serde_json::from_str(&answer).map_err(|error| StoreError::Rails { action: "apply", reason: error.to_string() })
    }

    /// After a runner that gave no answer: asks another one whether the rows have changed.
    fn after_a_lost_answer(&mut self, changes: Vec<Change>, error: StoreError) -> Result<Applied, ApplyError> {
        let layout = self.layout;
        let unknown = |reason: String| ApplyError::Unknown { reason, transaction: None };
        let holdings = holdings_of(self, &changes).map_err(|again| unknown(format!("{error} {again}")))?;
        let now: BTreeMap<Option<i64>, _> =
            holdings.iter().map(|holding| (holding.owner.id(), holding.stored.choice(layout).ok())).collect();
        let (done, not): (Vec<Change>, Vec<Change>) = changes
            .into_iter()
            .partition(|change| now.get(&change.owner.id()).is_some_and(|now| now.as_ref() == Some(&change.to)));
        if done.is_empty() {
            return Err(error.into());
        }
        Ok(Applied { done, moved: not.into_iter().map(|change| Moved { owner: change.owner, now: None }).collect() })
    }
}

/// What went wrong, from what Rails printed.
fn last_lines(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    // Ruby prints PLACE:in `METHOD': MESSAGE first, then where it came from and what had caused it.
    let told = lines.iter().find_map(|line| Some(line.split_once("': ")?.1));
    let last = told.or_else(|| lines.last().copied()).unwrap_or("it ended without a word");
    format!("{}.", last.trim().trim_end_matches('.'))
}

impl Store for RailsStore<'_> {
    fn describe(&self) -> String {
        format!("the database of {}, by bin/rails runner", self.live.display())
    }

    fn bypasses_rails(&self) -> bool {
        false
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn holdings(&mut self, selection: &Selection) -> Result<Vec<Holding>, StoreError> {
        let answer = self.run("list", &|folder| Self::request(selection, folder))?;
        let listed: Listed = serde_json::from_str(&answer)
            .map_err(|error| StoreError::Rails { action: "list", reason: error.to_string() })?;
        if *selection == Selection::Site {
            let rows = listed.site.into_iter().map(|(id, key, value)| StoredRow { id, key, value }).collect();
            return Ok(vec![Holding { owner: Owner::Site, stored: Stored::Rows(rows) }]);
        }
        let mut rows: BTreeMap<i64, Vec<StoredRow>> = BTreeMap::new();
        for (user, id, key, value) in listed.rows {
            rows.entry(user).or_default().push(StoredRow { id, key, value });
        }
        let holding = |(id, name, text): (i64, Option<String>, Option<String>)| Holding {
            owner: Owner::User { id, name: name.unwrap_or_else(|| format!("user {id} (no account)")) },
            stored: if listed.json { Stored::Json(text) } else { Stored::Rows(rows.remove(&id).unwrap_or_default()) },
        };
        Ok(listed.users.into_iter().map(holding).collect())
    }

    fn apply(&mut self, changes: Vec<Change>, record: &mut Record<'_>) -> Result<Applied, ApplyError> {
        record(&changes, None)?;
        let written = match self.write(&changes) {
            Ok(written) => written,
            Err(error @ StoreError::Rails { action: START, .. }) => return Err(error.into()),
            Err(error) => return self.after_a_lost_answer(changes, error),
        };
        let (done, not): (Vec<Change>, Vec<Change>) =
            changes.into_iter().partition(|change| written.done.contains(&change.owner.id()));
        if !not.is_empty() {
            record(&done, None)?;
        }
        Ok(Applied { done, moved: not.into_iter().map(|change| Moved { owner: change.owner, now: None }).collect() })
    }
}

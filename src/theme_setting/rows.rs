//! The statements that read theme settings. Every one runs unnamed, so that it works behind PgBouncer.

use std::collections::BTreeMap;

use postgres::error::SqlState;
use postgres::types::{ToSql, Type};
use postgres::{GenericClient, Row};

use super::plan::{Holding, Owner, Selection, Stored, StoredRow};
use super::schema::Schema;
use super::store::StoreError;

/// How many users one statement reads or writes.
pub(super) const BATCH: usize = 5_000;

/// Turns a driver error into ours, with the server's own words and never the connection's parameters.
pub(super) fn refused(action: &'static str) -> impl Fn(postgres::Error) -> StoreError {
    move |error| {
        let reason = words(&error);
        match error.code() {
            Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => StoreError::Locked(reason),
            Some(code) if COLLISIONS.contains(code) => StoreError::Collided(reason),
            Some(code) if code.code().starts_with("57P") => StoreError::Unreachable(reason),
            Some(_) => StoreError::Refused { action, reason },
            None => StoreError::Unreachable(reason),
        }
    }
}

const COLLISIONS: &[SqlState] =
    &[SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::UNIQUE_VIOLATION];

/// The error in the server's words where there are any.
pub(super) fn words(error: &postgres::Error) -> String {
    if let Some(database) = error.as_db_error() {
        return match database.hint() {
            Some(hint) => format!("{} ({hint})", database.message()),
            None => database.message().to_owned(),
        };
    }
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Whether to keep others from changing the rows until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Only look.
    No,
    /// Lock them.
    ForUpdate,
}

/// What is stored for a selection, in the order of `users.id`.
pub(super) fn holdings(
    client: &mut impl GenericClient,
    schema: Schema,
    selection: &Selection,
    hold: Hold,
) -> Result<Vec<Holding>, StoreError> {
    match selection {
        Selection::Site => Ok(vec![site(client, schema, hold)?]),
        Selection::Names(names) => users(client, schema, &by_names(schema), &[(names, Type::TEXT_ARRAY)], hold),
        Selection::Ids(ids) => {
            let mut holdings = Vec::with_capacity(ids.len());
            for batch in ids.chunks(BATCH) {
                holdings.extend(users(client, schema, &by_ids(schema), &[(&batch, Type::INT8_ARRAY)], hold)?);
            }
            Ok(holdings)
        }
        Selection::AllOn(theme) => all_on(client, schema, theme, hold),
    }
}

/// Reads in slices of the primary key, so that neither side holds more than one slice.
fn all_on(
    client: &mut impl GenericClient,
    schema: Schema,
    theme: &str,
    hold: Hold,
) -> Result<Vec<Holding>, StoreError> {
    let needle = theme.rsplit('/').next().unwrap_or(theme);
    let (statement, keys) = (by_theme(schema), schema.layout.keys());
    let mut holdings: Vec<Holding> = Vec::new();
    let mut after = i64::MIN;
    loop {
        let parameters: &[(&(dyn ToSql + Sync), Type)] =
            &[(&after, Type::INT8), (&needle, Type::TEXT), (&keys, Type::TEXT_ARRAY)];
        let slice = users(client, schema, &statement, parameters, hold)?;
        let Some(last) = slice.last().and_then(|holding| holding.owner.id()) else {
            return Ok(holdings);
        };
        after = last;
        holdings.extend(slice);
    }
}

fn users(
    client: &mut impl GenericClient,
    schema: Schema,
    statement: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
    hold: Hold,
) -> Result<Vec<Holding>, StoreError> {
    let lock = if hold == Hold::ForUpdate { " FOR UPDATE OF u" } else { "" };
    let rows = client.query_typed(&format!("{statement}{lock}"), parameters).map_err(refused("read the users"))?;
    if schema.users_have_settings {
        return Ok(rows.iter().map(|row| Holding { owner: owner(row), stored: Stored::Json(row.get(2)) }).collect());
    }
    let owners: Vec<Owner> = rows.iter().map(owner).collect();
    let mut stored = user_rows(client, schema, &owners, hold)?;
    let stored_of = |owner: &Owner| Stored::Rows(owner.id().and_then(|id| stored.remove(&id)).unwrap_or_default());
    Ok(owners
        .iter()
        .cloned()
        .zip(owners.iter().map(stored_of))
        .map(|(owner, stored)| Holding { owner, stored })
        .collect())
}

fn owner(row: &Row) -> Owner {
    let id = row.get(0);
    let name: Option<String> = row.get(1);
    Owner::User { id, name: name.unwrap_or_else(|| format!("user {id} (no account)")) }
}

/// Up to 4.1: the users' rows of `settings`, by `users.id`.
fn user_rows(
    client: &mut impl GenericClient,
    schema: Schema,
    owners: &[Owner],
    hold: Hold,
) -> Result<BTreeMap<i64, Vec<StoredRow>>, StoreError> {
    let lock = if hold == Hold::ForUpdate { " FOR UPDATE" } else { "" };
    let statement = format!(
        "SELECT id, var, value, thing_id FROM settings \
         WHERE thing_type = 'User' AND thing_id = ANY($1) AND var = ANY($2) ORDER BY id{lock}"
    );
    let ids: Vec<i64> = owners.iter().filter_map(Owner::id).collect();
    let keys = schema.layout.keys();
    let rows = client
        .query_typed(&statement, &[(&ids, Type::INT8_ARRAY), (&keys, Type::TEXT_ARRAY)])
        .map_err(refused("read the users' settings"))?;
    let mut stored: BTreeMap<i64, Vec<StoredRow>> = BTreeMap::new();
    for row in rows {
        stored.entry(row.get(3)).or_default().push(stored_row(&row));
    }
    Ok(stored)
}

fn site(client: &mut impl GenericClient, schema: Schema, hold: Hold) -> Result<Holding, StoreError> {
    let lock = if hold == Hold::ForUpdate { " FOR UPDATE" } else { "" };
    let statement =
        format!("SELECT id, var, value FROM settings WHERE var = ANY($1){} ORDER BY id{lock}", site_only(schema));
    let keys = schema.layout.keys();
    let rows =
        client.query_typed(&statement, &[(&keys, Type::TEXT_ARRAY)]).map_err(refused("read the site's settings"))?;
    Ok(Holding { owner: Owner::Site, stored: Stored::Rows(rows.iter().map(stored_row).collect()) })
}

fn stored_row(row: &Row) -> StoredRow {
    StoredRow { id: row.get(0), key: row.get(1), value: row.get(2) }
}

/// The condition that tells the site's rows from a user's.
pub(super) const fn site_only(schema: Schema) -> &'static str {
    if schema.settings_have_things { " AND thing_type IS NULL AND thing_id IS NULL" } else { "" }
}

/// `users.id`, the username, and the settings text where there is one. Suspended, unapproved and disabled users count.
const fn columns(schema: Schema) -> &'static str {
    if schema.users_have_settings { "SELECT u.id, a.username, u.settings" } else { "SELECT u.id, a.username" }
}

fn by_names(schema: Schema) -> String {
    let columns = columns(schema);
    format!(
        "{columns} FROM users u JOIN accounts a ON a.id = u.account_id AND a.domain IS NULL \
         WHERE lower(a.username) IN (SELECT lower(wanted) FROM unnest($1::text[]) AS wanted) ORDER BY u.id"
    )
}

fn by_ids(schema: Schema) -> String {
    let columns = columns(schema);
    format!(
        "{columns} FROM users u LEFT JOIN accounts a ON a.id = u.account_id AND a.domain IS NULL \
         WHERE u.id = ANY($1) ORDER BY u.id"
    )
}

/// Those who may be on a theme: the name occurs in the text, or an escape that may spell it. No cast to JSON, which
/// would fail the whole statement for one broken text.
fn by_theme(schema: Schema) -> String {
    let columns = columns(schema);
    let may_be = |text: &str| format!("(position($2 in {text}) > 0 OR position(chr(92) in {text}) > 0)");
    let condition = if schema.users_have_settings {
        may_be("u.settings")
    } else {
        format!(
            "EXISTS (SELECT 1 FROM settings s WHERE s.thing_type = 'User' AND s.thing_id = u.id \
             AND s.var = ANY($3) AND {})",
            may_be("s.value")
        )
    };
    format!(
        "{columns} FROM users u LEFT JOIN accounts a ON a.id = u.account_id AND a.domain IS NULL \
         WHERE u.id > $1 AND {condition} ORDER BY u.id LIMIT {BATCH}"
    )
}

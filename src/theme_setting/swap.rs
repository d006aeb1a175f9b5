//! Writes changes inside an open transaction, each by compare-and-swap.

use std::collections::BTreeMap;

use postgres::types::Type;
use postgres::{GenericClient, Transaction};

use super::choice::Layout;
use super::plan::{Change, Holding, Owner, Selection, Stored, StoredRow, Write, change};
use super::rows::{self, BATCH, Hold, refused};
use super::schema::Schema;
use super::store::{Applied, Moved, StoreError};
use super::yaml_value;

/// Rails keeps its times in UTC, whatever the server's time zone is.
const NOW: &str = "(now() AT TIME ZONE 'UTC')";

/// Writes every change whose owner still has the choice it starts from. `interrupted` is asked between batches.
pub(super) fn write(
    transaction: &mut Transaction<'_>,
    schema: Schema,
    changes: Vec<Change>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    let mut changes = changes.into_iter().peekable();
    while changes.peek().is_some() {
        if interrupted() {
            return Err(StoreError::Interrupted);
        }
        let batch: Vec<Change> = changes.by_ref().take(BATCH).collect();
        let (texts, rows): (Vec<Change>, Vec<Change>) =
            batch.into_iter().partition(|change| schema.users_have_settings && change.owner != Owner::Site);
        write_texts(transaction, schema, texts, &mut applied)?;
        write_rows(transaction, schema, rows, &mut applied)?;
    }
    Ok(applied)
}

/// Swaps at once those whose text is still the one that was read; looks again, with a lock, at the others.
fn write_texts(
    transaction: &mut Transaction<'_>,
    schema: Schema,
    changes: Vec<Change>,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let (done, missed) = swap(transaction, changes)?;
    applied.done.extend(done);
    if missed.is_empty() {
        return Ok(());
    }
    let again = look_again(transaction, schema, missed, applied)?;
    let (done, lost) = swap(transaction, again)?;
    applied.done.extend(done);
    applied.moved.extend(lost.into_iter().map(|change| Moved { owner: change.owner, now: None }));
    Ok(())
}

/// The changes that are still wanted, from the text that is there now and is locked now.
fn look_again(
    transaction: &mut Transaction<'_>,
    schema: Schema,
    missed: Vec<Change>,
    applied: &mut Applied,
) -> Result<Vec<Change>, StoreError> {
    let mut held = held(transaction, schema, &missed)?;
    let mut again = Vec::new();
    for miss in missed {
        let holding = miss.owner.id().and_then(|id| held.remove(&id));
        match holding.map(|holding| (holding.stored.choice(schema.layout), holding)) {
            Some((Ok(now), holding)) if now == miss.from => again.push(change(schema.layout, holding, now, miss.to)),
            found => applied.moved.push(Moved { owner: miss.owner, now: found.and_then(|(now, _)| now.ok()) }),
        }
    }
    Ok(again)
}

fn held(
    transaction: &mut Transaction<'_>,
    schema: Schema,
    changes: &[Change],
) -> Result<BTreeMap<i64, Holding>, StoreError> {
    let ids = changes.iter().filter_map(|change| change.owner.id()).collect();
    let holdings = rows::holdings(transaction, schema, &Selection::Ids(ids), Hold::ForUpdate)?;
    Ok(holdings.into_iter().filter_map(|holding| Some((holding.owner.id()?, holding))).collect())
}

/// One statement: those that were swapped, and those whose text was another.
fn swap(client: &mut impl GenericClient, changes: Vec<Change>) -> Result<(Vec<Change>, Vec<Change>), StoreError> {
    let mut ids = Vec::with_capacity(changes.len());
    let (mut before, mut after) = (Vec::with_capacity(changes.len()), Vec::with_capacity(changes.len()));
    for change in &changes {
        if let (Some(id), Write::Json { before: old, after: new }) = (change.owner.id(), &change.write) {
            ids.push(id);
            before.push(old.as_deref());
            after.push(new.as_deref());
        }
    }
    let statement = "UPDATE users u SET settings = v.after \
         FROM unnest($1::bigint[], $2::text[], $3::text[]) AS v(id, before, after) \
         WHERE u.id = v.id AND u.settings IS NOT DISTINCT FROM v.before RETURNING u.id";
    let parameters: [(&(dyn postgres::types::ToSql + Sync), Type); 3] =
        [(&ids, Type::INT8_ARRAY), (&before, Type::TEXT_ARRAY), (&after, Type::TEXT_ARRAY)];
    let rows = client.query_typed(statement, &parameters).map_err(refused("change the settings"))?;
    let swapped: std::collections::BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    Ok(changes.into_iter().partition(|change| change.owner.id().is_some_and(|id| swapped.contains(&id))))
}

/// Rows of `settings`: locked, compared, then written by their own ids.
fn write_rows(
    transaction: &mut Transaction<'_>,
    schema: Schema,
    changes: Vec<Change>,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let site = changes.iter().any(|change| change.owner == Owner::Site);
    let mut users = if schema.users_have_settings { BTreeMap::new() } else { held(transaction, schema, &changes)? };
    let mut site =
        if site { rows::holdings(transaction, schema, &Selection::Site, Hold::ForUpdate)?.pop() } else { None };
    let mut edits = RowEdits::default();
    for change in changes {
        let holding = match change.owner.id() {
            Some(id) => users.remove(&id),
            None => site.take(),
        };
        let now = holding.as_ref().and_then(|holding| holding.stored.choice(schema.layout).ok());
        match holding.map(|holding| holding.stored) {
            Some(Stored::Rows(rows)) if now.as_ref() == Some(&change.from) => {
                edits.add(schema.layout, &change, &rows);
                applied.done.push(change);
            }
            _ => applied.moved.push(Moved { owner: change.owner, now }),
        }
    }
    edits.run(transaction, schema)
}

/// What to do with rows of `settings`, gathered into three statements.
#[derive(Default)]
struct RowEdits {
    delete: Vec<i64>,
    update: (Vec<i64>, Vec<String>),
    insert: (Vec<Option<i64>>, Vec<String>, Vec<String>),
}

impl RowEdits {
    fn add(&mut self, layout: Layout, change: &Change, rows: &[StoredRow]) {
        for (index, key) in layout.keys().iter().enumerate() {
            if change.from.values[index] == change.to.values[index] {
                continue;
            }
            let ids = rows.iter().filter(|row| row.key == *key).map(|row| row.id);
            match &change.to.values[index] {
                None => self.delete.extend(ids),
                Some(name) if rows.iter().any(|row| row.key == *key) => {
                    for id in ids {
                        self.update.0.push(id);
                        self.update.1.push(yaml_value::document(name));
                    }
                }
                Some(name) => {
                    self.insert.0.push(change.owner.id());
                    self.insert.1.push((*key).to_owned());
                    self.insert.2.push(yaml_value::document(name));
                }
            }
        }
    }

    fn run(&self, client: &mut impl GenericClient, schema: Schema) -> Result<(), StoreError> {
        self.run_delete(client)?;
        self.run_update(client)?;
        self.run_insert(client, schema)
    }

    fn run_delete(&self, client: &mut impl GenericClient) -> Result<(), StoreError> {
        let statement = "DELETE FROM settings WHERE id = ANY($1)";
        if !self.delete.is_empty() {
            client
                .execute_typed(statement, &[(&self.delete, Type::INT8_ARRAY)])
                .map_err(refused("delete the settings"))?;
        }
        Ok(())
    }

    fn run_update(&self, client: &mut impl GenericClient) -> Result<(), StoreError> {
        let (ids, values) = &self.update;
        let statement = format!(
            "UPDATE settings s SET value = v.value, updated_at = {NOW} \
             FROM unnest($1::bigint[], $2::text[]) AS v(id, value) WHERE s.id = v.id"
        );
        if !ids.is_empty() {
            client
                .execute_typed(&statement, &[(ids, Type::INT8_ARRAY), (values, Type::TEXT_ARRAY)])
                .map_err(refused("change the settings"))?;
        }
        Ok(())
    }

    fn run_insert(&self, client: &mut impl GenericClient, schema: Schema) -> Result<(), StoreError> {
        let (owners, keys, values) = &self.insert;
        let (columns, things) = if schema.settings_have_things {
            (", thing_type, thing_id", ", CASE WHEN v.owner IS NOT NULL THEN 'User' END, v.owner")
        } else {
            ("", "")
        };
        let statement = format!(
            "INSERT INTO settings (var, value, created_at, updated_at{columns}) SELECT v.key, v.value, {NOW}, {NOW}{things} \
             FROM unnest($1::bigint[], $2::text[], $3::text[]) AS v(owner, key, value)"
        );
        if !owners.is_empty() {
            client
                .execute_typed(
                    &statement,
                    &[(owners, Type::INT8_ARRAY), (keys, Type::TEXT_ARRAY), (values, Type::TEXT_ARRAY)],
                )
                .map_err(refused("add the settings"))?;
        }
        Ok(())
    }
}

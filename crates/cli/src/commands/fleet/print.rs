//! The table at the end.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::row::{Expiry, Row, State};
use crate::{
    failure::{Exit, Failure},
    output,
};

/// How long the reason in a cell may be; the whole of it follows below.
const MAX_CELL: usize = 60;

/// Prints the rows, and what is in the way of those that are not well.
pub(super) fn rows(rows: &[Row], is_json: bool) {
    if is_json {
        output::json(&json!({ "logins": rows }));
        return;
    }
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    output::data(output::table(
        &["HOST", "USER", "ENGINE", "TOKEN", "ALIVE", "OPENS", "EXPIRES", "STATE", "WHY"],
        &cells,
    ));
    output::say(counted(rows));
    let long = rows.iter().filter(|row| row.why.lines().count() > 1 || row.why.chars().count() > MAX_CELL);
    for row in long {
        let of = [Some(&row.host), row.user.as_ref(), row.engine.as_ref()];
        let of: Vec<&str> = of.into_iter().flatten().map(String::as_str).collect();
        output::say(format_args!("\n{}:", output::printable(&of.join(", "))));
        row.why.lines().for_each(|line| output::say(format_args!("  {}", output::printable(line))));
    }
}

fn cells(row: &Row) -> Vec<String> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let answer = |field: Option<bool>| field.map_or("", |yes| if yes { "yes" } else { "no" }).to_owned();
    let why = row.why.lines().next().unwrap_or_default();
    let why = why.strip_prefix("error: ").unwrap_or(why);
    let cut: String = why.chars().take(MAX_CELL).collect();
    vec![
        row.host.clone(),
        text(&row.user),
        text(&row.engine),
        text(&row.fingerprint),
        answer(row.alive),
        answer(row.opens),
        row.expires.map(|end| end.to_string()).unwrap_or_default(),
        row.state.word().to_owned(),
        if cut.len() < why.len() { format!("{cut}…") } else { cut },
    ]
}

/// `3 ok, 1 unreachable`
fn counted(rows: &[Row]) -> String {
    let count = |state: State| rows.iter().filter(|row| row.state == state).count();
    let counts = State::ALL.into_iter().map(|state| (count(state), state)).filter(|(count, _)| *count > 0);
    counts.map(|(count, state)| format!("{count} {}", state.word())).collect::<Vec<_>>().join(", ")
}

/// The exit code that the rows mean: a definite no goes before what could not be found out.
pub(super) fn end(rows: &[Row], warn_days: Option<u16>, now: Timestamp) -> Result<(), Failure> {
    let has = |state: State| rows.iter().any(|row| row.state == state);
    let end = warn_days.and_then(|days| now.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok());
    let is_ending =
        rows.iter().any(|row| row.expires.and_then(Expiry::at).zip(end).is_some_and(|(expires, end)| expires <= end));
    match () {
        () if has(State::Failed) || has(State::Old) || is_ending => Err(Failure::silent(Exit::No)),
        () if has(State::Unreachable) => Err(Failure::silent(Exit::Unknown)),
        () => Ok(()),
    }
}

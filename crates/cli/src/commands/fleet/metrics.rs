//! What `pullpass fleet check --metrics` tells Prometheus.

use std::path::Path;

use jiff::Timestamp;

use super::row::Row;
use crate::{
    failure::Failure,
    metrics::{family, label, replace},
};

pub(super) fn write(path: &Path, rows: &[Row], now: Timestamp) -> Result<(), Failure> {
    let mut text = String::new();
    let states =
        rows.iter().map(|row| (format!("{},{}", labels(row), label("state", row.state.word())), "1".to_owned()));
    family(&mut text, "pullpass_fleet_login", "A login of a host's user, and its state.", states);
    let ends = rows.iter().filter_map(|row| Some((labels(row), row.expires?.at()?.as_second().to_string())));
    family(&mut text, "pullpass_fleet_token_expiry_timestamp_seconds", "When its token ends.", ends);
    let now = [(String::new(), now.as_second().to_string())].into_iter();
    family(&mut text, "pullpass_fleet_check_timestamp_seconds", "When this was found out.", now);
    replace(path, &text)
}

fn labels(row: &Row) -> String {
    let of = |field: &Option<String>| field.clone().unwrap_or_default();
    [label("host", &row.host), label("user", &of(&row.user)), label("engine", &of(&row.engine))].join(",")
}

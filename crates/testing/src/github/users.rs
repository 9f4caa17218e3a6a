//! `/users/LOGIN`: whether there is such an account, and whether it is a person's. For everybody.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::answer::{json, problem};
use crate::ghcr::{Account, World};

pub(super) fn answer(world: &World, login: &str) -> Response<Bytes> {
    match world.accounts.account(login) {
        Some(account) => json(200, &described(&account)),
        None => problem(404, "Not Found"),
    }
}

pub(super) fn described(account: &Account) -> Value {
    let login = &account.login;
    json!({
        "login": login,
        "id": account.id,
        "url": format!("https://api.github.com/users/{login}"),
        "html_url": format!("https://github.com/{login}"),
        "type": if account.is_organization { "Organization" } else { "User" },
    })
}

//! `pullpass doctor --explain`

use std::io::Read as _;

use pullpass_client::diagnosis::{Explanation, entry, explain};
use pullpass_oci::Reference;
use serde_json::json;

use crate::{
    failure::{Failure, OrFail},
    output,
};

/// No message has more, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Says what a client's line can mean.
///
/// # Errors
/// It means nothing that is known.
pub(super) fn run(text: &str, json: bool) -> Result<(), Failure> {
    let text = if text == "-" { piped()? } else { text.to_owned() };
    let Some(explanation) = explain(&text) else {
        return Err(Failure::no("this is no message that a client is known to print when a pull fails")
            .hint("give the whole line, or ask about the image: `pullpass doctor IMAGE`"));
    };
    if json {
        output::json(&to_json(&explanation));
    } else {
        print(&explanation);
    }
    Ok(())
}

fn piped() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut bytes).or_unknown()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn print(explanation: &Explanation) {
    let who = explanation.client.unwrap_or("a client");
    output::data(format_args!("{who}, {}: {}", explanation.stage.name(), explanation.why));
    for (index, cause) in explanation.causes.iter().enumerate() {
        let entry = entry(*cause);
        output::data(format_args!("\n{}{}", if index == 0 { "" } else { "or: " }, entry.title));
        output::data(format_args!("  {}", of_this(entry.meaning, explanation)));
        for fix in entry.fixes {
            output::data(format_args!("  do: {}", of_this(fix, explanation)));
        }
    }
    output::data(format_args!("\nwhat tells: {}", explanation.decide));
}

/// With the image of the message in place of the catalogue's words for one.
fn of_this(text: &str, explanation: &Explanation) -> String {
    let reference = explanation.reference.as_ref().and_then(|text| text.parse::<Reference>().ok());
    let Some(reference) = reference else { return text.to_owned() };
    let repository = reference.repository.as_str();
    let (owner, name) = repository.split_once('/').unwrap_or((repository, repository));
    // Whole words only: `REGISTRY_AUTH_FILE` is none of them.
    let is_end = |character: char| !character.is_ascii_alphanumeric() && character != '_';
    let whole = text.replace("REGISTRY/OWNER/NAME:TAG", &reference.to_string());
    let pieces = whole.split_inclusive(is_end).map(|piece| match piece.trim_end_matches(is_end) {
        "REGISTRY" => piece.replace("REGISTRY", reference.registry.as_str()),
        "OWNER" => piece.replace("OWNER", owner),
        "NAME" => piece.replace("NAME", name),
        _ => piece.to_owned(),
    });
    pieces.collect()
}

fn to_json(explanation: &Explanation) -> serde_json::Value {
    let cause = |cause: &pullpass_client::diagnosis::Cause| {
        let entry = entry(*cause);
        json!({ "cause": entry.slug, "title": entry.title, "meaning": entry.meaning, "fixes": entry.fixes })
    };
    json!({
        "client": explanation.client,
        "reference": explanation.reference,
        "stage": explanation.stage.name(),
        "causes": explanation.causes.iter().map(cause).collect::<Vec<_>>(),
        "why": explanation.why,
        "decide": explanation.decide,
    })
}

//! What a person reads, and what a program reads.

use pullpass_client::Step;
use pullpass_secrets::token;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Outcome},
    login::Login,
    verdict::{Image, Prospect},
};
use crate::{environment, failure::Exit, output};

/// One image in full, or a line for each answer of many.
pub(super) fn text(images: &[Image]) {
    if let [image] = images {
        return one(image);
    }
    for image in images {
        let verdict = image.verdict();
        verdict.lines().for_each(|line| output::data(format_args!("{}: {line}", image.reference)));
    }
    let count = |wanted: fn(Option<Exit>) -> bool| images.iter().filter(|image| wanted(image.exit())).count();
    let yes = count(|exit| exit.is_none());
    let no = count(|exit| exit == Some(Exit::No));
    output::say(format_args!(
        "of {} images: {yes} yes, {no} no, {} not found out",
        images.len(),
        images.len() - yes - no
    ));
}

fn one(image: &Image) {
    let key = environment::fingerprint_key();
    output::data(&image.reference);
    for prospect in &image.prospects {
        let who = match &prospect.login {
            Login::Credential { source, credential } => {
                let source = source.as_ref().map_or_else(|| "as given".to_owned(), |source| format!("from {source}"));
                format!("{}, {}, {source}", credential.user, token::fingerprint(&credential.secret, &key))
            }
            Login::None => "no login".to_owned(),
            Login::Unclear(why) => why.clone(),
        };
        output::data(format_args!("  {} ({who})", prospect.client.name()));
        if let Some(answer) = &prospect.answer {
            output::data(format_args!("    token alive: {}", word(answer.alive)));
            rights(answer);
        }
        if let Some(said) = &prospect.said {
            let name = prospect.client.name();
            output::data(format_args!(
                "    {name} itself opens it: {}, {} ms",
                word(said.opens),
                said.took.as_millis()
            ));
        }
    }
    if let Some(anonymous) = &image.anonymous {
        output::data("  without a login");
        rights(anonymous);
    }
    output::data(image.verdict());
}

fn rights(answer: &Answer) {
    if let Some(outcome) = &answer.pull {
        output::data(format_args!("    opens this image: {}", word(outcome.word())));
    }
    if let Some(bytes) = answer.bytes {
        output::data(format_args!("    fetched and verified: {bytes} bytes"));
    }
    if let Some(outcome) = &answer.push {
        output::data(format_args!("    may be pushed to: {}", word(outcome.word())));
    }
    for Step { method, url, status, took, .. } in &answer.steps {
        let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        output::data(format_args!("      {method} {url}: {status}, {} ms", took.as_millis()));
    }
}

fn word(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "could not find out",
    }
}

/// `references`, in the order in which they were given.
pub(super) fn to_json(images: &[Image]) -> Value {
    let key = environment::fingerprint_key();
    let image = |image: &Image| {
        let engines = image.prospects.iter().map(|prospect| prospect.to_json(image, &key));
        json!({
            "reference": image.reference.to_string(),
            "engines": engines.collect::<Vec<_>>(),
            "anonymous": image.anonymous.as_ref().map(Answer::to_json),
            "verdict": image.verdict(),
        })
    };
    json!({ "references": images.iter().map(image).collect::<Vec<_>>() })
}

impl Prospect {
    fn to_json(&self, image: &Image, key: &[u8; 32]) -> Value {
        let login = match &self.login {
            Login::Credential { source, credential } => json!({
                "path": source.as_ref().and_then(|source| source.path()),
                "source": source.as_ref().map(ToString::to_string),
                "user": credential.user,
                "fingerprint": token::fingerprint(&credential.secret, key),
            }),
            _ => Value::Null,
        };
        // Where there is no login, what is answered without one; its steps are told there.
        let effective = self.effective(image).cloned().unwrap_or_else(|| Answer::empty(Vec::new()));
        let steps = self.answer.as_ref().map(|answer| answer.steps.clone()).unwrap_or_default();
        let answer = Answer { steps, ..effective };
        let mut value = answer.to_json();
        let verdicts = self.verdicts(image);
        let will = |is_asked: bool, place: Option<usize>| match place.and_then(|place| verdicts.get(place)) {
            Some(verdict) if is_asked => match verdict.exit {
                None => json!(true),
                Some(Exit::No) => json!(false),
                Some(_) => Value::Null,
            },
            _ => Value::Null,
        };
        value["engine"] = json!(self.client.option());
        value["login"] = login;
        value["said"] = self.said.as_ref().map_or(
            Value::Null,
            |said| json!({ "opens": said.opens, "text": said.text, "milliseconds": said.took.as_secs_f64() * 1000.0 }),
        );
        value["will_pull"] = will(answer.pull.is_some(), Some(0));
        value["will_push"] = will(answer.push.is_some(), verdicts.len().checked_sub(1));
        let texts: Vec<&str> = verdicts.iter().map(|verdict| verdict.text.as_str()).collect();
        value["verdict"] = json!(texts.join("\n"));
        value
    }
}

impl Answer {
    fn to_json(&self) -> Value {
        let step = |step: &Step| {
            json!({
                "stage": step.stage.to_string(), "method": step.method, "url": step.url, "status": step.status,
                "milliseconds": step.took.as_secs_f64() * 1000.0,
            })
        };
        json!({
            "token_alive": self.alive,
            "opens": self.pull.as_ref().and_then(Outcome::word),
            "pushes": self.push.as_ref().and_then(Outcome::word),
            "digest": self.digest,
            "bytes": self.bytes,
            "error": self.refusals().next().map(|refusal| &refusal.error),
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
        })
    }
}

//! One image, for another command that has something to prove.

use pullpass_client::Credential;
use pullpass_oci::Reference;
use pullpass_secrets::store::Environment;
use serde_json::Value;

use super::{Verify, answer::Known, print, verdict::Image};
use crate::{
    engines::Engine,
    failure::{Exit, Failure},
    refused::Retry,
    wait::Wait,
};

/// Who asks.
pub(crate) enum Who<'a> {
    /// These engines themselves, each with its own login.
    Engines(&'a [Engine]),
    /// pullpass, with a credential that is stored nowhere yet, or without any.
    Own(Option<&'a Credential>),
}

/// What came of asking for it.
pub(crate) struct One(Vec<Image>);

impl One {
    /// Asks for it.
    ///
    /// # Errors
    /// A store cannot be read, or the person pressed Ctrl-C. What is answered is no error of this.
    pub(crate) fn ask(
        reference: &Reference,
        who: Who,
        environment: &Environment,
        retry: Retry,
        wait: Wait,
    ) -> Result<One, Failure> {
        let (engines, credential) = match who {
            Who::Engines(engines) => (engines, None),
            Who::Own(credential) => (&[][..], credential),
        };
        let verify = Verify::of(reference.clone(), engines, retry, wait);
        verify.ask(vec![reference.clone()], environment, credential).map(One)
    }

    /// What the answers mean, a line for each client.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.iter().flat_map(Image::verdicts).map(|verdict| verdict.text).collect()
    }

    /// None when it is proved that the image opens.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let verdicts = self.0.iter().flat_map(Image::verdicts);
        let mut failures = verdicts.filter_map(|verdict| Some((verdict.exit?, verdict.text)));
        let (exit, text) = failures.next()?;
        let failure = if exit == Exit::No { Failure::no(text) } else { Failure::unknown(text) };
        Some(failures.fold(failure, |failure, (_, text)| failure.fact(text)))
    }

    /// Whether it opens without a login.
    ///
    /// # Errors
    /// There is no such image for anybody, or nobody answers.
    pub(crate) fn is_public(&self) -> Result<bool, Failure> {
        let refusal = self.0.iter().find_map(|image| image.anonymous.as_ref()?.refusals().next());
        match refusal {
            None => Ok(true),
            Some(refusal) if refusal.exit != Exit::No => Err(Failure::unknown(&refusal.error)),
            Some(refusal) if refusal.cause == Known::Missing => Err(Failure::no(&refusal.error)),
            Some(_) => Ok(false),
        }
    }

    /// As `pullpass verify --json` has it.
    pub(crate) fn to_json(&self) -> Value {
        print::to_json(&self.0)["references"][0].take()
    }
}

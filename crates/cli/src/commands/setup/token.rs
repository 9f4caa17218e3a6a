//! The token: where it comes from, and everything that can be known of it before it is put anywhere.

use jiff::Timestamp;
use pullpass_client::Credential;
use pullpass_oci::Reference;
use pullpass_secrets::token;

use super::{Setup, ask::Person};
use crate::{
    commands::{
        login::{Accepted, Login, Ready},
        token::{Host, Inspected, inspect_to_pull, show_page},
        verify::{One, Who},
    },
    environment,
    failure::Failure,
    output, prompt,
    token_source::Found,
};

/// A token that can pull, as far as anybody could be asked.
pub(super) struct Proved {
    pub(super) accepted: Accepted,
    pub(super) fingerprint: String,
    /// What GitHub said, where the registry is GitHub's.
    pub(super) github: Option<Inspected>,
    /// What came of asking for the image.
    pub(super) image: Option<One>,
}

/// What the token is for.
pub(super) struct Purpose<'a> {
    pub(super) login: &'a Login,
    pub(super) ready: &'a Ready,
    pub(super) registry: &'a str,
    pub(super) image: Option<&'a Reference>,
    /// Whose registry it is, if GitHub's.
    pub(super) github: Option<&'a Host>,
}

impl Setup {
    /// Gets the token, and proves it; a person may try again.
    pub(super) fn token(&self, person: Person, purpose: &Purpose) -> Result<Proved, Failure> {
        if self.token_from.is_some() || self.password_stdin {
            return self.prove(person, purpose, self.given(purpose)?);
        }
        if !person.is_asked {
            return Err(Failure::usage("no token: there is nobody to ask")
                .hint("pipe it in with `--password-stdin`, or name a place with `--token-from`"));
        }
        person.until_right(|| self.prove(person, purpose, self.asked(purpose)?))
    }

    fn given(&self, purpose: &Purpose) -> Result<Found, Failure> {
        match &self.token_from {
            Some(source) => source.read(&self.vault_password),
            None => Ok(Found { token: prompt::secret_from_standard_input()?, user: None }),
        }
        .map_err(|failure| failure.fact(format!("it is the token for `{}`; nothing was changed", purpose.registry)))
    }

    fn asked(&self, purpose: &Purpose) -> Result<Found, Failure> {
        let Some(host) = purpose.github else {
            return Ok(Found { token: prompt::hidden(&format!("token for {}", purpose.registry))?, user: None });
        };
        let typed = prompt::hidden(&format!("token for {} [Enter: make one at {}]", purpose.registry, host.name))?;
        if !typed.reveal().is_empty() {
            return Ok(Found { token: typed, user: None });
        }
        show_page(host, "", self.no_open)?;
        Ok(Found { token: prompt::hidden("new token")?, user: None })
    }

    fn prove(&self, person: Person, purpose: &Purpose, found: Found) -> Result<Proved, Failure> {
        token::check(&found.token).map_err(|problem| {
            Failure::usage(problem.to_string()).fact("nobody was asked").hint("copy it again, whole")
        })?;
        let github = match purpose.github {
            Some(host) => Some(self.ask_github(host, &found)?),
            None => None,
        };
        let owner = github.as_ref().and_then(|token| Some(token.heard.account.as_ref()?.login.clone()));
        let user = self.user(person, owner, found.user)?;
        let accepted = purpose.login.prove(purpose.ready, Found { token: found.token, user: Some(user) })?;
        output::say(format_args!("{} {}", purpose.registry, accepted.said()));
        let image = purpose.image.map(|image| self.opens(image, purpose.ready, &accepted.credential)).transpose()?;
        let fingerprint = token::fingerprint(&accepted.credential.secret, &environment::fingerprint_key());
        Ok(Proved { accepted, fingerprint, github, image })
    }

    fn ask_github(&self, host: &Host, found: &Found) -> Result<Inspected, Failure> {
        let token = inspect_to_pull(found.token.clone(), host, self.retry, self.wait)?;
        token.lines(Timestamp::now()).into_iter().for_each(output::say);
        for warning in token.warnings() {
            output::warn(format_args!("`{}`: {warning}", token.fingerprint));
        }
        if let Some(failure) = token.failure() {
            let is_unknown = token.heard.is_alive == Some(false);
            return Err(if is_unknown {
                failure.hint("or give GitHub time to know a new one: `pullpass setup --wait 2m`")
            } else {
                failure
            });
        }
        if token.heard.is_missing {
            output::warn("GitHub did not answer: the owner, the scopes and the end of the token are not known");
        }
        Ok(token)
    }

    /// The user of the login: the one that was named, the token's owner, the one beside the token, or the answer of a person.
    fn user(&self, person: Person, owner: Option<String>, beside: Option<String>) -> Result<String, Failure> {
        if let (Some(named), Some(owner)) = (&self.username, &owner)
            && !named.eq_ignore_ascii_case(owner)
        {
            return Err(Failure::no(format!("the token is of `{owner}`, not of `{named}`"))
                .hint(format!("give a token of `{named}`, or leave `--username` out")));
        }
        let ask = || Ok(prompt::shown("user of the token")?.reveal().trim().to_owned());
        let missing = || Failure::usage("no user: name one with `--username`");
        person.answer(self.username.clone().or(owner).or(beside), ask, missing, |user: String| match user.is_empty() {
            true => Err(Failure::usage("the user is empty")),
            false => Ok(user),
        })
    }

    fn opens(&self, image: &Reference, ready: &Ready, credential: &Credential) -> Result<One, Failure> {
        let one = One::ask(image, Who::Own(Some(credential)), &ready.environment, self.retry, self.wait)?;
        match one.failure() {
            Some(failure) => Err(failure.hint(format!("its owner has to let `{}` read the package", credential.user))),
            None => {
                one.lines().into_iter().for_each(output::say);
                Ok(one)
            }
        }
    }
}

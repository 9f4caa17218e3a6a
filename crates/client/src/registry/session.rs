//! How a request is let in, and what it means when it is not.

use std::{collections::HashMap, sync::Arc};

use pullpass_oci::Scope;
use pullpass_secrets::Secret;
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};
use url::Url;

use super::{Registry, retry_after::retry_after};
use crate::{
    auth::{self, Bearer, Credential, Scheme, TokenService},
    error::{Failure, RegistryError, Said},
    http::{Answer, MAX_JSON, Request, Stage},
};

#[derive(Default)]
pub(super) struct Session {
    /// By the address of the token request, which has the scopes in it. Each is locked while it is asked for: who waits
    /// finds the answer.
    tokens: HashMap<Url, Arc<Mutex<Option<Granted>>>>,
    /// What the credential was answered.
    pub(super) credential: Option<Result<(), Said>>,
}

/// What a token service answered.
enum Granted {
    Token(Bearer),
    /// No token for these scopes, whatever becomes of others.
    Nothing(Said),
}

/// What a request was sent with.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Presented {
    Nothing,
    Basic,
    Bearer { from_cache: bool },
}

impl Registry {
    /// Sends a request with what it needs to be let in, and answers with one of the `expected` statuses only.
    pub(super) async fn send(
        &self,
        mut request: Request,
        scopes: &[Scope],
        expected: &[StatusCode],
    ) -> Result<Answer, RegistryError> {
        let scopes = scopes.iter().map(Scope::to_string).collect::<Vec<_>>().join(" ");
        let (mut presented, mut _alone) = self.authorize(&mut request, self.scheme.as_ref(), &scopes, false).await?;
        let mut answer = self.http.send(request.clone()).await?;
        if let Some((scheme, wanted)) = self.second_try(&answer, presented, &scopes) {
            (presented, _alone) = self.authorize(&mut request, Some(&scheme), &wanted, wanted == scopes).await?;
            answer = self.http.send(request).await?;
        }
        if presented == Presented::Basic && (answer.status.is_success() || answer.status == StatusCode::NOT_FOUND) {
            self.session.lock().await.credential.get_or_insert(Ok(()));
        }
        if expected.contains(&answer.status) { Ok(answer) } else { Err(self.refusal(answer, presented).await) }
    }

    /// What to present instead after a 401, if there is anything that was not presented already: what the challenge of
    /// this answer asks for, or a new token in place of one that may have ended.
    fn second_try(&self, answer: &Answer, presented: Presented, scopes: &str) -> Option<(Scheme, String)> {
        if answer.status != StatusCode::UNAUTHORIZED || answer.url.origin() != self.root.origin() {
            return None;
        }
        let scheme = Scheme::choose(&answer.headers).or_else(|| self.scheme.clone())?;
        let wanted = match &scheme {
            Scheme::Bearer(TokenService { scope: Some(scope), .. }) if !scopes.is_empty() => scope.clone(),
            _ => scopes.to_owned(),
        };
        let is_new = match (presented, &scheme) {
            (Presented::Nothing, Scheme::Basic) => self.credential.is_some(),
            (Presented::Nothing, Scheme::Bearer(_)) => true,
            (Presented::Bearer { from_cache }, Scheme::Bearer(_)) => from_cache || wanted != scopes,
            (Presented::Bearer { .. } | Presented::Basic, _) => false,
        };
        is_new.then_some((scheme, wanted))
    }

    /// Puts `Authorization` into a request. Nobody else presents the credential as long as the second value is kept.
    async fn authorize(
        &self,
        request: &mut Request,
        scheme: Option<&Scheme>,
        scopes: &str,
        renew: bool,
    ) -> Result<(Presented, Option<MutexGuard<'_, ()>>), RegistryError> {
        let (value, presented, alone) = match (scheme, &self.credential) {
            (None, _) | (Some(Scheme::Basic), None) => return Ok((Presented::Nothing, None)),
            (Some(Scheme::Basic), Some(credential)) => {
                let alone = self.alone().await;
                self.refuse_twice(request, credential, &*self.session.lock().await)?;
                (self.basic(credential), Presented::Basic, alone)
            }
            (Some(Scheme::Bearer(service)), _) => {
                let (token, from_cache) = self.token(service, scopes, renew).await?;
                (auth::header("Bearer", &token), Presented::Bearer { from_cache }, None)
            }
        };
        request.headers.insert(AUTHORIZATION, value);
        Ok((presented, alone))
    }

    /// The right to present the credential while nobody else does, as long as it is not known whether it is alive: one that
    /// is dead must not be sent by everybody at once.
    async fn alone(&self) -> Option<MutexGuard<'_, ()>> {
        let alone = self.proving.lock().await;
        self.session.lock().await.credential.is_none().then_some(alone)
    }

    /// A token for `scopes`, and whether it is an earlier one.
    async fn token(&self, service: &TokenService, scopes: &str, renew: bool) -> Result<(Secret, bool), RegistryError> {
        let subject = if scopes.is_empty() { self.name.as_str() } else { scopes };
        let user = self.credential.as_ref().map(|credential| credential.user.as_str());
        let url = service.url(&self.http, &self.root, scopes, user);
        let at = url.as_ref().unwrap_or(&self.root).clone();
        let mut request = Request::new(Stage::Token, Method::GET, at, subject);
        let url = url.map_err(|failure| self.http.error(&request, failure))?;

        let granted = Arc::clone(self.session.lock().await.tokens.entry(url).or_default());
        let mut granted = granted.lock().await;
        match &*granted {
            Some(Granted::Token(bearer)) if bearer.end > Instant::now() && !renew => {
                return Ok((bearer.token.clone(), true));
            }
            Some(Granted::Nothing(said)) => return Err(self.http.error(&request, self.no_token(said.clone()))),
            _ => {}
        }
        let mut _alone = None;
        if let Some(credential) = &self.credential {
            _alone = self.alone().await;
            self.refuse_twice(&request, credential, &*self.session.lock().await)?;
            request.headers.insert(AUTHORIZATION, self.basic(credential));
        }
        let mut answer = self.http.send(request).await?;
        if answer.status != StatusCode::OK {
            let error = self.token_refusal(answer).await;
            if let Failure::AccessDenied(said) | Failure::AuthenticationRequired(said) = &error.failure {
                *granted = Some(Granted::Nothing(said.clone()));
            }
            return Err(error);
        }
        let body = answer.bytes(&self.http, MAX_JSON).await?;
        let bearer = Bearer::parse(&body, Instant::now()).map_err(|failure| answer.error(&self.http, failure))?;
        if self.credential.is_some() {
            self.session.lock().await.credential = Some(Ok(()));
        }
        self.http.remember(&bearer.token);
        let token = bearer.token.clone();
        *granted = Some(Granted::Token(bearer));
        Ok((token, false))
    }

    fn basic(&self, credential: &Credential) -> HeaderValue {
        let encoded = credential.encoded();
        self.http.remember(&credential.secret);
        self.http.remember(&encoded);
        auth::header("Basic", &encoded)
    }

    /// The same refusal again, without asking: services lock accounts out that keep trying.
    fn refuse_twice(&self, request: &Request, credential: &Credential, session: &Session) -> Result<(), RegistryError> {
        match &session.credential {
            Some(Err(said)) => {
                let (user, said) = (credential.user.clone(), said.clone());
                Err(self.http.error(request, Failure::CredentialRefused { user, said }))
            }
            _ => Ok(()),
        }
    }

    /// What it means that the token service gave no token. ghcr.io answers 403 to a dead credential; others answer 403
    /// to a good one that may not do what it asks for, which is told apart by an earlier token.
    async fn token_refusal(&self, mut answer: Answer) -> RegistryError {
        let said = answer.said(&self.http).await;
        let mut session = self.session.lock().await;
        let is_proved = matches!(session.credential, Some(Ok(())));
        let failure = match (said.status, &self.credential) {
            (401 | 403, Some(credential)) if !is_proved || said.status == 401 => {
                session.credential = Some(Err(said.clone()));
                Failure::CredentialRefused { user: credential.user.clone(), said }
            }
            (401 | 403, _) => self.no_token(said),
            (429, _) => rate_limited(&answer, said),
            _ => Failure::UnexpectedStatus(said),
        };
        answer.error(&self.http, failure)
    }

    /// What it means that there is no token for some scopes, while the credential, if there is one, is good.
    fn no_token(&self, said: Said) -> Failure {
        match (said.status, &self.credential) {
            (401, None) => Failure::AuthenticationRequired(said),
            _ => Failure::AccessDenied(said),
        }
    }

    /// What it means that the registry, or where it redirected to, answered otherwise than hoped.
    pub(super) async fn refusal(&self, mut answer: Answer, presented: Presented) -> RegistryError {
        let said = answer.said(&self.http).await;
        let is_ours = answer.url.origin() == self.root.origin();
        let is_ping = answer.stage() == Stage::Ping;
        let failure = match (said.status, presented, &self.credential) {
            (429, ..) => rate_limited(&answer, said),
            _ if !is_ours => Failure::UnexpectedStatus(said),
            (401, Presented::Basic, Some(credential)) => self.refused(credential, said).await,
            (403, Presented::Basic, Some(credential)) if is_ping => self.refused(credential, said).await,
            (401, Presented::Bearer { .. }, Some(_)) => Failure::AccessDenied(said),
            (401, ..) => Failure::AuthenticationRequired(said),
            (403, ..) => Failure::AccessDenied(said),
            (404, ..) => Failure::NotFound(said),
            _ => Failure::UnexpectedStatus(said),
        };
        answer.error(&self.http, failure)
    }

    async fn refused(&self, credential: &Credential, said: Said) -> Failure {
        self.session.lock().await.credential = Some(Err(said.clone()));
        Failure::CredentialRefused { user: credential.user.clone(), said }
    }
}

fn rate_limited(answer: &Answer, said: Said) -> Failure {
    let retry_after = retry_after(&answer.headers, &said);
    Failure::RateLimited { said, retry_after }
}

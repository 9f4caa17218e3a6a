//! How a request is let in, and what it means when it is not.

use pullpass_oci::Scope;
use pullpass_secrets::Secret;
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use tokio::time::Instant;
use url::Url;

use super::{Registry, retry_after::retry_after};
use crate::{
    auth::{self, Bearer, Credential, Scheme, TokenService},
    error::{Failure, RegistryError, Said},
    http::{Answer, MAX_JSON, Request, Stage},
};

#[derive(Default)]
pub(super) struct Session {
    /// By the address of the token request, which has the scopes in it.
    tokens: Vec<(Url, Bearer)>,
    /// What the credential was answered.
    pub(super) credential: Option<Result<(), Said>>,
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
        let mut presented = self.authorize(&mut request, self.scheme.as_ref(), &scopes, false).await?;
        let mut answer = self.http.send(request.clone()).await?;
        if let Some((scheme, wanted)) = self.second_try(&answer, presented, &scopes) {
            presented = self.authorize(&mut request, Some(&scheme), &wanted, wanted == scopes).await?;
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

    /// Puts `Authorization` into a request.
    async fn authorize(
        &self,
        request: &mut Request,
        scheme: Option<&Scheme>,
        scopes: &str,
        renew: bool,
    ) -> Result<Presented, RegistryError> {
        let (value, presented) = match (scheme, &self.credential) {
            (None, _) | (Some(Scheme::Basic), None) => return Ok(Presented::Nothing),
            (Some(Scheme::Basic), Some(credential)) => {
                self.refuse_twice(request, credential, &*self.session.lock().await)?;
                (self.basic(credential), Presented::Basic)
            }
            (Some(Scheme::Bearer(service)), _) => {
                let (token, from_cache) = self.token(service, scopes, renew).await?;
                (auth::header("Bearer", &token), Presented::Bearer { from_cache })
            }
        };
        request.headers.insert(AUTHORIZATION, value);
        Ok(presented)
    }

    /// A token for `scopes`, and whether it is an earlier one. One request at a time: whoever waited finds the token.
    async fn token(&self, service: &TokenService, scopes: &str, renew: bool) -> Result<(Secret, bool), RegistryError> {
        let subject = if scopes.is_empty() { self.name.as_str() } else { scopes };
        let user = self.credential.as_ref().map(|credential| credential.user.as_str());
        let url = service.url(&self.http, &self.root, scopes, user);
        let at = url.as_ref().unwrap_or(&self.root).clone();
        let mut request = Request::new(Stage::Token, Method::GET, at, subject);
        let url = url.map_err(|failure| self.http.error(&request, failure))?;

        let mut session = self.session.lock().await;
        session.tokens.retain(|(address, bearer)| bearer.end > Instant::now() && !(renew && *address == url));
        if let Some((_, bearer)) = session.tokens.iter().find(|(address, _)| *address == url) {
            return Ok((bearer.token.clone(), true));
        }
        if let Some(credential) = &self.credential {
            self.refuse_twice(&request, credential, &session)?;
            request.headers.insert(AUTHORIZATION, self.basic(credential));
        }
        let mut answer = self.http.send(request).await?;
        if answer.status != StatusCode::OK {
            return Err(self.token_refusal(answer, &mut session).await);
        }
        let body = answer.bytes(&self.http, MAX_JSON).await?;
        let bearer = Bearer::parse(&body, Instant::now()).map_err(|failure| answer.error(&self.http, failure))?;
        if self.credential.is_some() {
            session.credential = Some(Ok(()));
        }
        self.http.remember(&bearer.token);
        session.tokens.push((url, bearer.clone()));
        Ok((bearer.token, false))
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
    async fn token_refusal(&self, mut answer: Answer, session: &mut Session) -> RegistryError {
        let said = answer.said(&self.http).await;
        let is_proved = matches!(session.credential, Some(Ok(())));
        let failure = match (said.status, &self.credential) {
            (403, Some(_)) if is_proved => Failure::AccessDenied(said),
            (401 | 403, Some(credential)) => {
                session.credential = Some(Err(said.clone()));
                Failure::CredentialRefused { user: credential.user.clone(), said }
            }
            (401, None) => Failure::AuthenticationRequired(said),
            (403, None) => Failure::AccessDenied(said),
            (429, _) => rate_limited(&answer, said),
            _ => Failure::UnexpectedStatus(said),
        };
        answer.error(&self.http, failure)
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

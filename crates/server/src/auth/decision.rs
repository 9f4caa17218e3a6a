//! The choke point: every access to the bytes and names of a package is decided here. A [`Permit`] can be made in this
//! module only, and everything in storage that belongs to a package takes one, so no handler can pass this by.

use std::{fmt, marker::PhantomData};

use pullpass_oci::{Action, RepositoryName, Scope};

use super::{
    credential::{Caller, Cause, Credential},
    pat::PatScope,
};
use crate::{
    db::{
        Db,
        packages::{Package, Visibility},
    },
    error::Error,
};

/// The right to read a package.
pub(crate) enum Pull {}
/// The right to add to a package, or to begin it.
pub(crate) enum Push {}
/// The right to remove from a package.
pub(crate) enum Delete {}

/// An [`Action`] as a type.
pub(crate) trait Right {
    const ACTION: Action;
    /// The package's id; only what is pushed to need not exist yet.
    type Package;

    fn package(found: Option<i64>) -> Option<Self::Package>;
}

impl Right for Pull {
    const ACTION: Action = Action::Pull;
    type Package = i64;

    fn package(found: Option<i64>) -> Option<i64> {
        found
    }
}

impl Right for Push {
    const ACTION: Action = Action::Push;
    type Package = Option<i64>;

    fn package(found: Option<i64>) -> Option<Option<i64>> {
        Some(found)
    }
}

impl Right for Delete {
    const ACTION: Action = Action::Delete;
    type Package = i64;

    fn package(found: Option<i64>) -> Option<i64> {
        found
    }
}

/// The proof that a caller may do `A` to one package.
pub(crate) struct Permit<A: Right> {
    name: RepositoryName,
    package: A::Package,
    holder: i64,
    right: PhantomData<A>,
}

impl<A: Right> Permit<A> {
    pub(crate) fn name(&self) -> &RepositoryName {
        &self.name
    }

    pub(crate) fn package(&self) -> &A::Package {
        &self.package
    }

    /// The id of the personal access token that it was given for; 0 is nobody's.
    pub(crate) fn holder(&self) -> i64 {
        self.holder
    }
}

/// Why there is no [`Permit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody, or nobody any more: log in.
    Unauthorized { cause: Option<Cause>, is_bearer: bool, scopes: Vec<Scope> },
    /// The caller may, but the bearer token was not asked for that: fetch a fitting one.
    Limited { scopes: Vec<Scope> },
    /// Known and not allowed.
    Denied(Denied),
    /// The owner's own package, which does not exist.
    Missing,
}

/// What a known caller lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The owner, with a token that is limited to something else.
    Scope(PatScope),
    /// Somebody else. Whether the package exists is not told.
    Grant,
}

impl fmt::Display for Denied {
    /// What is missing and the way out, to stand behind `permission denied: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::Scope(scope) => {
                write!(f, "the token has no scope `{scope}`: create one that has with `pullpass token new`")
            }
            Denied::Grant => f.write_str(
                "the package does not exist or this user has no right to it: check the name `OWNER/NAME`, or ask its \
                 owner",
            ),
        }
    }
}

impl Refusal {
    /// The same, telling the client to ask for one more scope: a push that mounts needs two, and without the second in
    /// the challenge the client could never obtain it.
    pub(crate) fn and_for(mut self, scope: Scope) -> Refusal {
        if let Refusal::Unauthorized { scopes, .. } | Refusal::Limited { scopes } = &mut self {
            scopes.push(scope);
        }
        self
    }
}

enum Lack {
    Login,
    Life(Cause),
    Right(Denied),
}

/// The rule itself. An owner may do what the token's scopes allow; what is public may be pulled by everybody who does
/// not present a dead credential; nobody may do anything else.
fn check(caller: &Caller, name: &RepositoryName, package: Option<&Package>, action: Action) -> Result<(), Lack> {
    if let Caller::Refused(cause) = caller {
        return Err(Lack::Life(cause.clone()));
    }
    if action == Action::Pull && package.is_some_and(|package| package.visibility == Visibility::Public) {
        return Ok(());
    }
    let Caller::Pat(pat) = caller else { return Err(Lack::Login) };
    // A name of one component has no owner.
    let owned = name.as_str().strip_prefix(pat.user.as_str()).is_some_and(|rest| rest.starts_with('/'));
    match owned {
        false => Err(Lack::Right(Denied::Grant)),
        true if pat.allows(action) => Ok(()),
        true => Err(Lack::Right(Denied::Scope(PatScope::of(action)))),
    }
}

fn decide<A: Right>(
    credential: &Credential,
    name: &RepositoryName,
    package: Option<&Package>,
) -> Result<Permit<A>, Refusal> {
    let scopes = || vec![Scope::new(name.clone(), asked_for(A::ACTION))];
    check(&credential.caller, name, package, A::ACTION).map_err(|lack| {
        let is_bearer = credential.is_bearer;
        match lack {
            Lack::Login => Refusal::Unauthorized { cause: None, is_bearer: false, scopes: scopes() },
            Lack::Life(cause) => Refusal::Unauthorized { cause: Some(cause), is_bearer, scopes: scopes() },
            Lack::Right(denied) => Refusal::Denied(denied),
        }
    })?;
    let covers = |scope: &Scope| scope.repository == *name && scope.actions.contains(&A::ACTION);
    if credential.limits.as_ref().is_some_and(|limits| !limits.iter().any(covers)) {
        return Err(Refusal::Limited { scopes: scopes() });
    }
    let package = A::package(package.map(|package| package.id)).ok_or(Refusal::Missing)?;
    let holder = if let Caller::Pat(pat) = &credential.caller { pat.id } else { 0 };
    Ok(Permit { name: name.clone(), package, holder, right: PhantomData })
}

/// Clients that push ask for both at once, and keep one token for the whole push.
fn asked_for(action: Action) -> Vec<Action> {
    match action {
        Action::Push => vec![Action::Pull, Action::Push],
        action => vec![action],
    }
}

/// What a request that names no package needs: a login that is alive.
pub(crate) fn require_login(credential: &Credential) -> Result<(), Refusal> {
    let is_bearer = credential.is_bearer;
    match &credential.caller {
        Caller::Pat(_) => Ok(()),
        Caller::Anonymous => Err(Refusal::Unauthorized { cause: None, is_bearer: false, scopes: Vec::new() }),
        Caller::Refused(cause) => {
            Err(Refusal::Unauthorized { cause: Some(cause.clone()), is_bearer, scopes: Vec::new() })
        }
    }
}

/// Decides with what the database says of a package.
pub(crate) struct Gate(Db);

impl Gate {
    pub(crate) fn new(db: Db) -> Gate {
        Gate(db)
    }

    /// The permit for `A` on the package `name`, or why not.
    pub(crate) async fn permit<A: Right>(
        &self,
        credential: &Credential,
        name: &RepositoryName,
    ) -> Result<Result<Permit<A>, Refusal>, Error> {
        let package = self.0.package(name).await?;
        Ok(decide(credential, name, package.as_ref()))
    }

    /// The part of `asked` that `caller` may do now: what a bearer token is limited to.
    pub(crate) async fn grant(&self, caller: &Caller, asked: Vec<Scope>) -> Result<Vec<Scope>, Error> {
        let mut granted = Vec::new();
        for scope in asked {
            let package = self.0.package(&scope.repository).await?;
            let may = |action: &Action| check(caller, &scope.repository, package.as_ref(), *action).is_ok();
            let actions: Vec<Action> = scope.actions.iter().copied().filter(may).collect();
            if !actions.is_empty() {
                granted.push(Scope::new(scope.repository, actions));
            }
        }
        Ok(granted)
    }
}

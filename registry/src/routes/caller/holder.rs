//! The holder of a token, who asks for a right where its use is known: by a bearer for what belongs
//! to a namespace, by a log-in for what a button does.
//! Must never give a right that the token has not, nor refuse without a line in the audit.

use payload::name::Namespace;

use super::{Admin, Curator, Operator, Publisher, audit_refusal};
use crate::access::{Scopes, Who};
use crate::routes::refusal::Refusal;
use crate::state::State;

/// A token that was looked up, with what its refusal would be audited with.
#[derive(Clone)]
pub(in crate::routes) struct Holder {
    pub(in crate::routes) who: Who,
    pub(in crate::routes) scopes: Scopes,
    pub(in crate::routes) state: State,
    /// What it asked for: a method and a path.
    pub(in crate::routes) subject: String,
}

impl Holder {
    /// For what operates the fleet.
    ///
    /// # Errors
    /// 403: it may not operate.
    pub(in crate::routes) fn operator(self) -> Result<Operator, Refusal> {
        let may = self.scopes.may_operate();
        self.if_it(may, "this route needs operate").map(Operator)
    }

    /// For tokens and keys.
    ///
    /// # Errors
    /// 403: it may not manage them.
    pub(in crate::routes) fn admin(self) -> Result<Admin, Refusal> {
        let may = self.scopes.may_admin();
        self.if_it(may, "this route needs admin").map(Admin)
    }

    /// For what belongs to a namespace that is to be said.
    pub(in crate::routes) fn curator(self) -> Curator {
        Curator(self)
    }

    fn within(self, may: bool, namespace: &Namespace) -> Result<Who, Refusal> {
        self.if_it(may, &format!("not this in namespace {namespace}"))
    }

    fn if_it(self, may: bool, needs: &str) -> Result<Who, Refusal> {
        let Self {
            who,
            scopes,
            state,
            subject,
        } = self;
        if may {
            return Ok(who);
        }
        let scopes = scopes.texts().join(", ");
        let detail = format!("{} may {scopes}; {needs}", who.name);
        audit_refusal(&state, &who, "scope.refused", subject, &detail);
        Err(Refusal::forbidden(detail))
    }
}

impl Publisher {
    /// Who it is, for what it does in a namespace.
    ///
    /// # Errors
    /// 403: it may not publish there.
    pub(crate) fn within(self, namespace: &Namespace) -> Result<Who, Refusal> {
        let may = self.0.scopes.may_publish_in(namespace.as_str());
        self.0.within(may, namespace)
    }

    /// Who it is, for what belongs to no namespace yet.
    pub(crate) fn anywhere(self) -> Who {
        self.0.who
    }
}

impl Curator {
    /// Who it is, for what it does in a namespace.
    ///
    /// # Errors
    /// 403: it may neither operate nor publish there.
    pub(crate) fn within(self, namespace: &Namespace) -> Result<Who, Refusal> {
        let scopes = &self.0.scopes;
        let may = scopes.may_operate() || scopes.may_publish_in(namespace.as_str());
        self.0.within(may, namespace)
    }
}

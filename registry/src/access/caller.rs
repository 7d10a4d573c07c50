//! Who a request comes from, once its bearer was looked up.
//! Made by `sessions`, judged by the extractors of the routes.
//! Must never be made from what a request says about itself.

use std::collections::BTreeMap;

use payload::name::InstanceName;

use super::scope::Scopes;
use crate::db::Access;
use crate::db::audit::Entry;

/// Whose bearer it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A token.
    Token {
        /// Its name.
        name: String,
        /// What it may do.
        scopes: Scopes,
        /// When it ends, milliseconds since 1970.
        expires_ms: u64,
        /// Labels of the nodes that enrol with it.
        labels: BTreeMap<String, String>,
    },
    /// A node's own credential.
    Node {
        /// The node.
        name: InstanceName,
    },
}

impl Caller {
    /// As it stands in the audit.
    pub(crate) fn audited(&self) -> String {
        match self {
            Self::Token { name, .. } => name.clone(),
            Self::Node { name } => format!("node:{name}"),
        }
    }

    /// What it may do, when it is a token.
    pub(crate) fn scopes(&self) -> Option<&Scopes> {
        match self {
            Self::Token { scopes, .. } => Some(scopes),
            Self::Node { .. } => None,
        }
    }
}

/// Who does something, for the audit and for `published_by`, and with which access: only a bearer
/// that was looked up gives one, so that what writes can't be reached without a check.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    /// Name of the token, or `node:NAME`.
    pub(crate) name: String,
    /// The id of the request.
    pub(crate) request: String,
    /// What it is asked with: to be in force still when something is written.
    pub(crate) access: Access,
}

impl Who {
    /// Somebody without an access that is known.
    pub(crate) fn nobody(request: String) -> Self {
        Self {
            name: "nobody".to_owned(),
            request,
            access: Access::Nobody,
        }
    }

    /// The line of the audit about something that this caller does.
    pub(crate) fn entry(&self, at_ms: u64, what: &'static str, subject: String) -> Entry {
        Entry {
            at_ms,
            who: self.name.clone(),
            what,
            subject,
            before: None,
            after: None,
            request: self.request.clone(),
        }
    }
}

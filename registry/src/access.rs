//! Who may do what: scopes, tokens, callers, and how often they may ask.
//! Used by the extractors of the routes, which hand a caller of the right kind to each route.
//! Must never let a secret out of here but at its making, nor compare one byte by byte.

mod caller;
mod rate;
mod scope;
mod secret;
mod sessions;
mod token_name;

use std::collections::BTreeMap;

use api::registry::Token;
use serde_json::json;

use crate::db::audit::Entry;
use crate::db::token::Kept;
use crate::limits::TOKEN_LIFE_S;

pub(crate) use caller::{Caller, Who};
pub(crate) use rate::{Failures, TooFast, network};
use scope::Scope;
pub(crate) use scope::Scopes;
pub(crate) use secret::Secret;
pub(crate) use sessions::{Session, Sessions};
pub(crate) use token_name::{TokenName, TokenNameError};

/// The token that a start tells where no other is in force, and its line in the audit.
pub(crate) fn first_admin(now_ms: u64, request: String) -> (Kept, Entry) {
    let token = Token {
        name: "admin".to_owned(),
        scopes: vec![Scope::Admin.to_string()],
        created_ms: now_ms,
        expires_ms: now_ms.saturating_add(TOKEN_LIFE_S * 1000),
        used_ms: None,
        uses_left: None,
        revoked_ms: None,
    };
    let entry = Entry {
        at_ms: now_ms,
        who: "nobody".to_owned(),
        what: "token.create",
        subject: token.name.clone(),
        before: None,
        after: Some(json!({ "scopes": token.scopes, "expires_ms": token.expires_ms })),
        request,
    };
    let labels = BTreeMap::new();
    (Kept { token, labels }, entry)
}

//! The pages as HTML: templates of `web/`, compiled, that escape what they are given. Called by the
//! routes of the pages. askama looks for templates beside `Cargo.toml`: `registry/templates` is a
//! link to where people do.
//! Must never mark a text as safe.

mod command;
pub(crate) mod deployments;
mod format;
mod frame;
pub(crate) mod rollouts;
mod view;
mod visible;

use askama::Template;

use crate::fleet::Sums;
pub(crate) use frame::{Frame, Section};
pub(crate) use view::{NodeView, PayloadView, VersionView};

/// `GET /login`.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct Login<'a> {
    /// Why the log-in before was refused.
    pub(crate) refusal: Option<&'a str>,
}

/// A page that says no.
#[derive(Template)]
#[template(path = "refusal.html")]
pub(crate) struct Refused<'a> {
    /// In a few words.
    pub(crate) title: &'a str,
    /// Why.
    pub(crate) detail: &'a str,
}

/// `GET /`.
#[derive(Template)]
#[template(path = "overview.html")]
pub(crate) struct Overview {
    /// What is around it.
    pub(crate) frame: Frame,
    /// Numbers of the whole fleet.
    pub(crate) sums: Sums,
    /// One page of payloads.
    pub(crate) payloads: Vec<PayloadView>,
    /// Whether it is the first.
    pub(crate) first_payloads: bool,
    /// Address of the next.
    pub(crate) next_payloads: Option<String>,
    /// One page of nodes.
    pub(crate) nodes: Vec<NodeView>,
    /// Whether it is the first.
    pub(crate) first_nodes: bool,
    /// Address of the next.
    pub(crate) next_nodes: Option<String>,
}

/// `GET /payloads/{namespace}/{name}`.
#[derive(Template)]
#[template(path = "payload.html")]
pub(crate) struct OnePayload {
    /// What is around it.
    pub(crate) frame: Frame,
    /// `namespace/name`.
    pub(crate) name: String,
    /// Of its latest release.
    pub(crate) description: Option<String>,
    /// The oldest version that may run.
    pub(crate) floor: Option<String>,
    /// One page of versions, highest first.
    pub(crate) versions: Vec<VersionView>,
    /// Address of the next.
    pub(crate) next: Option<String>,
}

//! The pages as HTML: templates of `web/`, compiled, that escape what they are given. Called by the
//! routes of the pages. askama looks for templates beside `Cargo.toml`: `registry/templates` is a
//! link to where people do.
//! Must never mark a text as safe.

mod access;
mod address;
mod area;
mod audit;
mod command;
pub(crate) mod deployments;
mod events;
mod fleet;
mod format;
mod frame;
mod mistake;
mod node;
mod nodes;
mod payload;
mod payloads;
pub(crate) mod rollouts;
mod version;
mod view;
mod visible;

use askama::Template;

pub(crate) use address::Address;
pub(crate) use area::Area;
pub(crate) use events::{EventsPage, event_lines};
pub(crate) use fleet::{Course, FleetPage, Kernels, Link, Moves, PresenceCounts, Published};

pub(crate) use access::{AccessPage, KeyTyped, KeyView, TokenMadePage, TokenTable, TokenTyped};
pub(crate) use audit::{AuditPage, AuditSought};
pub(crate) use format::{ahead, grouped};
pub(crate) use frame::{Frame, Section};
pub(crate) use mistake::Mistake;
pub(crate) use node::{Happened, InstanceDetail, NodeHead, OneNode, PinTyped, PinView};
pub(crate) use nodes::{NodeList, Sought, WrongSelector};
pub(crate) use payload::{ChannelView, FloorView, ListedVersion, OnePayload, nodes_address};
pub(crate) use payloads::PayloadList;
pub(crate) use version::{
    ChannelChoice, Contents, DifferenceView, OneVersion, ReleaseView, Side, Typed,
};
pub(crate) use view::{VersionView, told};

/// `GET /login`.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct Login<'a> {
    /// Why the log-in before was refused.
    pub(crate) refusal: Option<&'a str>,
    /// Where somebody was going.
    pub(crate) next: Option<&'a str>,
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

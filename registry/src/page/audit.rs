//! What `GET /audit` shows. Made by its route.
//! Must never hold markup, nor link to a name that no type has checked.

mod change;
mod subject;

use api::registry::{AuditEntry, AuditLog};
use askama::Template;

use super::Frame;
use super::address::Address;
use super::format::{Moment, moment};
use super::visible::visible;
use change::Line;

/// `GET /audit`.
#[derive(Template)]
#[template(path = "audit.html")]
pub(crate) struct AuditPage {
    frame: Frame,
    sought: AuditSought,
    is_first: bool,
    first: String,
    entries: Vec<EntryView>,
    /// Address of what came before.
    next: Option<String>,
    /// Address of the same as JSON.
    export: String,
}

/// What is looked for, as it was typed; an empty text is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AuditSought {
    pub(crate) who: String,
    pub(crate) what: String,
    pub(crate) subject: String,
}

/// An entry.
struct EntryView {
    id: u64,
    at: Moment,
    who: String,
    what: String,
    subject: String,
    /// The page of the subject, where there is one.
    href: Option<String>,
    lines: Vec<Line>,
    request: String,
    /// Whether somebody was refused.
    is_refusal: bool,
}

impl AuditSought {
    fn address(&self, path: &str) -> Address {
        Address::to(path)
            .with("who", &self.who)
            .with("what", &self.what)
            .with("subject", &self.subject)
    }

    fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

impl AuditPage {
    /// A page of the audit, from the newest where nothing is said of `before`.
    pub(crate) fn of(
        frame: Frame,
        sought: AuditSought,
        before: Option<u64>,
        log: AuditLog,
        now_ms: u64,
    ) -> Self {
        let at = |path: &str, before: Option<u64>| {
            let before = before.map(|id| id.to_string()).unwrap_or_default();
            sought.address(path).with("before", &before).text()
        };
        let next = log.next.map(|id| at("/audit", Some(id)));
        let entries = log.entries.into_iter();
        Self {
            frame,
            is_first: before.is_none(),
            first: at("/audit", None),
            export: at("/audit.json", before),
            entries: entries.map(|entry| EntryView::of(&entry, now_ms)).collect(),
            next,
            sought,
        }
    }
}

impl EntryView {
    fn of(entry: &AuditEntry, now_ms: u64) -> Self {
        Self {
            id: entry.id,
            at: moment(entry.at_ms, now_ms),
            href: subject::page(&entry.what, &entry.subject),
            lines: change::lines(entry.before.as_ref(), entry.after.as_ref()),
            is_refusal: entry.what.ends_with(".refused"),
            who: visible(&entry.who),
            what: visible(&entry.what),
            subject: visible(&entry.subject),
            request: visible(&entry.request),
        }
    }

    /// Whether it is short enough to be read at once.
    fn is_short(&self) -> bool {
        self.lines.len() <= SHORT_LINES
    }
}

/// Lines of a change that are shown without being asked for.
const SHORT_LINES: usize = 4;

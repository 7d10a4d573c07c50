//! The calls between node and registry: enrolment, polls, doorbell, reports; when each is due.
//! A part of the machine; pure.
//! Must never have two calls of one kind under way.

use super::super::pace::{Pace, SPREAD_MAX_MS};
use super::input::{Action, Failure};

/// How often to ask until a registry says how often, milliseconds.
const POLL_DEFAULT_MS: u64 = 30_000;
/// How often a node reports at least, milliseconds.
const REPORT_MS: u64 = 60_000;
/// News are gathered this long before they are reported, milliseconds.
const GATHER_MS: u64 = 100;
/// How long a registry that denies a node is left alone at least, milliseconds.
const DENIED_MS: u64 = 300_000;
/// Nodes that begin at one moment spread their first call over this time, milliseconds.
const BEGIN_SPREAD_MS: u64 = 500;

/// How a node stands with its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has neither a credential nor a token to get one.
    Unenrolled,
    /// It has a token to get a credential with.
    Enrolling,
    /// It has a credential.
    Enrolled,
    /// Its credential is denied.
    Denied,
}

/// A call that is made again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Call {
    due_ms: u64,
    under_way: bool,
    failures: u32,
}

impl Call {
    fn at(due_ms: u64) -> Self {
        Self {
            due_ms,
            under_way: false,
            failures: 0,
        }
    }

    /// Whether it is to be made now; then it is under way.
    fn begins(&mut self, now_ms: u64) -> bool {
        let begins = !self.under_way && self.due_ms <= now_ms;
        self.under_way |= begins;
        begins
    }

    fn ended(&mut self, due_ms: u64) {
        *self = Self::at(due_ms);
    }

    fn wake_ms(&self) -> u64 {
        if self.under_way {
            u64::MAX
        } else {
            self.due_ms
        }
    }
}

/// All calls.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    phase: Phase,
    pace: Pace,
    poll: Call,
    poll_ms: u64,
    etag: Option<String>,
    bell: Call,
    report: Call,
    /// When the last one was kept.
    reported_ms: u64,
    /// The doorbell rang while a poll was under way.
    rang: Option<u64>,
    /// Another credential was found while a poll with the old one was under way.
    renewed: bool,
    /// The same while the doorbell was open, or was being opened, with the old one.
    bell_renewed: bool,
}

impl Link {
    pub(super) fn new(phase: Phase, mut pace: Pace) -> Self {
        let first_ms = pace.below(BEGIN_SPREAD_MS);
        Self {
            phase,
            pace,
            poll: Call::at(first_ms),
            poll_ms: POLL_DEFAULT_MS,
            etag: None,
            bell: Call::at(u64::MAX),
            report: Call::at(first_ms),
            reported_ms: 0,
            rang: None,
            renewed: false,
            bell_renewed: false,
        }
    }

    /// How the node stands with its registry.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn wake_ms(&self) -> u64 {
        match self.phase {
            Phase::Unenrolled => u64::MAX,
            Phase::Enrolling | Phase::Denied => self.poll.wake_ms(),
            Phase::Enrolled => {
                let calls = [self.poll, self.bell, self.report];
                calls.iter().map(Call::wake_ms).fold(u64::MAX, u64::min)
            }
        }
    }

    /// The calls whose time has come.
    pub(super) fn due(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        match self.phase {
            Phase::Unenrolled => {}
            Phase::Enrolling => {
                if self.poll.begins(now_ms) {
                    actions.push(Action::Enrol);
                }
            }
            Phase::Enrolled | Phase::Denied => {
                if self.poll.begins(now_ms) {
                    let etag = self.etag.clone();
                    actions.push(Action::Poll { etag });
                }
                if self.phase == Phase::Enrolled && self.bell.begins(now_ms) {
                    actions.push(Action::Listen);
                }
                if self.phase == Phase::Enrolled && self.report.begins(now_ms) {
                    actions.push(Action::Report);
                }
            }
        }
    }

    /// A credential is there, perhaps another one: everything is asked at once.
    pub(super) fn enrolled(&mut self, now_ms: u64) {
        self.report.due_ms = now_ms;
        if self.poll.under_way && self.phase != Phase::Enrolling {
            self.renewed = true;
        } else {
            self.poll.ended(now_ms);
        }
        if self.bell.under_way {
            self.bell_renewed = true;
        } else {
            // However long the old credential was to be left alone: the first answer opens it.
            self.bell.ended(u64::MAX);
        }
        self.phase = Phase::Enrolled;
    }

    pub(super) fn enrol_failed(&mut self, failure: Failure, now_ms: u64) {
        self.poll_again(failure, now_ms);
    }

    /// The registry has said what it wants.
    pub(super) fn heard(&mut self, now_ms: u64) {
        self.phase = Phase::Enrolled;
        self.renewed = false;
        let due_ms = match self.rang.take() {
            Some(spread_ms) => now_ms.saturating_add(self.pace.below(spread_ms)),
            None => self.pace.next_poll_ms(now_ms, self.poll_ms),
        };
        self.poll.ended(due_ms);
        if !self.bell.under_way && self.bell.due_ms == u64::MAX {
            self.bell.due_ms = now_ms;
        }
    }

    pub(super) fn remember(&mut self, etag: Option<String>, poll_ms: u64) {
        self.etag = etag;
        self.poll_ms = poll_ms;
    }

    /// The next answer is needed whole, also where it is as before.
    pub(super) fn forget_answer(&mut self) {
        self.etag = None;
    }

    pub(super) fn poll_failed(&mut self, failure: Failure, now_ms: u64) {
        self.rang = None;
        if std::mem::take(&mut self.renewed) {
            self.poll.ended(now_ms);
            return;
        }
        if failure == Failure::Denied {
            self.phase = Phase::Denied;
        }
        self.poll_again(failure, now_ms);
    }

    fn poll_again(&mut self, failure: Failure, now_ms: u64) {
        let failures = self.poll.failures.saturating_add(1);
        let wait_ms = self.wait_ms(failure, self.poll.failures);
        self.poll.ended(now_ms.saturating_add(wait_ms));
        self.poll.failures = failures;
    }

    fn wait_ms(&mut self, failure: Failure, failures: u32) -> u64 {
        match failure {
            Failure::Denied => DENIED_MS + self.pace.below(DENIED_MS),
            Failure::Again { retry_after_ms } => self.pace.back_off_ms(failures, retry_after_ms),
        }
    }

    /// How long to wait after a file could not be had, milliseconds.
    pub(super) fn rest_ms(&mut self, failure: Failure, failures: u32) -> u64 {
        let retry_after_ms = match failure {
            // A blob that this node may not have today: the next poll may name another.
            Failure::Denied => None,
            Failure::Again { retry_after_ms } => retry_after_ms,
        };
        self.pace.back_off_ms(failures, retry_after_ms)
    }

    /// The doorbell rang; it works.
    pub(super) fn rang(&mut self, spread_ms: u64, now_ms: u64) {
        self.bell.failures = 0;
        let spread_ms = spread_ms.min(SPREAD_MAX_MS);
        if self.poll.under_way {
            // What it rang for may have come too late for that answer.
            self.rang = Some(spread_ms);
            return;
        }
        if self.poll.failures == 0 {
            let due_ms = now_ms.saturating_add(self.pace.below(spread_ms));
            self.poll.due_ms = self.poll.due_ms.min(due_ms);
        }
    }

    pub(super) fn bell_closed(&mut self, failure: Failure, now_ms: u64) {
        if std::mem::take(&mut self.bell_renewed) {
            self.bell.ended(now_ms);
            return;
        }
        let failures = self.bell.failures;
        let wait_ms = self.wait_ms(failure, failures);
        self.bell.ended(now_ms.saturating_add(wait_ms));
        self.bell.failures = failures.saturating_add(1);
    }

    /// There is something to report.
    pub(super) fn news(&mut self, now_ms: u64) {
        if self.report.failures == 0 {
            let due_ms = now_ms.saturating_add(GATHER_MS);
            self.report.due_ms = self.report.due_ms.min(due_ms);
        }
    }

    /// The next report is due so long behind the last one at the latest, milliseconds.
    pub(super) fn report_within(&mut self, every_ms: u64) {
        if self.report.failures == 0 {
            let due_ms = self.reported_ms.saturating_add(every_ms);
            self.report.due_ms = self.report.due_ms.min(due_ms);
        }
    }

    pub(super) fn reported(&mut self, more: bool, now_ms: u64) {
        self.reported_ms = now_ms;
        let wait_ms = if more { 0 } else { REPORT_MS };
        // News that came meanwhile are told by `more`.
        self.report.ended(now_ms.saturating_add(wait_ms));
    }

    pub(super) fn report_failed(&mut self, failure: Failure, now_ms: u64) {
        let failures = self.report.failures;
        let wait_ms = match failure {
            // Whether the node is denied is found out by polling, which then comes back slowly.
            Failure::Denied => DENIED_MS,
            Failure::Again { .. } => self.wait_ms(failure, failures),
        };
        self.report.ended(now_ms.saturating_add(wait_ms));
        self.report.failures = failures.saturating_add(1);
    }
}

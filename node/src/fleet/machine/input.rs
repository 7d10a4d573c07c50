//! What the machine is told, and what it asks for. Made and done by the driver.
//! Must never hold logic.

use std::collections::BTreeMap;
use std::sync::Arc;

use payload::name::{InstanceName, PayloadName, Version};

use super::super::target::{Asked, Target};

/// Why a call to the registry gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It does not know this node, or not any more: asking again soon changes nothing.
    Denied,
    /// It is away, busy, or says what can't be.
    Again {
        /// What `Retry-After` asked for, milliseconds.
        retry_after_ms: Option<u64>,
    },
}

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// Time has passed.
    Tick,
    /// The node has its credential: it was given one, or a new one was found.
    Enrolled,
    /// It was not enrolled.
    EnrolFailed(Failure),
    /// The registry wants this.
    Desired {
        /// Names this answer.
        etag: Option<String>,
        /// How often it wants to be asked, milliseconds.
        poll_ms: u64,
        /// All that should run.
        instances: Asked,
        /// All that should be staged.
        staged: Asked,
    },
    /// The registry wants what it wanted.
    Unchanged,
    /// The registry did not say what it wants.
    PollFailed(Failure),
    /// The doorbell rang: poll within this time, milliseconds.
    Rang {
        /// As the registry says.
        spread_ms: u64,
    },
    /// The doorbell's connection ended.
    BellClosed(Failure),
    /// The file of what is wanted under this name is in the store.
    Fetched(InstanceName),
    /// It is not.
    FetchFailed(InstanceName, Failure),
    /// It runs.
    Applied {
        /// The instance.
        instance: InstanceName,
        /// Whether it is to be told when its watch has ended well.
        to_commit: bool,
    },
    /// It does not; what ran goes on.
    ApplyFailed {
        /// The instance.
        instance: InstanceName,
        /// Whether it may work later.
        again: bool,
    },
    /// The time at which it is to take over has moved away, with the wall's clock.
    TooEarly(InstanceName),
    /// Its watch has ended well.
    Committed(InstanceName),
    /// It failed its watch: what ran there before runs again.
    RolledBack(InstanceName),
    /// How a part of staging went.
    Staging(InstanceName, Prepared),
    /// It does not run any more.
    Stopped(InstanceName),
    /// A batch of reports is kept.
    Reported {
        /// Whether there is more to report.
        more: bool,
    },
    /// A batch was not kept.
    ReportFailed(Failure),
    /// There is something to report.
    News,
    /// Other keys are trusted, so what was refused may pass.
    Trust,
    /// The floors that hold from now on.
    Floors(BTreeMap<PayloadName, Version>),
}

/// How a part of staging went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// The file is in the store.
    Fetched,
    /// It is not.
    FetchFailed(Failure),
    /// It was loaded and verified.
    Loaded {
        /// Whether it stays loaded beside what runs.
        held: bool,
    },
    /// It was not.
    LoadFailed {
        /// Whether it may work later.
        again: bool,
    },
    /// It is not loaded any more.
    LetGo,
}

/// A part of staging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prepare {
    /// Have the file in the store.
    Fetch,
    /// Check it by the node's own rules, load and verify it, and do not run it.
    Load,
    /// Tell that it runs already.
    Tell,
    /// Tell that it was refused, because its version is below the floor.
    Refuse {
        /// The floor.
        floor: Version,
    },
    /// Tell that it is not begun any more, because the daemon died of it too often.
    GiveUp,
    /// Let go of it.
    LetGo,
}

/// Why an instance is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The registry does not want it any more.
    Unwanted,
    /// Its version is below the floor.
    BelowFloor(Version),
}

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Ask for a credential.
    Enrol,
    /// Ask what is wanted, unless the answer is the one that is named so.
    Poll {
        /// The answer that the node has.
        etag: Option<String>,
    },
    /// Open the doorbell.
    Listen,
    /// Have the file in the store.
    Fetch(Arc<Target>),
    /// Check it by the node's own rules and run it.
    Apply {
        /// What it is.
        target: Arc<Target>,
        /// When, by the wall's clock, milliseconds since 1970: soon; absent, or past: at once.
        at_ms: Option<u64>,
        /// What another daemon may have left loaded beside it.
        beside: Option<Arc<Target>>,
    },
    /// Do a part of staging.
    Stage(Arc<Target>, Prepare),
    /// Stop what runs.
    Stop {
        /// What it is.
        target: Arc<Target>,
        /// Why.
        why: Why,
    },
    /// Report that this was refused, because its version is below the floor.
    Refuse {
        /// What was wanted.
        target: Arc<Target>,
        /// The floor.
        floor: Version,
    },
    /// Report that this is not begun any more, because the daemon died of it too often.
    GiveUp {
        /// What was begun.
        target: Arc<Target>,
        /// Whether what ran before it is started in its place.
        back: bool,
    },
    /// Send what there is to report.
    Report,
    /// Keep what [`super::State::managed`] says.
    Save,
}

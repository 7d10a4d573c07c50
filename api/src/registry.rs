//! What the registry's API says, as types: `/api/v1` of `registry serve`. Written and read by the
//! registry, by `packer`, by the node's daemon and by tests. Sizes in bytes, times in the unit of
//! the field's name, `_ms` without more: milliseconds since 1970. Names, versions and digests are
//! text here; whoever reads them parses them with the types of `payload`.

mod access;
mod deployment;
mod entries;
mod fleet;
mod live;
mod outcome;
mod pin;
mod release;
mod rollout;
mod rollout_shown;

pub use access::{
    AuditEntry, AuditLog, Collected, NewToken, Token, TokenMade, Tokens, TrustedKey, TrustedKeys,
    WhoAmI,
};
pub use deployment::{Deployment, DeploymentSpec, DeploymentState, Deployments, Source};
pub use fleet::{
    ByRollout, Desired, Enrol, Enrolled, Explain, Explanation, Facts, InstanceCounts, InstanceRate,
    InstanceReport, Node, NodeDetail, Nodes, Presence, Reports, Ring, SinceFlip, Wanted,
};
pub use live::{LIVE_EVENT_BYTES_MAX, LIVE_EVENTS_MAX, LiveEvent, LiveEvents};
pub use outcome::{Outcome, OutcomeKind, Refused};
pub use pin::{Pin, Pins, SetPin};
pub use release::{
    Channel, Difference, Floor, Payload, PayloadSummary, Payloads, PublishRelease, Reason, Release,
    ReleaseState, SetChannel, SetEnvelope,
};
pub use rollout::{Compare, OnFailure, Reach, RolloutPhase, RolloutPlan, StartRollout, Wave};
pub use rollout_shown::{
    Compared, DryRun, DryWave, FailureGroup, KernelOutcome, Rollout, RolloutCounts, RolloutDetail,
    RolloutNode, RolloutNodes, Rollouts, Transition,
};

/// The prefix of every route but `/healthz`, `/readyz` and `/metrics`.
pub const PREFIX: &str = "/api/v1";
/// Most rows of one page of a list; the default of `limit` too.
pub const PAGE_ROWS_MAX: u32 = 200;
/// Most bytes of a JSON body, where a route says nothing else.
pub const JSON_BYTES_MAX: usize = 256 << 10;
/// Most bytes of one batch of reports: a proof and a verifier's log may be in it.
pub const REPORTS_BYTES_MAX: usize = 4 << 20;
/// Most outcomes in one batch of reports.
pub const OUTCOMES_MAX: usize = 256;
/// Most instances that one node may be wanted to run, or report.
pub const INSTANCES_MAX: usize = 256;
/// Most bytes of what one node is told to run, floors included: well within what a client takes as
/// one answer. Where older deployments fill it, younger ones give that node nothing.
pub const DESIRED_BYTES_MAX: usize = 24 << 20;

/// The answer to `GET /healthz` and `GET /readyz`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The registry's version.
    pub version: String,
}

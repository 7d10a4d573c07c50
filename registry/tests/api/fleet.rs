//! The fleet half of the registry and its first page, through the typed client and as a browser
//! sees them.

#[path = "fleet/access.rs"]
mod access;
#[path = "fleet/deployments.rs"]
mod deployments;
#[path = "fleet/desired.rs"]
mod desired;
#[path = "fleet/doorbell.rs"]
mod doorbell;
#[path = "fleet/enrolment.rs"]
mod enrolment;
#[path = "fleet/events.rs"]
mod events;
#[path = "fleet/explain.rs"]
mod explain;
#[path = "fleet/harness.rs"]
pub(crate) mod harness;
#[path = "fleet/live.rs"]
mod live;
#[path = "fleet/log_in.rs"]
mod log_in;
#[path = "fleet/pages.rs"]
mod pages;
#[path = "fleet/reports.rs"]
mod reports;

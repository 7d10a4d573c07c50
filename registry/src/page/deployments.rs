//! The pages of deployments. Called by their routes.
//! Must never hold markup.

use api::registry::{Deployment, DeploymentState, Pin, Source};
use askama::Template;

use super::Frame;
use super::command;
use super::format::{Moment, grouped, moment, nodes_text};
use super::rollouts::{PlanView, RolloutRow};
use crate::fleet::Census;

/// `GET /deployments`.
#[derive(Template)]
#[template(path = "deployments.html")]
pub(crate) struct DeploymentsPage {
    /// What is around it.
    pub(crate) frame: Frame,
    /// One page of them.
    pub(crate) rows: Vec<DeploymentRow>,
    /// Whether it is the first.
    pub(crate) is_first: bool,
    /// Address of the next.
    pub(crate) next: Option<String>,
}

/// A deployment as lists show it.
#[derive(Debug)]
pub(crate) struct DeploymentRow {
    pub(crate) name: String,
    pub(crate) payload: String,
    pub(crate) instance: String,
    /// `channel stable`, `version 1.0.0`.
    pub(crate) source: String,
    pub(crate) selector: String,
    /// The version that it gives.
    pub(crate) gives: Option<String>,
    /// Why it gives none.
    pub(crate) void: Option<String>,
    pub(crate) nodes: String,
    pub(crate) running: String,
    pub(crate) refused: u64,
    pub(crate) rollout: Option<u64>,
    pub(crate) changed: Moment,
}

/// `GET /deployments/{deployment}`.
#[derive(Template)]
#[template(path = "deployment.html")]
pub(crate) struct DeploymentPage {
    /// What is around it.
    pub(crate) frame: Frame,
    /// The deployment.
    pub(crate) row: DeploymentRow,
    /// The digest of what it gives.
    pub(crate) digest: Option<String>,
    pub(crate) created: Moment,
    pub(crate) globals: Vec<(String, String)>,
    pub(crate) targets: Vec<(String, String)>,
    /// How it moves; absent: all nodes at once.
    pub(crate) plan: Option<PlanView>,
    pub(crate) standing: Standing,
    /// Its latest rollouts.
    pub(crate) rollouts: Vec<RolloutRow>,
    pub(crate) has_more_rollouts: bool,
    pub(crate) pins: Vec<PinRow>,
    pub(crate) has_more_pins: bool,
    pub(crate) commands: Commands,
    /// How many nodes stop it when it is taken away.
    pub(crate) touched: String,
}

/// What does the same on a command line.
#[derive(Debug)]
pub(crate) struct Commands {
    pub(crate) deploy: String,
    pub(crate) show: String,
    pub(crate) undeploy: String,
    pub(crate) start: String,
    pub(crate) pin: String,
}

/// Where its nodes stand.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) online: String,
    pub(crate) pinned: String,
    pub(crate) elsewhere: u64,
    /// Versions with how many nodes run each.
    pub(crate) versions: Vec<(String, String)>,
}

/// A pin.
#[derive(Debug)]
pub(crate) struct PinRow {
    pub(crate) node: String,
    pub(crate) version: String,
    pub(crate) reason: String,
    pub(crate) set: Moment,
    pub(crate) set_by: String,
}

/// What a page of one deployment is made of.
pub(crate) struct Known {
    pub(crate) deployment: Deployment,
    pub(crate) census: Census,
    pub(crate) rollouts: Vec<RolloutRow>,
    pub(crate) has_more_rollouts: bool,
    pub(crate) pins: Vec<Pin>,
    pub(crate) has_more_pins: bool,
}

impl DeploymentRow {
    /// Of a deployment as it is now.
    pub(crate) fn of(deployment: &Deployment, now_ms: u64) -> Self {
        let spec = &deployment.spec;
        let (gives, void) = match &deployment.release {
            DeploymentState::Active { version, .. } => (Some(version.clone()), None),
            DeploymentState::Void { reason } => (None, Some(reason.clone())),
        };
        Self {
            name: deployment.deployment.clone(),
            payload: spec.payload.clone(),
            instance: spec.instance.clone().unwrap_or_default(),
            source: match &spec.source {
                Source::Version(version) => format!("version {version}"),
                Source::Channel(channel) => format!("channel {channel}"),
            },
            selector: spec.selector.clone(),
            gives,
            void,
            nodes: grouped(deployment.nodes),
            running: grouped(deployment.running),
            refused: deployment.refused,
            rollout: deployment.rollout,
            changed: moment(deployment.changed_ms, now_ms),
        }
    }
}

impl DeploymentPage {
    /// Of all that is known of one.
    pub(crate) fn of(frame: Frame, known: Known, now_ms: u64) -> Self {
        let Known {
            deployment,
            census,
            rollouts,
            has_more_rollouts,
            pins,
            has_more_pins,
        } = known;
        let spec = &deployment.spec;
        let globals = spec.globals.iter();
        let targets = spec.targets.iter();
        Self {
            frame,
            digest: match &deployment.release {
                DeploymentState::Active { digest, .. } => Some(digest.clone()),
                DeploymentState::Void { .. } => None,
            },
            created: moment(deployment.created_ms, now_ms),
            globals: globals
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
            targets: targets
                .map(|(program, target)| (program.clone(), target.clone()))
                .collect(),
            plan: spec.rollout.as_ref().map(PlanView::of),
            standing: standing(&census),
            rollouts,
            has_more_rollouts,
            pins: pins
                .into_iter()
                .map(|pin| PinRow::of(pin, now_ms))
                .collect(),
            has_more_pins,
            commands: Commands::of(&deployment),
            touched: nodes_text(running_any(&census)),
            row: DeploymentRow::of(&deployment, now_ms),
        }
    }
}

impl Commands {
    fn of(deployment: &Deployment) -> Self {
        let name = &deployment.deployment;
        Self {
            deploy: command::deploy(name, &deployment.spec),
            show: format!("packer deployments {name}"),
            undeploy: format!("packer undeploy {name}"),
            start: format!("packer rollout start {name} --version VERSION --watch"),
            pin: format!("packer pin {name} NODE --reason WHY"),
        }
    }
}

/// Nodes that run any version of it, also one before that which it gives.
fn running_any(census: &Census) -> u64 {
    let told = census.versions.iter();
    let some = told.filter(|(version, _)| version.is_some());
    some.map(|(_, count)| count).sum::<u64>() + census.versions_more
}

fn standing(census: &Census) -> Standing {
    let told = census.versions.iter();
    let mut versions: Vec<(&Option<String>, u64)> =
        told.map(|(version, count)| (version, *count)).collect();
    versions.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut versions: Vec<(String, String)> = versions
        .into_iter()
        .map(|(version, count)| {
            let version = version.clone().unwrap_or_else(|| "nothing".to_owned());
            (version, grouped(count))
        })
        .collect();
    if census.versions_more > 0 {
        versions.push(("other versions".to_owned(), grouped(census.versions_more)));
    }
    Standing {
        online: grouped(census.online),
        pinned: grouped(census.pinned),
        elsewhere: census.elsewhere,
        versions,
    }
}

impl PinRow {
    fn of(pin: Pin, now_ms: u64) -> Self {
        Self {
            node: pin.node,
            version: pin.version,
            reason: pin.reason,
            set: moment(pin.set_ms, now_ms),
            set_by: pin.set_by,
        }
    }
}

//! Why a node runs what it runs, and when that will change, in sentences. Called by the explain
//! route. Must never say what the plan does not: it only puts words to it.

mod moves;

use std::collections::{BTreeMap, BTreeSet};

use api::registry::{
    DESIRED_BYTES_MAX, Explanation, INSTANCES_MAX, InstanceReport, Outcome, OutcomeKind,
    ReleaseState, Source, Wanted,
};

use super::super::moving::MarksByRollout;
use super::super::refusals::is_refusal;
use super::{Claim, Plan, Standing, Verdict};

/// What is known about the node beside its plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// What it said last that it runs.
    pub(crate) running: &'a [InstanceReport],
    /// The latest outcome of each instance.
    pub(crate) latest: &'a [Outcome],
    /// Whether it was heard lately.
    pub(crate) online: bool,
    /// How often it asks, milliseconds.
    pub(crate) poll_ms: u64,
    /// Its name.
    pub(crate) node: &'a str,
    /// What it told of rollouts.
    pub(crate) marks: &'a MarksByRollout,
    /// Now, milliseconds since 1970.
    pub(crate) now_ms: u64,
}

/// One explanation for each instance that the node runs or that a deployment names, by name.
pub(crate) fn explain(plan: &Plan, circumstances: Circumstances<'_>) -> Vec<Explanation> {
    let wanted: BTreeMap<String, Wanted> = plan
        .wanted()
        .into_iter()
        .map(|wanted| (wanted.instance.clone(), wanted))
        .collect();
    let claimed = plan
        .claims
        .iter()
        .map(|claim| claim.standing.instance.as_str());
    let running = circumstances
        .running
        .iter()
        .map(|report| report.instance.as_str());
    let instances: BTreeSet<&str> = claimed.chain(running).collect();
    let explained = instances.into_iter().map(|instance| {
        let running = circumstances
            .running
            .iter()
            .find(|one| one.instance == instance);
        let latest = circumstances
            .latest
            .iter()
            .find(|one| one.instance == instance);
        let claims = plan
            .claims
            .iter()
            .filter(|claim| claim.standing.instance == instance);
        let wanted = wanted.get(instance).cloned();
        let mut because: Vec<String> = claims
            .flat_map(|claim| sentences(claim, circumstances))
            .collect();
        let obstacle = latest.filter(|latest| {
            let wanted = wanted.as_ref();
            wanted.is_some_and(|wanted| wanted.digest == latest.digest)
        });
        let refused = obstacle.is_some_and(|latest| is_refusal(latest.kind));
        because.extend(state(wanted.as_ref(), running, refused, circumstances));
        because.extend(obstacle.zip(wanted.as_ref()).and_then(in_the_way));
        Explanation {
            instance: instance.to_owned(),
            wanted,
            running: running.cloned(),
            latest: latest.cloned(),
            because,
        }
    });
    explained.collect()
}

/// What one deployment has to do with it.
fn sentences(claim: &Claim, circumstances: Circumstances<'_>) -> Vec<String> {
    let Standing {
        deployment, spec, ..
    } = &*claim.standing;
    let (payload, selector) = (&spec.payload, &claim.standing.selector);
    let source = match &spec.source {
        Source::Version(version) => format!("names version {version} of {payload}"),
        Source::Channel(channel) => format!("follows the channel {channel} of {payload}"),
    };
    let mut said = vec![format!(
        "Deployment {deployment} is for `{selector}`, which holds for this node, and {source}."
    )];
    match &claim.verdict {
        Verdict::Wins(offer) => {
            let version = &offer.version;
            said.extend(aim(&claim.standing));
            said.extend(moves::sentences(claim, circumstances));
            if offer.state == ReleaseState::Yanked {
                said.push(format!(
                    "{version} is yanked{}; deployments that use it keep it.",
                    because_of(&offer.reason)
                ));
            }
            if offer.envelope.is_none() {
                said.push(format!(
                    "{version} is unsigned; only a node that allows that runs it."
                ));
            }
        }
        Verdict::Void(void) => {
            said.push(format!("It gives nothing: {void}."));
            said.extend(moves::sentences(claim, circumstances));
        }
        Verdict::Loses { to } => {
            said.push(format!("Deployment {to} is older and has this instance."));
        }
        Verdict::Crowded => said.push(format!(
            "It gives nothing here: older deployments want as much as a node may have already, \
             {INSTANCES_MAX} instances or {DESIRED_BYTES_MAX} bytes of envelopes and settings."
        )),
    }
    said
}

/// What the channel names.
fn aim(standing: &Standing) -> Option<String> {
    match (&standing.spec.source, &standing.aim) {
        (Source::Channel(_), Ok(offer)) => {
            Some(format!("That channel names {} now.", offer.version))
        }
        (Source::Channel(_), Err(void)) => Some(format!("That channel gives nothing: {void}.")),
        (Source::Version(_), _) => None,
    }
}

fn because_of(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(" ({reason})")
    }
}

/// How what runs and what should run stand to each other, and when that changes: not by itself,
/// where the node refused it.
fn state(
    wanted: Option<&Wanted>,
    running: Option<&InstanceReport>,
    refused: bool,
    circumstances: Circumstances<'_>,
) -> Vec<String> {
    let change = match (wanted, running) {
        (None, None) => return Vec::new(),
        (Some(wanted), Some(running)) if running.digest == wanted.digest && running.managed => {
            return vec!["The node runs it.".to_owned()];
        }
        (None, Some(running)) if !running.managed => {
            return vec![
                "Somebody on the node started it; the registry leaves it alone.".to_owned(),
            ];
        }
        (Some(wanted), Some(running)) if !running.managed => format!(
            "Somebody on the node started {} under this name, in the place of {}.",
            running.payload, wanted.version
        ),
        (Some(_), Some(running)) if refused => {
            let version = running.version.as_deref().unwrap_or(&running.digest);
            return vec![format!("The node runs {version}, and goes on with it.")];
        }
        (Some(_), None) if refused => return vec!["The node does not run it.".to_owned()],
        (Some(wanted), Some(running)) => format!(
            "The node runs {}; {} takes its place.",
            running.version.as_deref().unwrap_or(&running.digest),
            wanted.version
        ),
        (Some(wanted), None) => format!("The node does not run it yet; {} starts.", wanted.version),
        (None, Some(running)) => format!(
            "The node still runs {} and stops it.",
            running.version.as_deref().unwrap_or(&running.digest)
        ),
    };
    let when = if circumstances.online {
        let seconds = circumstances.poll_ms.div_ceil(1000);
        format!("It asks what to run when the doorbell rings, and every {seconds} s.")
    } else {
        "It was not heard within three of its poll intervals: it acts when it is back.".to_owned()
    };
    vec![change, when]
}

/// What is in the way of the file that should run.
fn in_the_way((latest, wanted): (&Outcome, &Wanted)) -> Option<String> {
    let reason = match latest.kind {
        OutcomeKind::Started
        | OutcomeKind::Updated
        | OutcomeKind::Staged
        | OutcomeKind::Committed
        | OutcomeKind::Stopped => return None,
        OutcomeKind::RolledBack => "went back from it, because it failed its watch",
        OutcomeKind::FetchFailed => "could not fetch it and tries again",
        OutcomeKind::SignatureRejected => "does not trust its signatures",
        OutcomeKind::BelowFloor => "has a floor that is above it",
        OutcomeKind::PolicyRefused => "has a policy that refuses it",
        OutcomeKind::Incompatible => "can't run its format or architecture",
        OutcomeKind::LoadRejected => "could not load it",
        OutcomeKind::Failed => "failed to start it and tries again",
    };
    let version = &wanted.version;
    let detail = latest
        .problem
        .as_ref()
        .map_or(String::new(), |problem| format!(": {problem}"));
    if is_refusal(latest.kind) {
        return Some(format!("The node refused {version}: it {reason}{detail}."));
    }
    Some(format!("The node {reason} ({version}){detail}."))
}

//! What nodes say, where a test speaks for them.

use api::client::registry::{RegistryClient, Settings};
use api::node::{InstanceState, Trust};
use api::registry::{
    Facts, InstanceCounts, InstanceReport, Outcome, OutcomeKind, SinceFlip, Wanted,
};

use super::stage::Stage;

/// Calls of the registry, with this token or credential.
pub(crate) fn client(stage: &Stage, bearer: &str) -> RegistryClient {
    RegistryClient::new(Settings {
        url: stage.url(),
        bearer: Some(bearer),
        ca_pem: None,
        allow_plain: false,
    })
    .unwrap()
}

/// What a node with this kernel is.
pub(crate) fn facts(kernel: &str) -> Facts {
    Facts {
        kernel: kernel.to_owned(),
        arch: "x86_64".to_owned(),
        btf: true,
        os: "Debian 12".to_owned(),
        cpus: 4,
        version: "0.1.0".to_owned(),
        labels: [("rack".to_owned(), "7".to_owned())].into(),
        shares_events: true,
    }
}

/// It runs what it should, and its watch is over.
pub(crate) fn runs(wanted: &Wanted) -> InstanceReport {
    InstanceReport {
        instance: wanted.instance.clone(),
        payload: wanted.payload.clone(),
        version: Some(wanted.version.clone()),
        digest: wanted.digest.clone(),
        generation: 1,
        state: InstanceState::Running,
        trust: Trust::Signed,
        managed: true,
        started_ms: 0,
        counts: InstanceCounts {
            accepted: 1234,
            ..InstanceCounts::default()
        },
        watched: false,
        since_flip: SinceFlip::default(),
    }
}

/// The first thing that happened to what it should run, or stage.
pub(crate) fn outcome(wanted: &Wanted, kind: OutcomeKind) -> Outcome {
    Outcome {
        serial: 1,
        at_ms: 0,
        instance: wanted.instance.clone(),
        kind,
        payload: wanted.payload.clone(),
        version: Some(wanted.version.clone()),
        digest: wanted.digest.clone(),
        proof: None,
        problem: None,
        rollout: wanted.rollout.map(|by| by.id),
        staging: false,
    }
}

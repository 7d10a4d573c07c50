//! What a simulated node tells: as much as a real one does after an update of `bpf/execsnoop`.
//! Called by the nodes. Must never be smaller than what a real node sends.

use api::node::{
    GenerationId, HandlerProof, HookProof, InstanceState, MapProof, Measured, Proof, RingProof,
    Steps, Trust,
};
use api::registry::{
    Facts, InstanceCounts, InstanceReport, Outcome, OutcomeKind, Reports, SinceFlip, Wanted,
};

/// When everything happens: the bench measures with another clock, milliseconds since 1970.
const AT_MS: u64 = 1_767_225_600_000;

/// What every node says of itself.
pub(crate) fn facts() -> Facts {
    Facts {
        kernel: "6.1.0-18-cloud-amd64".to_owned(),
        arch: "x86_64".to_owned(),
        btf: true,
        os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        cpus: 8,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        labels: [("env", "prod"), ("region", "eu-1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        shares_events: false,
    }
}

/// A report of a node that runs this, of its generation.
pub(crate) fn reports(wanted: &Wanted, generation: u64, outcomes: Vec<Outcome>) -> Reports {
    Reports {
        facts: facts(),
        instances: vec![instance(wanted, generation)],
        outcomes,
    }
}

/// That a node runs what it should, since a moment ago; `generation` counts its updates.
pub(crate) fn runs(wanted: &Wanted, serial: u64, generation: u64) -> Outcome {
    Outcome {
        kind: if generation == 1 {
            OutcomeKind::Started
        } else {
            OutcomeKind::Updated
        },
        proof: Some(Box::new(proof(wanted, generation))),
        ..outcome(wanted, serial)
    }
}

/// That its kernel took what it is to stage.
pub(crate) fn staged(wanted: &Wanted, serial: u64) -> Outcome {
    Outcome {
        staging: true,
        ..outcome(wanted, serial)
    }
}

fn outcome(wanted: &Wanted, serial: u64) -> Outcome {
    Outcome {
        serial,
        at_ms: AT_MS,
        instance: wanted.instance.clone(),
        kind: OutcomeKind::Staged,
        payload: wanted.payload.clone(),
        version: Some(wanted.version.clone()),
        digest: wanted.digest.clone(),
        rollout: wanted.rollout.map(|rollout| rollout.id),
        staging: false,
        proof: None,
        problem: None,
    }
}

fn instance(wanted: &Wanted, generation: u64) -> InstanceReport {
    InstanceReport {
        instance: wanted.instance.clone(),
        payload: wanted.payload.clone(),
        version: Some(wanted.version.clone()),
        digest: wanted.digest.clone(),
        generation,
        state: InstanceState::Running,
        trust: Trust::Signed,
        managed: true,
        started_ms: AT_MS,
        counts: InstanceCounts {
            accepted: 12_345,
            decoded: 12_345,
            malformed: 0,
            kernel_lost: Measured::Known(0),
        },
        watched: true,
        since_flip: SinceFlip::default(),
    }
}

fn proof(wanted: &Wanted, generation: u64) -> Proof {
    let id = |generation| GenerationId {
        generation,
        digest: wanted.digest.clone(),
        version: Some(wanted.version.clone()),
    };
    Proof {
        instance: wanted.instance.clone(),
        from: (generation > 1).then(|| id(generation - 1)),
        to: id(generation),
        at_us: AT_MS * 1000,
        steps: Steps {
            decode_us: 431,
            open_us: 2_200,
            verify_us: 3_100,
            arm_us: 95,
            flip_ns: 310,
            grace_us: 8_200,
            drain_us: 55,
            pause_us: 61,
            ..Steps::default()
        },
        hooks: ["sys_enter_execve", "sys_exit_execve"].map(hook).into(),
        maps: ["start", "events", "events_lost", ".rodata"]
            .map(map)
            .into(),
        handler: Some(HandlerProof {
            state: "carried".to_owned(),
            reason: None,
            alone: false,
        }),
        rings: vec![RingProof {
            map: "events".to_owned(),
            size_bytes: 1 << 18,
            high_water_bytes: 4096,
            needed_bytes: Some(65_536),
        }],
        events_before: 12_345,
        drained: 17,
        falls_through: 0,
        lost: Measured::Known(0),
        room: None,
        duplicated: Measured::Known(0),
        rolled_back: None,
    }
}

fn hook(program: &str) -> HookProof {
    HookProof {
        program: program.to_owned(),
        kind: "tracepoint".to_owned(),
        target: format!("syscalls/{program}"),
        strategy: "switch".to_owned(),
        change: "kept".to_owned(),
    }
}

fn map(map: &str) -> MapProof {
    MapProof {
        map: map.to_owned(),
        hand_over: "shared".to_owned(),
        migrated: None,
        reason: None,
    }
}

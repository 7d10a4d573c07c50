//! Rollouts for the tests of what shows them.
//! Must never be used by anything else.

use std::collections::BTreeMap;

use api::registry::{
    Compared, FailureGroup, KernelOutcome, OutcomeKind, Reach, Rollout, RolloutCounts,
    RolloutDetail, RolloutPhase, RolloutPlan,
};

/// The time in them, milliseconds since 1970.
pub(super) const NOW_MS: u64 = 1_000_000;

fn counts(nodes: u64, committed: u64, live: u64, offered: u64, staged: u64) -> RolloutCounts {
    RolloutCounts {
        nodes,
        online: nodes,
        committed,
        live,
        offered,
        staged,
        ..RolloutCounts::default()
    }
}

/// One that bakes its second wave.
pub(super) fn detail() -> RolloutDetail {
    let mut plan = RolloutPlan::default();
    plan.waves[0].reach = Reach::Nodes(1);
    let figure = |figure: &str, new, others, passes| Compared {
        figure: figure.to_owned(),
        new,
        others,
        new_samples: 1_200,
        others_samples: 9_000,
        passes,
    };
    RolloutDetail {
        rollout: Rollout {
            rollout: 12,
            deployment: "execsnoop".to_owned(),
            payload: "acme/execsnoop".to_owned(),
            from: Some("1.0.0".to_owned()),
            to: "1.1.0".to_owned(),
            digest: format!("sha256:{}", "0".repeat(64)),
            phase: RolloutPhase::Baking,
            since_ms: NOW_MS - 34_000,
            paused: None,
            wave: 2,
            waves: 4,
            because: "wave 2 runs it and is watched".to_owned(),
            counts: RolloutCounts {
                online: 198,
                ..counts(200, 6, 5, 4, 185)
            },
            created_ms: NOW_MS - 180_000,
            created_by: "alice".to_owned(),
            changed_ms: NOW_MS - 34_000,
            revision: 5,
        },
        plan,
        salt: "execsnoop/1.1.0".to_owned(),
        waves: vec![
            counts(1, 1, 0, 0, 0),
            counts(19, 5, 5, 4, 5),
            counts(80, 0, 0, 0, 80),
            counts(100, 0, 0, 0, 100),
        ],
        preflight: vec![
            outcome("5.10.0-28-amd64", Some(OutcomeKind::Staged), 20),
            outcome("6.1.0-18-amd64", Some(OutcomeKind::Staged), 180),
        ],
        failures: Vec::new(),
        compared: vec![
            figure("lost_ppm", 0.0, 0.0, Some(true)),
            figure("run_ns", 812.34, 790.5, Some(true)),
        ],
        timeline: Vec::new(),
    }
}

fn outcome(kernel: &str, outcome: Option<OutcomeKind>, nodes: u64) -> KernelOutcome {
    KernelOutcome {
        kernel: kernel.to_owned(),
        outcome,
        nodes,
    }
}

/// One whose preflight a kernel rejects.
pub(super) fn rejecting() -> RolloutDetail {
    let mut detail = detail();
    let rollout = &mut detail.rollout;
    rollout.phase = RolloutPhase::Preflight;
    rollout.wave = 0;
    rollout.because = "every node loads and verifies the release, and none runs it".to_owned();
    rollout.counts = RolloutCounts {
        outside: 3,
        failed: 2,
        ..counts(20, 0, 0, 0, 15)
    };
    detail.waves = vec![
        RolloutCounts::default(),
        RolloutCounts {
            failed: 1,
            ..counts(4, 0, 0, 0, 3)
        },
        RolloutCounts {
            outside: 3,
            ..counts(8, 0, 0, 0, 5)
        },
        RolloutCounts {
            failed: 1,
            ..counts(8, 0, 0, 0, 7)
        },
    ];
    detail.preflight = vec![
        outcome("6.1.0-18-amd64", None, 3),
        outcome("6.1.0-18-amd64", Some(OutcomeKind::Staged), 12),
        outcome("5.10.0-28-amd64", Some(OutcomeKind::Staged), 3),
        outcome("5.10.0-28-amd64", Some(OutcomeKind::LoadRejected), 2),
    ];
    detail.failures = vec![FailureGroup {
        kind: OutcomeKind::LoadRejected,
        because: "the kernel says no: program on_exec".to_owned(),
        log: Some(
            "1: ok\n2: ok\n\n3: R1=ctx()\n4: (61) r0\ninvalid mem access\u{1b}[2J\n".to_owned(),
        ),
        staging: true,
        kernels: BTreeMap::from([("5.10.0-28-amd64".to_owned(), 2)]),
        nodes: vec!["web-1".to_owned(), "web-7".to_owned()],
    }];
    detail
}

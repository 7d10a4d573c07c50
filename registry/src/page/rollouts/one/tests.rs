//! Sentences about gates and waves.

use std::collections::BTreeMap;

use api::registry::{Rollout, RolloutCounts, RolloutPlan};
use rollout::RUN_NS;

use super::*;
use crate::page::rollouts::Action;
use crate::rollouts::Press;

fn detail(phase: RolloutPhase, wave: u32, compared: Vec<Compared>) -> RolloutDetail {
    let plan = RolloutPlan::default();
    RolloutDetail {
        rollout: Rollout {
            rollout: 7,
            deployment: "d".into(),
            payload: "acme/a".into(),
            from: Some("1.0.0".into()),
            to: "1.1.0".into(),
            digest: "sha256:0".into(),
            phase,
            since_ms: 0,
            paused: None,
            wave,
            waves: 4,
            because: String::new(),
            counts: RolloutCounts::default(),
            created_ms: 0,
            created_by: "me".into(),
            changed_ms: 0,
            revision: 1,
        },
        waves: vec![RolloutCounts::default(); plan.waves.len()],
        plan,
        salt: String::new(),
        preflight: Vec::new(),
        failures: Vec::new(),
        compared,
        timeline: Vec::new(),
    }
}

fn run_time(new: f64, samples: u64, passes: Option<bool>) -> Compared {
    Compared {
        figure: RUN_NS.to_owned(),
        new,
        others: 10_000.0,
        new_samples: samples,
        others_samples: 9_000,
        passes,
    }
}

#[test]
fn a_gate_that_fails_says_by_which_figure_and_what_was_allowed() {
    let detail = detail(
        RolloutPhase::Gate,
        1,
        vec![
            run_time(1.0, 1_000, Some(true)),
            run_time(100_000.0, 1_000, Some(false)),
        ],
    );
    assert_eq!(
        verdict(&detail),
        "The gate would fail. Time of a run: 100.00 µs on nodes with 1.1.0, 10.00 µs on the others, \
         and at most 30.00 µs is allowed."
    );
}

#[test]
fn a_gate_with_too_few_samples_is_not_good() {
    let detail = detail(RolloutPhase::Gate, 1, vec![run_time(1.0, 5, None)]);
    let said = verdict(&detail);
    assert!(said.starts_with("The gate can't be decided yet."), "{said}");
    assert!(
        said.contains("from 5 and 9\u{202f}000 samples where 100 are needed"),
        "{said}"
    );
    assert_eq!(figure(&detail.compared[0], &detail).says, "too few samples");
}

#[test]
fn a_gate_passes_by_all_of_its_figures() {
    let passing = vec![run_time(1.0, 1_000, Some(true)); 3];
    assert_eq!(
        verdict(&detail(RolloutPhase::Baking, 1, passing)),
        "The gate would pass: all 3 figures are within their bounds."
    );
    assert!(verdict(&detail(RolloutPhase::Preflight, 0, Vec::new())).starts_with("No node runs"));
    assert!(verdict(&detail(RolloutPhase::Succeeded, 4, Vec::new())).starts_with("It has ended"));
}

#[test]
fn each_wave_stands_somewhere() {
    let words = |phase, wave| -> Vec<String> {
        let detail = detail(phase, wave, Vec::new());
        (1..=4).map(|number| stands(&detail, number)).collect()
    };
    assert_eq!(
        words(RolloutPhase::Baking, 2),
        ["passed", "baking", "to come", "to come"]
    );
    assert_eq!(words(RolloutPhase::Succeeded, 4), ["passed"; 4]);
    assert_eq!(words(RolloutPhase::Preflight, 0), ["to come"; 4]);
    assert_eq!(
        words(RolloutPhase::Aborted, 2),
        ["passed", "stopped", "never began", "never began"]
    );
    assert_eq!(
        words(RolloutPhase::RolledBack, 1),
        ["taken back", "never began", "never began", "never began"]
    );
}

#[test]
fn what_a_node_says_acts_on_nobody() {
    let group = FailureGroup {
        kind: OutcomeKind::LoadRejected,
        because: "\u{1b}[2J<b>".into(),
        log: Some("a\0b".into()),
        staging: true,
        kernels: BTreeMap::from([("6.1".to_owned(), 20)]),
        nodes: vec!["n".to_owned(); 16],
    };
    let failure = Failure::of(&group);
    assert_eq!(failure.because, "\\u{1b}[2J<b>");
    assert_eq!(failure.log.as_deref(), Some("a\\u{0}b"));
    assert_eq!((failure.count.as_str(), failure.more), ("20 nodes", 4));
}

#[test]
fn nodes_that_were_told_wait_where_nothing_goes_on_and_go_back() {
    let mut detail = detail(RolloutPhase::Deploying, 1, Vec::new());
    detail.rollout.counts = RolloutCounts {
        nodes: 11,
        outside: 1,
        staged: 5,
        offered: 3,
        live: 1,
        committed: 1,
        ..RolloutCounts::default()
    };
    let all = [Press::Pause, Press::Resume, Press::RollBack, Press::Abort];
    let actions = Action::all(&detail, &all);
    let says: Vec<&str> = actions.iter().map(|action| action.says.as_str()).collect();
    let wanted = [
        "Pause, 9 nodes wait",
        "Resume for 9 nodes",
        "Roll back 5 nodes",
        "Abort, 2 nodes keep 1.1.0",
    ];
    assert_eq!(says, wanted);
    assert_eq!(
        actions[3].ask.as_deref(),
        Some("End this rollout? 2 nodes keep 1.1.0, 9 nodes are not reached any more.")
    );
}

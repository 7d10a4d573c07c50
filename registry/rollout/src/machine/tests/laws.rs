//! Laws under nodes, inputs and times drawn at random, no time being too large.

use proptest::prelude::*;

use super::*;
use crate::compare::Sample;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn seen(name: &'static str) -> impl Strategy<Value = Seen<'static>> {
    let staged = prop_oneof![
        1 => Just(Staged::NotYet),
        6 => Just(Staged::Passed),
        1 => Just(Staged::Incompatible),
        1 => Just(Staged::Untrusted),
        1 => Just(Staged::Refused),
    ];
    let runs = prop_oneof![
        2 => Just(Runs::Other),
        1 => Just(Runs::Watched),
        6 => Just(Runs::Committed),
        1 => Just(Runs::Failed),
    ];
    let time = prop_oneof![4 => 0..2_000_000_u64, 1 => Just(u64::MAX)];
    let sample = (
        any::<u64>(),
        any::<Option<u64>>(),
        0..2_u64,
        any::<u64>(),
        any::<u64>(),
    );
    let parts = (
        any::<bool>(),
        time.clone(),
        proptest::option::of(time),
        staged,
        runs,
    );
    (parts, proptest::option::of(sample)).prop_map(
        move |((online, heard_ms, joined_ms, staged, runs), sample)| Seen {
            online,
            heard_ms,
            joined_ms,
            staged,
            runs,
            sample: sample.map(|(accepted, lost, faults, runs, run_ns)| Sample {
                accepted,
                lost,
                faults,
                runs,
                run_ns,
            }),
            ..node(name)
        },
    )
}

fn input() -> impl Strategy<Value = Input> {
    let because = || "somebody said so".to_owned();
    prop_oneof![
        12 => Just(Input::Tick),
        1 => Just(Input::Started),
        1 => Just(Input::Pause { because: because() }),
        2 => Just(Input::Resume),
        2 => Just(Input::Promote),
        1 => Just(Input::Abort),
        1 => Just(Input::RollBack { because: because() }),
        1 => Just(Input::Supersede { by: because() }),
    ]
}

fn drawn_plan() -> impl Strategy<Value = RolloutPlan> {
    let reaches = prop_oneof![
        1 => Just(vec![Reach::Percent(100)]),
        1 => Just(vec![
            Reach::Nodes(2),
            Reach::Percent(50),
            Reach::Percent(100)
        ]),
    ];
    let on_failure = prop_oneof![
        Just(OnFailure::All),
        Just(OnFailure::Wave),
        Just(OnFailure::Pause)
    ];
    let flip = proptest::option::of(prop_oneof![0..2_000_000_u64, Just(u64::MAX)]);
    (reaches, 0..3_u32, on_failure, flip, 0..2_u64).prop_map(
        |(reaches, failures_max, on_failure, flip_at_ms, bakes)| {
            let mut plan = plan(&reaches);
            plan.waves.iter_mut().for_each(|wave| wave.bake_ms *= bakes);
            plan.flip_at_ms = flip_at_ms.filter(|_| plan.waves.len() == 1);
            RolloutPlan {
                failures_max,
                on_failure,
                ..plan
            }
        },
    )
}

/// Nodes, what is asked, and how much later.
type Turn = (Vec<Seen<'static>>, Input, u64);

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let later_ms = prop_oneof![20 => 0..200_000_u64, 1 => Just(u64::MAX / 2)];
    let turn = (NAMES.map(seen), input(), later_ms)
        .prop_map(|(nodes, input, later_ms)| (nodes.to_vec(), input, later_ms));
    proptest::collection::vec(turn, 1..40)
}

fn obeys(plan: &RolloutPlan, turns: Vec<Turn>) -> Result<(), TestCaseError> {
    let (mut state, mut now_ms) = (State::new(0, None), 0_u64);
    for (nodes, input, later_ms) in turns {
        now_ms = now_ms.saturating_add(later_ms);
        let next = step(&state, plan, &nodes, input.clone(), now_ms);
        prop_assert_eq!(&next, &step(&state, plan, &nodes, input.clone(), now_ms));
        let kept: State = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        prop_assert_eq!(&kept, &state);
        let next = next.unwrap_or_else(|_| state.clone());
        let is_idle = state.paused.is_some() || state.phase.is_end();
        if is_idle && matches!(input, Input::Tick | Input::Started) {
            prop_assert_eq!(&next, &state);
        }
        prop_assert!(next.bound >= state.bound || next.phase == RolloutPhase::RollingBack);
        prop_assert!(next.wave() <= plan.waves.len() && !next.because.is_empty());
        prop_assert!(next.paused.is_none() || !next.phase.is_end());
        state = next;
        // By one look and one time it comes to rest: each wave has three phases.
        let mut rest = state.clone();
        let steps = (0..3 * plan.waves.len() + 4).take_while(|_| {
            let next = step(&rest, plan, &nodes, Input::Tick, now_ms).unwrap();
            std::mem::replace(&mut rest, next) != rest
        });
        prop_assert!(steps.count() < 3 * plan.waves.len() + 4, "{rest:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn steps_are_determined_kept_and_come_to_rest(plan in drawn_plan(), turns in turns()) {
        obeys(&plan, turns)?;
    }
}

//! Every state with every input: where it leads, or that it is refused.

use super::*;

const PHASES: [RolloutPhase; 12] = [
    RolloutPhase::Scheduled,
    RolloutPhase::Preflight,
    RolloutPhase::Deploying,
    RolloutPhase::Baking,
    RolloutPhase::Gate,
    RolloutPhase::RollingBack,
    RolloutPhase::Succeeded,
    RolloutPhase::Rejected,
    RolloutPhase::RolledBack,
    RolloutPhase::Incomplete,
    RolloutPhase::Aborted,
    RolloutPhase::Superseded,
];

/// Where each state is led by each input: `-` is refused, `=` changes nothing that is said here.
/// What has ended is never paused, nor are nodes that go back.
const TABLE: &str = "
state             | tick        | started | pause  | resume | promote     | abort   | roll back    | supersede
scheduled         | preflight   | =       | paused | -      | -           | aborted | rolling_back | superseded
preflight         | deploying 1 | =       | paused | -      | -           | aborted | rolling_back | superseded
deploying 1       | baking      | =       | paused | -      | -           | aborted | rolling_back | superseded
baking 1          | gate        | =       | paused | -      | deploying 2 | aborted | rolling_back | superseded
gate 1            | deploying 2 | =       | paused | -      | deploying 2 | aborted | rolling_back | superseded
rolling_back 1    | rolled_back | =       | -      | -      | -           | -       | -            | superseded
succeeded 1       | =           | =       | -      | -      | -           | -       | rolling_back | -
rejected          | =           | =       | -      | -      | -           | -       | -            | -
rolled_back 1     | =           | =       | -      | -      | -           | -       | -            | -
incomplete 1      | =           | =       | -      | -      | -           | -       | -            | -
aborted 1         | =           | =       | -      | -      | -           | -       | rolling_back | -
superseded 1      | =           | =       | -      | -      | -           | -       | -            | -
scheduled, paused | =           | =       | -      | goes   | -           | aborted | rolling_back | superseded
preflight, paused | =           | =       | -      | goes   | deploying 1 | aborted | rolling_back | superseded
deploying 1, paused | =         | =       | -      | goes   | deploying 2 | aborted | rolling_back | superseded
baking 1, paused  | =           | =       | -      | goes   | deploying 2 | aborted | rolling_back | superseded
gate 1, paused    | =           | =       | -      | goes   | deploying 2 | aborted | rolling_back | superseded
";

/// The rows of the table: a state, and where it is led.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let lines = TABLE.trim().lines().skip(1);
    let rows = lines.map(|line| {
        let mut cells = line.split('|').map(str::trim);
        (cells.next().unwrap(), cells.collect())
    });
    rows.collect()
}

/// What a cell stands for.
fn expected(state: &str, cell: &str) -> String {
    let wave = if state.contains('1') { " 1" } else { "" };
    match cell {
        "-" => "refused".to_owned(),
        "=" => state.to_owned(),
        "paused" => format!("{state}, paused"),
        "goes" => state.replace(", paused", ""),
        "deploying 1" | "deploying 2" | "preflight" => cell.to_owned(),
        _ => format!("{cell}{wave}"),
    }
}

/// A rollout in a phase, its nodes having done what that is for.
fn story_in(phase: RolloutPhase, paused: bool) -> Story {
    let mut story = Story::new(&[Reach::Nodes(2), Reach::Percent(100)]);
    match phase {
        RolloutPhase::Scheduled => story.state = State::new(0, None),
        RolloutPhase::Preflight | RolloutPhase::Rejected => {}
        RolloutPhase::Deploying | RolloutPhase::Baking | RolloutPhase::Gate => {
            story.tick();
            story.offered_run(Runs::Committed);
        }
        RolloutPhase::RollingBack
        | RolloutPhase::Succeeded
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => {
            story.tick();
            story.state.bound = NOWHERE;
        }
    }
    story.state.phase = phase;
    story.now_ms = BAKE_MS;
    if paused {
        story.state.pause(BAKE_MS, "somebody said so");
    }
    story
}

fn inputs() -> [Input; 8] {
    let because = || "it is bad".to_owned();
    [
        Input::Tick,
        Input::Started,
        Input::Pause { because: because() },
        Input::Resume,
        Input::Promote,
        Input::Abort,
        Input::RollBack { because: because() },
        Input::Supersede {
            by: "rollout 2".to_owned(),
        },
    ]
}

#[test]
fn every_state_meets_every_input_as_the_table_says() {
    let mut rows = rows().into_iter();
    let pausable = |phase: &RolloutPhase| PHASES[..5].contains(phase);
    let paused = PHASES
        .into_iter()
        .filter(pausable)
        .map(|phase| (phase, true));
    let states = PHASES.map(|phase| (phase, false)).into_iter().chain(paused);
    for (phase, paused) in states {
        let (state, cells) = rows.next().unwrap();
        assert_eq!(cells.len(), inputs().len(), "{state}");
        for (input, cell) in inputs().into_iter().zip(cells) {
            let mut story = story_in(phase, paused);
            assert_eq!(stands(&story.state), state);
            let before = story.state.clone();
            let found = story.ask(input.clone());
            assert_eq!(found, expected(state, cell), "{state}: {input:?}");
            assert!(cell != "-" || story.state == before);
            assert!(!story.state.because.is_empty());
        }
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn a_refusal_says_where_it_stands_and_what_would_have_to_be() {
    let mut story = story_in(RolloutPhase::Deploying, true);
    let again = Input::Pause {
        because: String::new(),
    };
    let refused = step(&story.state, &story.plan, &story.nodes, again, 0).unwrap_err();
    let said = "the rollout is deploying, paused: it is paused already";
    assert_eq!(refused.to_string(), said);
    story.state.end(RolloutPhase::Succeeded, 0, "it is done");
    let refused = step(&story.state, &story.plan, &story.nodes, Input::Abort, 0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the rollout is succeeded: it has ended"
    );
}

#[test]
fn a_wave_that_goes_back_may_be_made_all_that_goes_back() {
    let mut story = story_in(RolloutPhase::RollingBack, false);
    story.state.then = Then::Pause;
    assert!(
        story.state.is_staging(),
        "the next try need not stage again"
    );
    let because = "all of it is bad".to_owned();
    assert_eq!(story.ask(Input::RollBack { because }), "rolling_back 1");
    assert_eq!(story.state.then, Then::End);
    assert!(!story.state.is_staging());
}

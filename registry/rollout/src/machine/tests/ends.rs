//! How it ends where nobody can run it, nobody trusts it, or nobody is there.

use super::*;
use crate::seen::Stands;

const HALVES: [Reach; 2] = [Reach::Nodes(2), Reach::Percent(100)];

#[test]
fn nodes_without_trust_pause_it_until_somebody_bears_them() {
    let mut story = Story::new(&HALVES);
    story.plan.failures_max = 5;
    story.nodes[4].staged = Staged::Untrusted;
    assert_eq!(story.tick(), "preflight, paused");
    assert!(story.paused().contains("does not trust its signatures"));
    story.ask(Input::Resume);
    assert_eq!(story.tick(), "preflight, paused");
    assert_eq!(story.ask(Input::Promote), "deploying 1");
    story.offered_run(Runs::Watched);
    assert_eq!(story.tick(), "baking 1");
    story.nodes[3].runs = Runs::Untrusted;
    assert_eq!(story.tick(), "baking 1, paused");
}

#[test]
fn what_no_node_can_run_is_rejected() {
    for refused in [0, 1] {
        let mut story = Story::new(&HALVES);
        story.plan.failures_max = 1;
        story
            .nodes
            .iter_mut()
            .for_each(|one| one.staged = Staged::Incompatible);
        story.nodes[..refused]
            .iter_mut()
            .for_each(|one| one.staged = Staged::Refused);
        assert_eq!(story.tick(), "rejected");
        assert_eq!(story.state.because, "none of the 5 nodes can run it");
    }
}

#[test]
fn one_that_says_it_runs_it_makes_no_fleet() {
    let mut story = Story::new(&HALVES);
    for one in &mut story.nodes {
        (one.online, one.staged) = (false, Staged::NotYet);
    }
    story.nodes[0].runs = Runs::Committed;
    assert_eq!(story.tick_at(PREFLIGHT_MS), "preflight, paused");
}

#[test]
fn where_nobody_is_there_it_pauses_and_begins_once_somebody_is() {
    let mut story = Story::new(&HALVES);
    for one in &mut story.nodes {
        (one.online, one.staged) = (false, Staged::NotYet);
    }
    assert_eq!(story.tick_at(PREFLIGHT_MS - 1), "preflight");
    assert_eq!(story.tick_at(PREFLIGHT_MS), "preflight, paused");
    story.nodes[3].online = true;
    story.ask(Input::Resume);
    assert_eq!(story.tick(), "preflight", "answers are waited for anew");
    story.nodes[3].staged = Staged::Passed;
    assert_eq!(story.tick(), "deploying 1");
    assert_eq!(story.state.bound, story.nodes[3].place.bound());
}

#[test]
fn where_no_node_is_meant_it_succeeds() {
    let mut story = Story::new(&HALVES);
    story.nodes.clear();
    assert_eq!(story.tick(), "succeeded");
    let mut story = Story::deploying(&HALVES);
    story.nodes.clear();
    for expected in [
        "baking 1",
        "gate 1",
        "deploying 2",
        "baking 2",
        "gate 2",
        "succeeded 2",
    ] {
        story.now_ms += BAKE_MS;
        assert_eq!(story.tick(), expected);
    }
}

#[test]
fn nodes_have_their_time_to_go_back_and_who_does_not_is_named() {
    let mut story = Story::deploying(&HALVES);
    story.offered_run(Runs::Watched);
    let because = "it is bad".to_owned();
    story.ask(Input::RollBack { because });
    story.nodes[0].online = false;
    story.nodes[1].runs = Runs::Other;
    assert_eq!(story.tick_at(RETURN_MS - 1), "rolling_back 1");
    assert_eq!(story.tick_at(RETURN_MS), "incomplete 1");
    let name = story.nodes[0].node;
    assert_eq!(
        story.state.because,
        format!("it is bad; 1 node is not back: {name}")
    );
    assert_eq!(story.state.bound, NOWHERE);
}

#[test]
fn a_wave_whose_nodes_do_not_go_back_pauses_and_names_them() {
    let mut story = Story::deploying(&HALVES);
    story.plan.on_failure = OnFailure::Wave;
    story.nodes[0].runs = Runs::Failed;
    story.nodes[1].runs = Runs::Watched;
    assert_eq!(story.tick(), "rolling_back");
    assert_eq!(story.tick_at(RETURN_MS - 1), "rolling_back");
    assert_eq!(story.tick_at(RETURN_MS), "gate, paused");
    assert!(
        story
            .paused()
            .ends_with(&format!("1 node is not back: {}", story.nodes[1].node))
    );
}

#[test]
fn where_nothing_goes_on_only_what_runs_it_already_is_given_it() {
    let pause = Input::Pause {
        because: "somebody said so".to_owned(),
    };
    let by = "rollout 2".to_owned();
    for (input, goes_on) in [
        (pause, true),
        (Input::Abort, false),
        (Input::Supersede { by }, false),
    ] {
        let mut story = Story::deploying(&[Reach::Nodes(3), Reach::Percent(100)]);
        story.nodes[0].runs = Runs::Watched;
        let given = |story: &Story| {
            let nodes = story.nodes.iter();
            nodes
                .map(|one| one.is_given(&story.state))
                .collect::<Vec<_>>()
        };
        assert_eq!(given(&story), [true, true, true, false, false]);
        story.ask(input);
        assert_eq!(given(&story), [true, false, false, false, false]);
        assert_eq!(story.nodes[1].stands(&story.state), Stands::Staged);
        if goes_on {
            story.ask(Input::Resume);
            assert_eq!(given(&story), [true, true, true, false, false]);
        }
    }
}

#[test]
fn who_is_to_run_it_all_the_same_need_not_go_back() {
    let mut story = Story::baked(&[Reach::Nodes(2), Reach::Percent(100)]);
    let because = "it is bad".to_owned();
    assert_eq!(story.ask(Input::RollBack { because }), "rolling_back 1");
    story.nodes[0].keeps = true;
    assert_eq!(story.tick(), "rolling_back 1");
    story.nodes[1].runs = Runs::Other;
    assert_eq!(story.tick(), "rolled_back 1");
}

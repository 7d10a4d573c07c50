//! What a gate says, who may pass it, and flips at one time.

use super::*;
use crate::compare::Sample;

const HALVES: [Reach; 2] = [Reach::Nodes(2), Reach::Percent(100)];

fn measured(lost: u64) -> Sample {
    Sample {
        accepted: 1_000,
        lost: Some(lost),
        ..Sample::default()
    }
}

#[test]
fn figures_beyond_their_bounds_do_what_the_plan_says() {
    for (on_failure, expected) in [
        (OnFailure::All, "rolling_back 1"),
        (OnFailure::Wave, "rolling_back"),
        (OnFailure::Pause, "gate 1, paused"),
    ] {
        let mut story = Story::baked(&HALVES);
        story.plan.on_failure = on_failure;
        story
            .nodes
            .iter_mut()
            .for_each(|one| one.sample = Some(measured(0)));
        story.nodes[..2]
            .iter_mut()
            .for_each(|one| one.sample = Some(measured(100)));
        assert_eq!(story.tick(), "gate 1");
        assert_eq!(story.tick(), expected);
    }
}

#[test]
fn too_few_samples_are_waited_for_and_then_it_pauses() {
    let mut story = Story::baked(&HALVES);
    story.nodes[4].sample = Some(measured(0));
    story.tick();
    let gate_ms = story.now_ms;
    let wait_ms = story.plan.compare.wait_ms;
    assert_eq!(story.tick_at(gate_ms + wait_ms - 1), "gate 1");
    assert_eq!(story.tick_at(gate_ms + wait_ms), "gate 1, paused");
    assert!(story.paused().contains("can't be decided"));
    assert_eq!(story.ask(Input::Resume), "gate 1");
    assert_eq!(story.tick(), "gate 1", "they are waited for anew");
    story.nodes[0].sample = Some(measured(0));
    assert_eq!(story.tick(), "deploying 2");
}

#[test]
fn what_nobody_has_run_proves_nothing() {
    let mut story = Story::baked(&HALVES);
    story.plan.compare.wait_ms = 0;
    story.nodes[..2]
        .iter_mut()
        .for_each(|one| one.online = false);
    assert_eq!(story.tick(), "gate 1");
    assert_eq!(story.tick(), "gate 1, paused");
    assert!(story.paused().contains("no node that is online has run it"));
    // One that says so, and was never offered it, proves nothing either.
    story.nodes[4].runs = Runs::Committed;
    story.ask(Input::Resume);
    assert_eq!(story.tick(), "gate 1, paused");
    story.nodes[0].online = true;
    story.ask(Input::Resume);
    assert_eq!(story.tick(), "deploying 2");
}

#[test]
fn nodes_that_cannot_run_it_are_nobody_to_compare_with() {
    let mut story = Story::baked(&HALVES);
    story.nodes[..2]
        .iter_mut()
        .for_each(|one| one.sample = Some(measured(100)));
    for one in &mut story.nodes[2..] {
        (one.staged, one.sample) = (Staged::Incompatible, Some(measured(0)));
    }
    story.tick();
    assert_eq!(story.tick(), "deploying 2");
}

#[test]
fn approval_waits_for_somebody_and_still_sees_what_fails() {
    let mut story = Story::baked(&HALVES);
    story.plan.waves[0].approval = true;
    story.tick();
    assert_eq!(story.tick_at(u64::from(u32::MAX)), "gate 1");
    assert!(story.state.because.contains("waits for somebody"));
    assert_eq!(story.ask(Input::Promote), "deploying 2");
    let mut story = Story::baked(&HALVES);
    story.plan.waves[0].approval = true;
    story.tick();
    story.nodes[0].runs = Runs::Failed;
    assert_eq!(story.tick(), "rolling_back 1");
}

#[test]
fn a_wave_that_was_taken_back_is_tried_again_when_promoted_and_not_when_resumed() {
    let mut story = Story::baked(&[Reach::Nodes(1), Reach::Nodes(3), Reach::Percent(100)]);
    story.plan.on_failure = OnFailure::Wave;
    story.tick();
    assert_eq!(story.tick(), "deploying 2");
    let (first, second) = (story.state.bounds[0], story.state.bound);
    story.nodes[1].runs = Runs::Watched;
    story.nodes[2].runs = Runs::Failed;
    assert_eq!(story.tick(), "rolling_back 1");
    assert_eq!(story.state.bound, first, "the wave before stays");
    assert_eq!(story.tick(), "rolling_back 1", "one is not back");
    story.nodes[1].runs = Runs::Other;
    assert_eq!(story.tick(), "gate 1, paused");
    for _ in 0..2 {
        assert_eq!(story.ask(Input::Resume), "gate 1");
        assert_eq!(story.tick(), "gate 1, paused", "what failed is still so");
        assert!(
            story
                .paused()
                .starts_with("wave 2 failed: 1 node refused it")
        );
        assert_eq!(story.state.bound, first);
    }
    assert_eq!(story.ask(Input::Promote), "deploying 2");
    assert!(story.state.bound >= second && !story.state.taken_back);
    assert_eq!(story.state.borne, 1);
}

#[test]
fn a_first_wave_that_was_taken_back_begins_again_once_nothing_fails() {
    let mut story = Story::deploying(&HALVES);
    story.plan.on_failure = OnFailure::Wave;
    story.plan.waves[0].approval = true;
    story.nodes[0].runs = Runs::Failed;
    assert_eq!(story.tick(), "rolling_back");
    assert_eq!(story.tick(), "gate, paused");
    story.ask(Input::Resume);
    assert_eq!(story.tick(), "gate, paused");
    story.nodes[0].runs = Runs::Other;
    story.ask(Input::Resume);
    assert_eq!(story.tick(), "deploying 1");
}

#[test]
fn promote_bears_what_failed_or_is_late_and_not_what_is_under_way() {
    let mut story = Story::deploying(&HALVES);
    story.plan.on_failure = OnFailure::Pause;
    story.nodes[0].runs = Runs::Failed;
    assert_eq!(story.tick(), "deploying 1, paused");
    assert_eq!(story.ask(Input::Promote), "deploying 2");
    assert_eq!(story.state.borne, 1, "the other one has time");
    assert_eq!(story.tick(), "deploying 2");
    story.nodes[1].runs = Runs::Failed;
    assert_eq!(story.tick(), "deploying 2, paused");
    story.nodes[1].runs = Runs::Other;
    story.now_ms += DEADLINE_MS;
    story.ask(Input::Promote);
    assert_eq!(
        story.state.borne, 5,
        "one that failed, and four that are late"
    );
}

#[test]
fn all_at_one_time_is_not_before_it_and_nobody_is_late_before_it() {
    let flip_ms = 1_000_000;
    let mut story = Story::new(&[Reach::Percent(100)]);
    story.plan.flip_at_ms = Some(flip_ms);
    assert_eq!(story.tick(), "deploying 1");
    story.nodes[0].runs = Runs::Watched;
    assert_eq!(story.tick_at(flip_ms - 1), "deploying 1");
    story
        .nodes
        .iter_mut()
        .for_each(|one| one.runs = Runs::Watched);
    assert_eq!(
        story.tick(),
        "deploying 1",
        "one that says it early is not believed"
    );
    story.nodes[4].runs = Runs::Other;
    assert_eq!(story.tick_at(flip_ms + DEADLINE_MS - 1), "deploying 1");
    assert_eq!(story.tick_at(flip_ms + DEADLINE_MS), "rolling_back 1");
    for (now_ms, expected) in [(flip_ms - 1, "deploying 1"), (flip_ms, "rejected")] {
        let mut story = Story::new(&[Reach::Percent(100)]);
        story.plan.flip_at_ms = Some(flip_ms);
        assert_eq!(story.tick_at(now_ms), expected);
    }
}

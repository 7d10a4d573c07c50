//! Times and counts from both sides, and which nodes a wave reaches.

use super::*;

const HALVES: [Reach; 2] = [Reach::Nodes(2), Reach::Percent(100)];

#[test]
fn it_begins_at_its_time_and_a_pause_does_not_put_that_off() {
    let mut story = Story::new(&HALVES);
    story.state = State::new(0, Some(1_000));
    assert_eq!(story.tick_at(999), "scheduled");
    let because = "wait".to_owned();
    assert_eq!(story.ask(Input::Pause { because }), "scheduled, paused");
    story.now_ms = 1_500;
    assert_eq!(story.ask(Input::Resume), "scheduled");
    assert_eq!(story.tick(), "preflight");
    assert_eq!(story.state.wave_since_ms, 1_500);
}

#[test]
fn preflight_waits_for_every_node_that_is_there_until_its_deadline() {
    let mut story = Story::new(&HALVES);
    story.nodes[4].staged = Staged::NotYet;
    assert_eq!(story.tick_at(PREFLIGHT_MS - 1), "preflight");
    story.plan.failures_max = 1;
    assert_eq!(
        story.tick_at(PREFLIGHT_MS - 1),
        "preflight",
        "it may still answer"
    );
    assert_eq!(story.tick_at(PREFLIGHT_MS), "deploying 1", "one may fail");
    let mut story = Story::new(&HALVES);
    story.nodes[4].staged = Staged::NotYet;
    assert_eq!(story.tick_at(PREFLIGHT_MS), "rejected");
    assert_eq!(story.state.bound, NOWHERE);
    assert!(story.state.because.contains("1 node said nothing in time"));
    // One that is away is not waited for.
    let mut story = Story::new(&HALVES);
    story.nodes[4].staged = Staged::NotYet;
    story.nodes[4].online = false;
    assert_eq!(story.tick(), "deploying 1");
}

#[test]
fn as_many_may_fail_as_the_plan_says_and_no_more() {
    for (failures_max, refused, expected) in [
        (0, 0, "deploying 1"),
        (0, 1, "rejected"),
        (2, 2, "deploying 1"),
        (2, 3, "rejected"),
    ] {
        let mut story = Story::new(&HALVES);
        story.plan.failures_max = failures_max;
        story.nodes[..refused]
            .iter_mut()
            .for_each(|one| one.staged = Staged::Refused);
        assert_eq!(story.tick(), expected, "{refused} of {failures_max}");
    }
    for (failures_max, failed, expected) in [
        (0, 1, "rolling_back 1"),
        (1, 1, "baking 1"),
        (1, 2, "rolling_back 1"),
    ] {
        let mut story = Story::deploying(&HALVES);
        story.plan.failures_max = failures_max;
        story.offered_run(Runs::Watched);
        story.nodes[..failed]
            .iter_mut()
            .for_each(|one| one.runs = Runs::Failed);
        assert_eq!(story.tick(), expected, "{failed} of {failures_max}");
    }
}

#[test]
fn silent_and_failed_nodes_count_together() {
    let mut story = Story::deploying(&HALVES);
    story.plan.failures_max = 1;
    story.nodes[0].runs = Runs::Failed;
    assert_eq!(story.tick_at(DEADLINE_MS - 1), "deploying 1");
    assert_eq!(story.tick_at(DEADLINE_MS), "rolling_back 1");
    assert!(story.state.because.contains("said nothing in time"));
}

#[test]
fn nodes_have_until_the_deadline_to_take_it_over() {
    for (on_failure, expected) in [
        (OnFailure::All, "rolling_back 1"),
        (OnFailure::Wave, "rolling_back"),
        (OnFailure::Pause, "deploying 1, paused"),
    ] {
        let mut story = Story::deploying(&HALVES);
        story.plan.on_failure = on_failure;
        story.nodes[0].runs = Runs::Watched;
        assert_eq!(story.tick_at(DEADLINE_MS - 1), "deploying 1");
        assert_eq!(story.tick_at(DEADLINE_MS), expected);
        let name = story.nodes[1].node;
        let why = format!("wave 1 failed: 1 node said nothing in time: {name}");
        assert!(story.state.because == why || story.paused() == why);
    }
}

#[test]
fn it_bakes_its_time_and_waits_for_watches_that_are_not_over() {
    let mut story = Story::deploying(&HALVES);
    story.offered_run(Runs::Watched);
    assert_eq!(story.tick_at(1_000), "baking 1");
    story.offered_run(Runs::Committed);
    assert_eq!(story.tick_at(1_000 + BAKE_MS - 1), "baking 1");
    assert_eq!(story.tick_at(1_000 + BAKE_MS), "gate 1");
    let mut story = Story::deploying(&HALVES);
    story.offered_run(Runs::Watched);
    assert_eq!(story.tick(), "baking 1");
    story.nodes[0].runs = Runs::Committed;
    assert_eq!(story.tick_at(BAKE_MS + DEADLINE_MS - 1), "baking 1");
    assert_eq!(story.tick_at(BAKE_MS + DEADLINE_MS), "rolling_back 1");
}

#[test]
fn nodes_that_are_lost_in_a_wave_have_failed_and_those_away_before_are_left_out() {
    let mut story = Story::deploying(&HALVES);
    story.nodes[0].runs = Runs::Watched;
    (story.nodes[1].online, story.nodes[1].heard_ms) = (false, 0);
    story.state.wave_since_ms = 1;
    assert_eq!(story.tick_at(1), "baking 1", "it knows nothing of the wave");
    for runs in [Runs::Other, Runs::Watched] {
        let mut story = Story::deploying(&HALVES);
        story.nodes[0].runs = Runs::Committed;
        story.nodes[1].online = false;
        story.nodes[1].runs = runs;
        story.tick();
        // A pause hides nobody that was lost before.
        let because = "wait".to_owned();
        story.ask(Input::Pause { because });
        story.now_ms = 1_000_000;
        story.ask(Input::Resume);
        assert_eq!(
            story.tick_at(1_000_000 + BAKE_MS + DEADLINE_MS),
            "rolling_back 1"
        );
        assert!(story.state.because.contains(story.nodes[1].node));
    }
}

#[test]
fn one_that_comes_later_is_not_waited_for_and_has_its_own_time() {
    let mut story = Story::new(&HALVES);
    story.nodes[4].staged = Staged::NotYet;
    story.nodes[4].joined_ms = Some(PREFLIGHT_MS - 1);
    assert_eq!(story.tick_at(PREFLIGHT_MS), "deploying 1");
    let mut story = Story::deploying(&HALVES);
    story.nodes[0].runs = Runs::Watched;
    story.nodes[1].joined_ms = Some(5_000);
    assert_eq!(story.tick_at(5_000), "baking 1");
    story.nodes[0].runs = Runs::Committed;
    story.state.since_ms = 0;
    story.plan.waves[0].bake_ms = 0;
    let until_ms = 5_000 + DEADLINE_MS;
    let mut late = Story {
        state: story.state.clone(),
        plan: story.plan.clone(),
        nodes: story.nodes.clone(),
        now_ms: 0,
    };
    assert_eq!(story.tick_at(until_ms - 1), "gate 1");
    assert_eq!(
        late.tick_at(until_ms),
        "rolling_back 1",
        "its own time is over"
    );
}

#[test]
fn a_registry_that_was_away_gives_everybody_their_time_again() {
    let mut story = Story::deploying(&HALVES);
    story.now_ms = DEADLINE_MS;
    assert_eq!(story.ask(Input::Started), "deploying 1");
    assert_eq!(story.tick_at(2 * DEADLINE_MS - 1), "deploying 1");
    assert_eq!(story.tick_at(2 * DEADLINE_MS), "rolling_back 1");
}

#[test]
fn a_wave_in_percent_reaches_one_node_at_least() {
    let mut story = Story::new(&[Reach::Percent(1), Reach::Percent(100)]);
    assert!(!story.nodes[0].place.is_below(bound_of_percent(1)));
    story.nodes[0].online = false;
    assert_eq!(story.tick(), "deploying 1");
    assert_eq!(story.state.bound, story.nodes[1].place.bound());
    assert_eq!(
        story
            .nodes
            .iter()
            .filter(|one| one.is_offered(story.state.bound))
            .count(),
        2
    );
}

#[test]
fn a_wave_of_nodes_counts_those_that_can_be_reached() {
    let mut story = Story::new(&HALVES);
    story.plan.failures_max = 1;
    story.nodes[0].online = false;
    story.nodes[1].staged = Staged::Incompatible;
    story.nodes[2].runs = Runs::Failed;
    assert_eq!(story.tick(), "deploying 1");
    assert_eq!(story.state.bound, story.nodes[4].place.bound());
    // More than there are: all that there are, and the last wave is everybody.
    let mut story = Story::new(&[Reach::Nodes(50), Reach::Percent(100)]);
    story.tick();
    assert_eq!(story.state.bound, story.nodes[4].place.bound());
    assert_eq!(
        story.state.bounds_of(&story.plan),
        [story.state.bound, EVERYWHERE]
    );
}

#[test]
fn a_wave_is_never_narrower_than_the_one_before() {
    let mut story = Story::new(&[Reach::Nodes(1), Reach::Nodes(2), Reach::Percent(100)]);
    story.nodes[..3]
        .iter_mut()
        .for_each(|one| one.online = false);
    story.tick();
    assert_eq!(story.state.bound, story.nodes[3].place.bound());
    story.nodes[..3]
        .iter_mut()
        .for_each(|one| one.online = true);
    story.offered_run(Runs::Committed);
    story.tick();
    assert_eq!(story.ask(Input::Promote), "deploying 2");
    assert_eq!(story.state.bound, story.nodes[3].place.bound());
}

#[test]
fn a_wave_that_adds_no_node_does_not_bake() {
    // The first reaches all that are there; the second nobody else, until one comes.
    let reaches = [Reach::Nodes(5), Reach::Percent(100)];
    let mut story = Story::baked(&reaches);
    assert_eq!(story.tick(), "gate 1");
    assert_eq!(story.tick(), "deploying 2");
    assert_eq!(story.tick(), "baking 2");
    assert_eq!(story.tick(), "gate 2");

    let mut story = Story::baked(&reaches);
    assert_eq!(story.tick(), "gate 1");
    assert_eq!(story.tick(), "deploying 2");
    let came = (0..).map(|number| Place::of("salt", &format!("new-{number}")));
    let place = came
        .into_iter()
        .find(|place| !place.is_below(story.state.bounds[0]));
    let mut came = node("new");
    (came.place, came.runs) = (place.unwrap(), Runs::Committed);
    story.nodes.push(came);
    assert_eq!(story.tick(), "baking 2");
    assert_eq!(story.tick(), "baking 2");
    assert_eq!(story.tick_at(story.now_ms + BAKE_MS - 1), "baking 2");
    assert_eq!(story.tick_at(story.now_ms + 1), "gate 2");
}

//! When the node calls its registry.

use super::*;

fn calls(actions: &[Action]) -> Vec<&'static str> {
    let call = |action: &Action| match action {
        Action::Enrol => Some("enrol"),
        Action::Poll { .. } => Some("poll"),
        Action::Listen => Some("listen"),
        Action::Report => Some("report"),
        _ => None,
    };
    actions.iter().filter_map(call).collect()
}

/// A machine after its first poll, its doorbell open, everything reported.
fn connected() -> Story {
    let mut story = Story::begin();
    story.now_ms = 1_000;
    assert_eq!(calls(&story.all(Input::Tick)), ["poll", "report"]);
    story.all(Input::Reported { more: false });
    assert_eq!(calls(&story.all(desired(vec![]))), ["listen"]);
    story
}

#[test]
fn a_poll_follows_a_poll_and_the_doorbell_brings_it_forward() {
    let mut story = connected();
    assert!(calls(&story.all(Input::Tick)).is_empty());
    story.all(Input::Rang { spread_ms: 100 });
    story.now_ms += 100;
    let actions = story.all(Input::Tick);
    let etag = Some("e".to_owned());
    assert_eq!(actions, [Action::Poll { etag }]);
    // It rings during the poll: one more, since the answer may be older than the ring.
    story.all(Input::Rang { spread_ms: 50 });
    story.all(Input::Unchanged);
    story.now_ms += 50;
    assert_eq!(calls(&story.all(Input::Tick)), ["poll"]);
    story.all(Input::Unchanged);
    story.now_ms += 34_000;
    assert_eq!(calls(&story.all(Input::Tick)), ["poll"]);
}

#[test]
fn a_registry_that_is_away_is_asked_again_within_a_minute() {
    let mut story = connected();
    story.all(Input::Rang { spread_ms: 0 });
    for _ in 0..12 {
        story.all(Input::PollFailed(again()));
        assert!(calls(&story.all(Input::Tick)).is_empty());
        story.now_ms += 60_000;
        assert!(calls(&story.all(Input::Tick)).contains(&"poll"));
    }
}

#[test]
fn the_time_that_a_registry_asks_for_is_kept_even_when_it_rings() {
    let mut story = connected();
    story.all(Input::Rang { spread_ms: 0 });
    story.all(Input::PollFailed(Failure::Again {
        retry_after_ms: Some(20_000),
    }));
    story.now_ms += 19_999;
    assert!(calls(&story.all(Input::Tick)).is_empty());
    assert!(calls(&story.all(Input::Rang { spread_ms: 0 })).is_empty());
    story.now_ms += 1_001;
    assert_eq!(calls(&story.all(Input::Tick)), ["poll"]);
}

#[test]
fn a_node_that_is_denied_goes_on_asks_slowly_and_comes_back_with_a_new_credential() {
    let mut story = Story::begin();
    story.now_ms = 1_000;
    story.all(Input::Tick);
    story.all(Input::Reported { more: false });
    story.runs(target("a", "1.0.0"));
    story.all(Input::Rang { spread_ms: 0 });
    story.all(Input::PollFailed(Failure::Denied));
    assert_eq!(story.state.link.phase(), Phase::Denied);
    assert_eq!(story.live(), ["a 1.0.0"]);
    story.now_ms += 299_000;
    assert!(calls(&story.all(Input::Tick)).is_empty());
    assert_eq!(calls(&story.all(Input::Enrolled))[0], "poll");
    story.all(Input::Unchanged);
    assert_eq!(story.state.link.phase(), Phase::Enrolled);
}

#[test]
fn a_new_credential_during_a_poll_with_the_old_one_is_tried_as_soon_as_that_ends() {
    let mut story = connected();
    story.all(Input::Rang { spread_ms: 0 });
    assert!(!calls(&story.all(Input::Enrolled)).contains(&"poll"));
    let actions = story.all(Input::PollFailed(Failure::Denied));
    assert_eq!(calls(&actions), ["poll"]);
    assert_eq!(story.state.link.phase(), Phase::Enrolled);
}

#[test]
fn after_a_denial_and_another_credential_the_doorbell_opens_with_the_first_answer() {
    // Forgotten with the doorbell open: both calls are denied before there is a new credential.
    let mut story = connected();
    story.all(Input::BellClosed(Failure::Denied));
    story.all(Input::Rang { spread_ms: 0 });
    story.all(Input::PollFailed(Failure::Denied));
    story.now_ms += 5_000;
    let actions = story.all(Input::Enrolled);
    assert_eq!(calls(&actions), ["poll", "report"]);
    assert_eq!(calls(&story.all(desired(vec![]))), ["listen"]);
    // Once: a doorbell that is open is not opened again.
    story.all(Input::Rang { spread_ms: 0 });
    assert!(!calls(&story.all(Input::Unchanged)).contains(&"listen"));
}

#[test]
fn a_doorbell_with_the_old_credential_is_opened_with_the_new_one_as_soon_as_it_ends() {
    let mut story = connected();
    story.all(Input::Rang { spread_ms: 0 });
    story.all(Input::PollFailed(Failure::Denied));
    assert!(!calls(&story.all(Input::Enrolled)).contains(&"listen"));
    let actions = story.all(Input::BellClosed(Failure::Denied));
    assert_eq!(calls(&actions), ["listen"]);
    // The new one is denied too: then it is left alone.
    story.all(Input::BellClosed(Failure::Denied));
    story.now_ms += 299_000;
    assert!(!calls(&story.all(Input::Tick)).contains(&"listen"));
}

#[test]
fn a_token_is_tried_until_there_is_a_credential() {
    let mut story = Story::begin();
    story.state.link = Link::new(Phase::Enrolling, Pace::of("here", 1, 0, BackOff::default()));
    story.now_ms = 1_000;
    assert_eq!(calls(&story.all(Input::Tick)), ["enrol"]);
    assert!(calls(&story.all(Input::EnrolFailed(again()))).is_empty());
    story.now_ms += 2_000;
    assert_eq!(calls(&story.all(Input::Tick)), ["enrol"]);
    assert_eq!(calls(&story.all(Input::Enrolled)), ["poll", "report"]);
    story.state.link = Link::new(
        Phase::Unenrolled,
        Pace::of("here", 1, 0, BackOff::default()),
    );
    story.now_ms += 1_000_000;
    assert!(calls(&story.all(Input::Tick)).is_empty());
}

#[test]
fn news_are_gathered_and_a_failed_report_is_sent_again() {
    let mut story = connected();
    story.all(Input::News);
    assert!(calls(&story.all(Input::News)).is_empty());
    story.now_ms += 100;
    assert_eq!(calls(&story.all(Input::Tick)), ["report"]);
    story.all(Input::ReportFailed(again()));
    story.all(Input::News);
    story.now_ms += 999;
    assert!(calls(&story.all(Input::Tick)).is_empty());
    story.now_ms += 1_001;
    assert_eq!(calls(&story.all(Input::Tick)), ["report"]);
    assert_eq!(
        calls(&story.all(Input::Reported { more: true })),
        ["report"]
    );
}

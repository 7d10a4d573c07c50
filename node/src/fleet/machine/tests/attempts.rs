//! What the daemon dies of: it is begun a few times, and not for ever.

use super::*;

/// The next life of a daemon that died in this one, with what ran last.
fn next_life(story: &Story, kept: Vec<Former>) -> Story {
    let mut next = Story::with(kept);
    next.state.attempts = story.state.attempts.clone();
    next
}

fn two(previous: Option<Target>) -> Former {
    Former {
        previous,
        ..former(target("a", "2.0.0"))
    }
}

#[test]
fn what_ran_last_is_left_for_what_ran_before_once_the_daemon_died_of_it_too_often() {
    let kept = || vec![two(Some(target("a", "1.0.0")))];
    let mut story = Story::with(kept());
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(story.tell(Input::Tick), ["fetch a 2.0.0"]);
        story = next_life(&story, kept());
    }
    let given_up = ["give up a 2.0.0 for the one before", "fetch a 1.0.0"];
    assert_eq!(story.tell(Input::Tick), given_up);
    story.tell(Input::Fetched(name("a")));
    assert_eq!(story.tell(applied("a")), ["save"]);
    let wanted = || desired(vec![target("a", "2.0.0")]);
    assert!(story.tell(wanted()).is_empty(), "it is wanted still");
    assert_eq!(
        story.tell(desired(vec![target("a", "3.0.0")])),
        ["fetch a 3.0.0"]
    );
}

#[test]
fn what_has_none_before_it_or_never_ran_is_refused() {
    let mut story = Story::with(vec![two(None)]);
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(story.tell(Input::Tick), ["fetch a 2.0.0"]);
        story = next_life(&story, vec![two(None)]);
    }
    assert_eq!(story.tell(Input::Tick), ["give up a 2.0.0"]);
    assert!(story.tell(Input::Tick).is_empty());

    let both = || {
        let new = vec![target("b", "1.0.0")];
        answer(new, &[], vec![target("c", "1.0.0")])
    };
    let mut story = Story::begin();
    let begun = ["fetch b 1.0.0", "stage: fetch c 1.0.0"];
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(story.tell(both()), begun);
        story = next_life(&story, Vec::new());
    }
    let given_up = ["give up b 1.0.0", "stage: give up c 1.0.0"];
    assert_eq!(story.tell(both()), given_up);
    assert!(story.tell(both()).is_empty());
    assert!(story.state.wake_ms() > story.now_ms);
}

#[test]
fn what_comes_to_an_end_counts_no_more_and_what_ran_meanwhile_hides_nothing() {
    let kept = || vec![former(target("a", "1.0.0"))];
    let mut story = Story::with(kept());
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(story.tell(Input::Tick), ["fetch a 1.0.0"]);
        story.tell(Input::Fetched(name("a")));
        story.tell(applied("a"));
        let next = story.tell(desired(vec![target("a", "2.0.0")]));
        assert_eq!(next, ["fetch a 2.0.0"]);
        story = next_life(&story, kept());
    }
    story.tell(Input::Tick);
    story.tell(Input::Fetched(name("a")));
    story.tell(applied("a"));
    let next = story.tell(desired(vec![target("a", "2.0.0")]));
    assert_eq!(next, ["give up a 2.0.0"]);
    assert_eq!(story.live(), ["a 1.0.0"]);
}

#[test]
fn what_a_daemon_was_told_to_end_in_the_watch_of_comes_behind_what_ran_before() {
    let kept = Former {
        to_commit: true,
        ..two(Some(target("a", "1.0.0")))
    };
    let mut story = Story::with(vec![kept]);
    story.state.watch_anew(&name("a"));
    let wanted = || desired(vec![target("a", "2.0.0")]);
    assert_eq!(story.tell(wanted()), ["fetch a 1.0.0"]);
    story.tell(Input::Fetched(name("a")));
    assert_eq!(story.tell(applied("a")), ["save", "fetch a 2.0.0"]);
    // Where nothing ran before, there is nothing to begin with.
    let mut story = Story::with(vec![two(None)]);
    story.state.watch_anew(&name("a"));
    assert_eq!(story.tell(Input::Tick), ["fetch a 2.0.0"]);
}

//! What is staged: beside what runs, once, and gone when nobody wants it any more; what takes over at a
//! time.

use api::registry::ByRollout;

use super::*;

fn by(target: Target, id: u64, flip_at_ms: Option<u64>) -> Target {
    let mut wanted = target.wanted;
    wanted.rollout = Some(ByRollout {
        id,
        bake_ms: 1_000,
        flip_at_ms,
    });
    Target::of(wanted).unwrap()
}

fn staged(version: &str) -> Target {
    by(target("a", version), 1, None)
}

fn went(prepared: Prepared) -> Input {
    Input::Staging(name("a"), prepared)
}

const LOADED: Prepared = Prepared::Loaded { held: true };

/// One that runs `a 1.0.0` and has staged `a 2.0.0` beside it.
fn ready() -> Story {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    let both = answer(vec![target("a", "1.0.0")], &[], vec![staged("2.0.0")]);
    assert_eq!(story.tell(both), ["stage: fetch a 2.0.0"]);
    assert_eq!(story.tell(went(Prepared::Fetched)), ["stage: load a 2.0.0"]);
    assert!(story.tell(went(LOADED)).is_empty());
    story
}

#[test]
fn what_is_staged_takes_over_when_it_is_to_run_and_is_not_loaded_twice() {
    let mut story = ready();
    assert!(story.tell(Input::Tick).is_empty(), "once");
    let next = story.tell(desired(vec![staged("2.0.0")]));
    assert_eq!(next, ["fetch a 2.0.0"]);
    assert_eq!(story.tell(Input::Fetched(name("a"))), ["apply a 2.0.0"]);
    assert_eq!(story.tell(applied("a")), ["save"], "nothing to let go of");
    assert!(story.state.staging.is_empty());
}

#[test]
fn what_is_not_to_be_staged_any_more_is_let_go_of_before_anything_else() {
    let mut story = ready();
    let old = || vec![target("a", "1.0.0")];
    let other = answer(old(), &[], vec![staged("3.0.0")]);
    assert_eq!(story.tell(other), ["stage: let go a 2.0.0"]);
    let next = story.tell(went(Prepared::LetGo));
    assert_eq!(next, ["stage: fetch a 3.0.0"]);
    // It changes its mind during the fetch.
    assert!(story.tell(desired(old())).is_empty());
    assert!(story.tell(went(Prepared::Fetched)).is_empty());
    assert!(story.state.staging.is_empty());
    // Something else is to run than what is staged.
    let mut story = ready();
    let next = story.tell(desired(vec![target("a", "3.0.0")]));
    assert_eq!(next, ["fetch a 3.0.0"]);
    story.tell(Input::Fetched(name("a")));
    let next = story.tell(applied("a"));
    assert_eq!(next, ["save", "stage: let go a 2.0.0"]);
}

#[test]
fn no_two_jobs_are_at_one_instance_and_all_share_the_places() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    let old = || vec![target("a", "1.0.0")];
    story.tell(answer(old(), &[], vec![staged("2.0.0")]));
    // It is to run before its file is there.
    assert!(story.tell(desired(vec![staged("2.0.0")])).is_empty());
    let next = story.tell(went(Prepared::Fetched));
    assert_eq!(next, ["fetch a 2.0.0"], "it is not to be staged any more");
    let many = (0..9).map(|n| target(&format!("n{n}"), "1.0.0"));
    let next = story.tell(answer(vec![staged("2.0.0")], &[], many.collect()));
    assert_eq!(next.len(), JOBS_MAX - 1, "{next:?}");
    assert!(story.state.wake_ms() > story.now_ms);
}

#[test]
fn each_end_of_staging_leads_on_or_is_final_until_something_changes() {
    let old = || vec![target("a", "1.0.0")];
    let again_later = Prepared::FetchFailed(again());
    let refused = Prepared::LoadFailed { again: false };
    for failed in [again_later, Prepared::LoadFailed { again: true }, refused] {
        let mut story = Story::begin();
        story.runs(target("a", "1.0.0"));
        story.tell(answer(old(), &[], vec![staged("2.0.0")]));
        if failed != again_later {
            story.tell(went(Prepared::Fetched));
        }
        assert!(story.tell(went(failed)).is_empty());
        assert!(story.tell(Input::Tick).is_empty());
        assert!(story.state.wake_ms() > story.now_ms, "{failed:?}");
        story.now_ms += 60_000;
        let next = story.tell(Input::Tick);
        assert_eq!(next.is_empty(), failed == refused, "{failed:?}: {next:?}");
        if failed == refused {
            let same = answer(old(), &[], vec![staged("2.0.0")]);
            assert!(story.tell(same).is_empty());
            let other = by(target("a", "2.0.0"), 2, None);
            let other = answer(old(), &[], vec![other]);
            assert_eq!(story.tell(other), ["stage: fetch a 2.0.0"]);
        }
    }
}

/// Every state with every way in which a part of staging can go: what can't be changes nothing.
#[test]
fn every_state_of_staging_with_every_end() {
    let target = Arc::new(staged("2.0.0"));
    let ready = |held| Staging::Ready {
        target: Arc::clone(&target),
        held,
        stale: false,
    };
    let resting = Staging::Resting {
        target: Arc::clone(&target),
        until_ms: 10_000_000,
        failures: 1,
    };
    let fetching = Staging::Fetching(Arc::clone(&target), 0);
    let loading = Staging::Loading(Arc::clone(&target), 0);
    let letting_go = Staging::LettingGo(Arc::clone(&target));
    let refused = Staging::Refused(Arc::clone(&target));
    let ends = [
        Prepared::Fetched,
        Prepared::FetchFailed(again()),
        LOADED,
        Prepared::Loaded { held: false },
        Prepared::LoadFailed { again: true },
        Prepared::LoadFailed { again: false },
        Prepared::LetGo,
    ];
    let (fetch, load, rest, done) = ("fetching", "loading", "resting", "ready");
    let (going, no) = ("going", "refused");
    let word = |staging: Option<&Staging>| match staging {
        None => "nothing",
        Some(Staging::Fetching(..)) => fetch,
        Some(Staging::Loading(..)) => load,
        Some(Staging::Resting { .. }) => rest,
        Some(Staging::Ready { .. }) => done,
        Some(Staging::LettingGo(_)) => going,
        Some(Staging::Refused(_)) => no,
    };
    let table = [
        (fetching, [load, rest, fetch, fetch, fetch, fetch, fetch]),
        (loading, [load, load, done, done, rest, no, load]),
        (ready(true), [done; 7]),
        (ready(false), [done; 7]),
        (resting, [rest; 7]),
        (refused, [no; 7]),
        // It is wanted still: it is fetched once more.
        (
            letting_go,
            [going, going, going, going, going, going, fetch],
        ),
    ];
    for (state, row) in table {
        for (end, leads_to) in ends.into_iter().zip(row) {
            let mut story = Story::begin();
            story.state.staged = [(name("a"), Arc::clone(&target))].into();
            story.state.staging = [(name("a"), state.clone())].into();
            story.tell(went(end));
            let found = word(story.state.staging.get(&name("a")));
            assert_eq!(found, leads_to, "{state:?}, {end:?}");
        }
    }
}

#[test]
fn other_keys_have_what_is_staged_judged_anew() {
    let mut story = ready();
    assert_eq!(story.tell(Input::Trust), ["stage: let go a 2.0.0"]);
    let next = story.tell(went(Prepared::LetGo));
    assert_eq!(next, ["stage: fetch a 2.0.0"]);
}

#[test]
fn a_floor_refuses_what_is_to_be_staged_and_what_is() {
    let mut story = ready();
    let next = story.tell(floor("acme/a", "2.5.0"));
    // What runs is below it too, and something is in the way of what is staged.
    assert_eq!(next, ["stop a 1.0.0 below 2.5.0"]);
    let next = story.tell(Input::Stopped(name("a")));
    let wanted = [
        "save",
        "refuse a 1.0.0 below 2.5.0",
        "stage: refuse a 2.0.0",
    ];
    assert_eq!(next, wanted);
    assert!(story.tell(Input::Tick).is_empty());
}

#[test]
fn what_runs_already_is_told_as_staged_and_not_loaded() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    let next = story.tell(answer(
        vec![target("a", "1.0.0")],
        &[],
        vec![staged("1.0.0")],
    ));
    assert_eq!(next, ["stage: runs a 1.0.0"]);
    assert!(story.tell(Input::Tick).is_empty());
}

#[test]
fn a_new_life_brings_back_what_ran_before_it_stages_anything() {
    let mut story = Story::with(vec![former(target("a", "1.0.0"))]);
    let both = || answer(vec![target("a", "1.0.0")], &[], vec![staged("2.0.0")]);
    assert_eq!(story.tell(both()), ["fetch a 1.0.0"]);
    assert_eq!(story.tell(Input::Fetched(name("a"))), ["apply a 1.0.0"]);
    assert_eq!(story.tell(applied("a")), ["save", "stage: fetch a 2.0.0"]);
}

#[test]
fn what_is_to_take_over_at_a_time_is_staged_until_then() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    let at_ms = story.now_ms + story.ahead_ms + 10_000;
    let at = |at_ms| by(target("a", "2.0.0"), 1, Some(at_ms));
    let next = story.tell(desired(vec![at(at_ms)]));
    assert_eq!(next, ["stage: fetch a 2.0.0"]);
    story.tell(went(Prepared::Fetched));
    assert!(story.tell(went(LOADED)).is_empty());
    assert!(story.state.wake_ms() <= story.now_ms + 10_000 - AHEAD_MS);
    // The wall's clock is set back by a minute, and on again.
    story.ahead_ms -= 60_000;
    story.now_ms += 10_000 - AHEAD_MS;
    assert!(story.tell(Input::Tick).is_empty());
    assert!(story.state.wake_ms() > story.now_ms);
    story.ahead_ms += 60_000;
    assert_eq!(story.tell(Input::Tick), ["fetch a 2.0.0"]);
    let next = story.tell(Input::Fetched(name("a")));
    assert_eq!(next, [format!("apply a 2.0.0 at {at_ms}")]);
    // It is set back while the job waits.
    story.ahead_ms -= 60_000;
    assert!(story.tell(Input::TooEarly(name("a"))).is_empty());
    // The registry wants it at once by now.
    let next = story.tell(desired(vec![staged("2.0.0")]));
    assert_eq!(next, ["fetch a 2.0.0"]);
    assert_eq!(story.tell(Input::Fetched(name("a"))), ["apply a 2.0.0"]);
    assert_eq!(story.tell(applied("a")), ["save"]);
    // A time that is past is none, and what runs waits for none.
    assert_eq!(story.tell(desired(vec![at(1)])), ["save"]);
}

#[test]
fn a_failed_watch_counts_until_another_rollout_asks() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    story.tell(desired(vec![staged("2.0.0")]));
    story.tell(Input::Fetched(name("a")));
    story.tell(Input::Applied {
        instance: name("a"),
        to_commit: true,
    });
    assert!(story.state.managed[&name("a")].to_commit);
    assert_eq!(story.tell(Input::RolledBack(name("a"))), ["save"]);
    assert!(!story.state.managed[&name("a")].to_commit);
    let longer = |id| {
        let mut wanted = by(target("a", "2.0.0"), id, Some(1)).wanted;
        wanted.rollout.as_mut().unwrap().bake_ms = 5_000;
        Target::of(wanted).unwrap()
    };
    assert!(story.tell(desired(vec![longer(1)])).is_empty());
    assert_eq!(story.tell(desired(vec![longer(2)])), ["fetch a 2.0.0"]);
}

#[test]
fn figures_are_told_often_while_something_is_watched_or_staged() {
    let reports = |story: &mut Story| {
        let actions = story.all(Input::Tick);
        actions.contains(&Action::Report)
    };
    let mut story = ready();
    for _ in 0..3 {
        story.now_ms += REPORT_BUSY_MS;
        assert!(reports(&mut story));
        story.all(Input::Reported { more: false });
        story.now_ms += REPORT_BUSY_MS - 1;
        assert!(!reports(&mut story));
    }
    story.tell(desired(vec![target("a", "1.0.0")]));
    story.tell(went(Prepared::LetGo));
    story.all(Input::Reported { more: false });
    story.now_ms += 10 * REPORT_BUSY_MS;
    assert!(!reports(&mut story), "nothing is by now");
}

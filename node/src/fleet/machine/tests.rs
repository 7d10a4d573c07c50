//! The machine's rules, each on a small story, and all of them under stories drawn at random.

use super::super::pace::BackOff;
use super::super::target::Asked;
use super::super::target::tests::wanted;
use super::*;

mod attempts;
mod laws;
mod link;
mod staging;

fn name(text: &str) -> InstanceName {
    text.parse().unwrap()
}

fn target(name: &str, version: &str) -> Target {
    Target::of(wanted(name, version)).unwrap()
}

fn floor(payload: &str, version: &str) -> Input {
    Input::Floors([(payload.parse().unwrap(), version.parse().unwrap())].into())
}

fn desired(targets: Vec<Target>) -> Input {
    desired_but(targets, &[])
}

fn desired_but(targets: Vec<Target>, unread: &[&str]) -> Input {
    answer(targets, unread, Vec::new())
}

fn answer(targets: Vec<Target>, unread: &[&str], staged: Vec<Target>) -> Input {
    let all = |targets, unread: &[&str]| Asked {
        targets,
        unread: unread.into(),
    };
    Input::Desired {
        etag: Some("e".to_owned()),
        poll_ms: 30_000,
        instances: all(targets, unread),
        staged: all(staged, &[]),
    }
}

fn applied(instance: &str) -> Input {
    Input::Applied {
        instance: name(instance),
        to_commit: false,
    }
}

fn former(target: Target) -> Former {
    Former {
        target,
        previous: None,
        failed: None,
        to_commit: false,
    }
}

/// A machine and what it asked for, calls to the registry left out.
struct Story {
    state: State,
    now_ms: u64,
    /// The wall's clock is so much ahead.
    ahead_ms: u64,
}

impl Story {
    fn begin() -> Self {
        Self::with(Vec::new())
    }

    fn with(kept: Vec<Former>) -> Self {
        let pace = Pace::of("here", 1, 0, BackOff::default());
        Self {
            state: State::new(
                Phase::Enrolled,
                pace,
                (kept, Attempts::default()),
                BTreeMap::new(),
            ),
            now_ms: 0,
            ahead_ms: 1_000_000,
        }
    }

    fn all(&mut self, input: Input) -> Vec<Action> {
        let now = Now {
            ms: self.now_ms,
            wall_ms: self.now_ms + self.ahead_ms,
        };
        let (state, actions) = step(self.state.clone(), input, now);
        self.state = state;
        actions
    }

    /// The jobs and refusals that follow, as `fetch trace 1.0.0`.
    fn tell(&mut self, input: Input) -> Vec<String> {
        let shown = |action: Action| match action {
            Action::Fetch(target) => Some(format!("fetch {} {}", target.instance, target.version)),
            Action::Apply { target, at_ms, .. } => {
                let at = at_ms.map_or_else(String::new, |at_ms| format!(" at {at_ms}"));
                Some(format!("apply {} {}{at}", target.instance, target.version))
            }
            Action::Stage(target, prepare) => {
                let part = match prepare {
                    Prepare::Fetch => "fetch",
                    Prepare::Load => "load",
                    Prepare::Tell => "runs",
                    Prepare::Refuse { .. } => "refuse",
                    Prepare::LetGo => "let go",
                    Prepare::GiveUp => "give up",
                };
                let (name, version) = (&target.instance, &target.version);
                Some(format!("stage: {part} {name} {version}"))
            }
            Action::Stop { target, why } => {
                let why = match why {
                    Why::Unwanted => String::new(),
                    Why::BelowFloor(floor) => format!(" below {floor}"),
                };
                Some(format!("stop {} {}{why}", target.instance, target.version))
            }
            Action::Refuse { target, floor } => Some(format!(
                "refuse {} {} below {floor}",
                target.instance, target.version
            )),
            Action::GiveUp { target, back } => {
                let back = if back { " for the one before" } else { "" };
                Some(format!(
                    "give up {} {}{back}",
                    target.instance, target.version
                ))
            }
            Action::Save => Some("save".to_owned()),
            Action::Enrol | Action::Poll { .. } | Action::Listen | Action::Report => None,
        };
        self.all(input).into_iter().filter_map(shown).collect()
    }

    fn runs(&mut self, target: Target) {
        let of = target.instance.clone();
        self.tell(desired(vec![target]));
        self.tell(Input::Fetched(of.clone()));
        assert_eq!(self.tell(applied(of.as_str())), ["save"]);
    }

    fn live(&self) -> Vec<String> {
        let live = self.state.managed.values().filter(|managed| managed.live);
        live.map(|managed| format!("{} {}", managed.target.instance, managed.target.version))
            .collect()
    }
}

fn again() -> Failure {
    Failure::Again {
        retry_after_ms: None,
    }
}

#[test]
fn what_is_wanted_is_fetched_applied_and_kept() {
    let mut story = Story::begin();
    assert_eq!(
        story.tell(desired(vec![target("a", "1.0.0")])),
        ["fetch a 1.0.0"]
    );
    assert_eq!(story.tell(Input::Fetched(name("a"))), ["apply a 1.0.0"]);
    assert_eq!(story.tell(applied("a")), ["save"]);
    assert!(story.tell(Input::Unchanged).is_empty());
    assert_eq!(story.live(), ["a 1.0.0"]);
}

#[test]
fn an_instance_that_can_not_be_read_stays_and_holds_up_no_other() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    let b = || vec![target("b", "1.0.0")];
    assert_eq!(story.tell(desired_but(b(), &["a"])), ["fetch b 1.0.0"]);
    assert_eq!(story.live(), ["a 1.0.0"]);
    // Of one without a name nobody knows that it is not `a`.
    assert!(story.tell(desired_but(b(), &["*"])).is_empty());
    // A floor is the publisher's word, and holds whatever the registry says.
    assert_eq!(
        story.tell(floor("acme/a", "2.0.0")),
        ["stop a 1.0.0 below 2.0.0"]
    );
    story.tell(Input::Stopped(name("a")));
    assert!(story.tell(desired_but(b(), &["a", "c"])).is_empty());
    assert!(
        !story.state.desired.contains_key(&name("c")),
        "it never was wanted"
    );
}

#[test]
fn other_keys_ask_for_the_whole_answer_again() {
    let mut story = Story::begin();
    story.tell(desired(vec![]));
    story.tell(Input::Trust);
    story.now_ms += 60_000;
    let asked = story.all(Input::Tick);
    assert!(asked.contains(&Action::Poll { etag: None }), "{asked:?}");
}

#[test]
fn what_is_wanted_no_more_is_stopped_and_a_former_one_is_kept_for_the_way_back() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    story.runs(target("a", "1.1.0"));
    let managed = &story.state.managed[&name("a")];
    assert_eq!(managed.previous.as_ref().unwrap().version.as_str(), "1.0.0");
    assert_eq!(story.tell(desired(vec![])), ["stop a 1.1.0"]);
    assert_eq!(story.tell(Input::Stopped(name("a"))), ["save"]);
    assert!(story.state.managed.is_empty());
}

#[test]
fn the_same_refused_is_not_tried_again_until_something_changes() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    story.tell(desired(vec![target("a", "1.1.0")]));
    story.tell(Input::Fetched(name("a")));
    let refused = Input::ApplyFailed {
        instance: name("a"),
        again: false,
    };
    assert!(story.tell(refused).is_empty());
    assert_eq!(story.live(), ["a 1.0.0"], "what ran goes on");
    story.now_ms += 10_000_000;
    assert!(story.tell(desired(vec![target("a", "1.1.0")])).is_empty());
    assert!(story.tell(Input::Tick).is_empty());
    assert_eq!(story.tell(Input::Trust), ["fetch a 1.1.0"], "other keys");
    story.tell(Input::Fetched(name("a")));
    story.tell(Input::ApplyFailed {
        instance: name("a"),
        again: false,
    });
    let mut signed = wanted("a", "1.1.0");
    signed.envelope = Some("{}".to_owned());
    let signed = Target::of(signed).unwrap();
    assert_eq!(
        story.tell(desired(vec![signed])),
        ["fetch a 1.1.0"],
        "another signature"
    );
}

#[test]
fn what_failed_its_watch_is_not_tried_again_and_what_ran_before_is_kept() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    story.runs(target("a", "1.1.0"));
    assert_eq!(story.tell(Input::RolledBack(name("a"))), ["save"]);
    assert_eq!(story.live(), ["a 1.0.0"]);
    story.now_ms += 10_000_000;
    assert!(story.tell(Input::Tick).is_empty());
    assert!(story.tell(desired(vec![target("a", "1.1.0")])).is_empty());
    assert!(story.tell(Input::RolledBack(name("a"))).is_empty(), "once");
    // The registry agrees, or knows something newer.
    assert!(story.tell(desired(vec![target("a", "1.0.0")])).is_empty());
    let next = story.tell(desired(vec![target("a", "1.2.0")]));
    assert_eq!(next, ["fetch a 1.2.0"]);
    story.tell(Input::Fetched(name("a")));
    assert!(
        story.tell(Input::RolledBack(name("a"))).is_empty(),
        "under way"
    );
}

#[test]
fn a_failed_fetch_is_tried_again_after_a_while_and_holds_up_nobody() {
    let mut story = Story::begin();
    let both = vec![target("a", "1.0.0"), target("b", "1.0.0")];
    assert_eq!(story.tell(desired(both)).len(), 2);
    assert!(
        story
            .tell(Input::FetchFailed(name("a"), again()))
            .is_empty()
    );
    assert_eq!(story.tell(Input::Fetched(name("b"))), ["apply b 1.0.0"]);
    assert_eq!(story.tell(applied("b")), ["save"]);
    assert!(story.tell(Input::Tick).is_empty());
    story.now_ms += 2_000;
    assert_eq!(story.tell(Input::Tick), ["fetch a 1.0.0"]);
}

#[test]
fn a_wish_that_changes_during_a_fetch_is_followed_and_the_old_one_never_runs() {
    let mut story = Story::begin();
    story.tell(desired(vec![target("a", "1.0.0")]));
    assert!(story.tell(desired(vec![target("a", "1.1.0")])).is_empty());
    assert_eq!(story.tell(Input::Fetched(name("a"))), ["fetch a 1.1.0"]);
    assert!(story.tell(desired(vec![])).is_empty());
    assert!(story.tell(Input::Fetched(name("a"))).is_empty());
}

#[test]
fn a_new_life_begins_with_what_ran_last_whatever_is_wanted_by_now() {
    let kept: Vec<_> = (0..6)
        .map(|n| former(target(&format!("n{n}"), "1.0.0")))
        .collect();
    let mut story = Story::with(kept);
    assert_eq!(story.tell(Input::Tick).len(), JOBS_MAX);
    let newer = (0..6).map(|n| target(&format!("n{n}"), "2.0.0"));
    assert!(story.tell(desired(newer.collect())).is_empty());
    assert_eq!(story.tell(Input::Fetched(name("n0"))), ["apply n0 1.0.0"]);
    let next = story.tell(applied("n0"));
    assert_eq!(next, ["save", "fetch n0 2.0.0"]);
    // One that can't be had any more is passed over.
    let next = story.tell(Input::FetchFailed(name("n1"), again()));
    assert_eq!(next, ["fetch n1 2.0.0"]);
}

#[test]
fn a_former_lifes_instance_that_is_not_wanted_is_never_started() {
    let mut story = Story::with(vec![former(target("a", "1.0.0"))]);
    story.state.work.clear();
    assert_eq!(story.tell(desired(vec![])), ["save"]);
    assert!(story.state.managed.is_empty());
}

#[test]
fn a_version_below_the_floor_is_refused_and_left() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    let next = story.tell(floor("acme/a", "2.0.0"));
    assert_eq!(next, ["stop a 1.0.0 below 2.0.0"]);
    let next = story.tell(Input::Stopped(name("a")));
    assert_eq!(next, ["save", "refuse a 1.0.0 below 2.0.0"]);
    assert!(story.tell(desired(vec![target("a", "1.9.0")])) == ["refuse a 1.9.0 below 2.0.0"]);
    assert!(
        story.tell(Input::Trust) == ["refuse a 1.9.0 below 2.0.0"],
        "keys move no floor"
    );
    assert_eq!(
        story.tell(desired(vec![target("a", "2.0.0")])),
        ["fetch a 2.0.0"]
    );
    // The floor rises while the file is on its way.
    story.tell(floor("acme/a", "3.0.0"));
    let next = story.tell(Input::Fetched(name("a")));
    assert_eq!(next, ["refuse a 2.0.0 below 3.0.0"]);
}

#[test]
fn what_runs_below_the_floor_waits_for_its_successor_as_long_as_that_may_come() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    story.tell(desired(vec![target("a", "2.0.0")]));
    assert!(story.tell(floor("acme/a", "2.0.0")).is_empty());
    let next = story.tell(Input::FetchFailed(name("a"), again()));
    assert_eq!(next, ["stop a 1.0.0 below 2.0.0"]);
}

#[test]
fn a_floor_holds_in_a_new_life_too() {
    let mut story = Story::with(vec![former(target("a", "1.0.0"))]);
    story.state.floors = [("acme/a".parse().unwrap(), "2.0.0".parse().unwrap())].into();
    assert_eq!(story.tell(Input::Tick), ["refuse a 1.0.0 below 2.0.0"]);
}

#[test]
fn a_deployment_of_another_name_takes_over_what_runs_without_a_load() {
    let mut story = Story::begin();
    story.runs(target("a", "1.0.0"));
    let mut renamed = wanted("a", "1.0.0");
    renamed.deployment = "other".to_owned();
    assert_eq!(
        story.tell(desired(vec![Target::of(renamed).unwrap()])),
        ["save"]
    );
    assert_eq!(
        story.state.managed[&name("a")].target.wanted.deployment,
        "other"
    );
}

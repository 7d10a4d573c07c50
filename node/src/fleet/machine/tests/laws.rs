//! What holds in every state, whatever happens in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
const VERSIONS: [&str; 3] = ["1.0.0", "2.0.0", "3.0.0"];

/// What is drawn: an input, or the end of the job of an instance, well or badly.
#[derive(Debug, Clone)]
enum Event {
    Wants(Vec<Option<usize>>, Vec<Option<usize>>),
    Floor(usize, usize),
    Well(usize),
    Badly(usize, bool),
    Passes(u64),
    Other(u8),
}

fn event() -> impl Strategy<Value = Event> {
    let version = prop::option::of(0..VERSIONS.len());
    prop_oneof![
        2 => (
            prop::collection::vec(version.clone(), NAMES.len()),
            prop::collection::vec(version, NAMES.len()),
        ).prop_map(|(wants, stages)| Event::Wants(wants, stages)),
        1 => (0..NAMES.len(), 0..VERSIONS.len()).prop_map(|(n, v)| Event::Floor(n, v)),
        6 => (0..NAMES.len()).prop_map(Event::Well),
        3 => (0..NAMES.len(), any::<bool>()).prop_map(|(n, again)| Event::Badly(n, again)),
        2 => (0..200_000_u64).prop_map(Event::Passes),
        2 => (0..11_u8).prop_map(Event::Other),
    ]
}

/// The world around the machine: what was asked for and has not ended, and what runs.
struct World {
    story: Story,
    jobs: BTreeMap<InstanceName, Action>,
    runs: BTreeMap<InstanceName, Arc<Target>>,
    /// Staged beside it, and loaded.
    held: BTreeMap<InstanceName, Arc<Target>>,
    floors: BTreeMap<PayloadName, Version>,
    calls: BTreeSet<&'static str>,
}

impl World {
    fn tell(&mut self, input: Input) {
        for action in self.story.all(input) {
            match &action {
                Action::Fetch(target)
                | Action::Apply { target, .. }
                | Action::Stage(target, Prepare::Fetch | Prepare::Load) => {
                    assert!(self.story.state.below_floor(target).is_none(), "{action:?}");
                    self.begin(target.instance.clone(), action);
                }
                Action::Stage(target, Prepare::LetGo) => {
                    self.begin(target.instance.clone(), action);
                }
                Action::Stage(target, Prepare::Tell) => {
                    assert!(self.runs[&target.instance].runs_as(target), "{action:?}");
                }
                Action::Stage(target, Prepare::Refuse { floor }) => {
                    assert!(target.version < *floor);
                }
                Action::Stop { target, .. } => {
                    let runs = self.runs.get(&target.instance).unwrap();
                    assert!(runs.runs_as(target), "stops what does not run: {action:?}");
                    self.begin(target.instance.clone(), action);
                }
                Action::Refuse { target, floor } => assert!(target.version < *floor),
                Action::Poll { .. } | Action::Enrol => self.call("poll"),
                Action::Listen => self.call("listen"),
                Action::Report => self.call("report"),
                // It has died of nothing.
                Action::GiveUp { .. } | Action::Stage(_, Prepare::GiveUp) => panic!("{action:?}"),
                Action::Save => {}
            }
        }
        assert!(self.jobs.len() <= JOBS_MAX);
        let managed = self.story.state.managed.values();
        let live = managed.filter(|managed| managed.live);
        let live = live.map(|managed| &managed.target.instance);
        assert!(live.eq(self.runs.keys()), "the machine knows what runs");
        assert!(
            self.story.state.wake_ms() > self.story.now_ms,
            "it would spin"
        );
    }

    fn begin(&mut self, name: InstanceName, action: Action) {
        let before = self.jobs.insert(name, action);
        assert!(before.is_none(), "two jobs for one instance: {before:?}");
    }

    fn call(&mut self, call: &'static str) {
        assert!(self.calls.insert(call), "two calls of one kind: {call}");
    }

    fn end(&mut self, name: &InstanceName, well: Result<(), bool>) {
        let input = match (self.jobs.remove(name), well) {
            (None, _) => return,
            (Some(Action::Fetch(_)), Ok(())) => Input::Fetched(name.clone()),
            (Some(Action::Fetch(_)), Err(_)) => Input::FetchFailed(name.clone(), again()),
            (Some(Action::Apply { target, .. }), Ok(())) => {
                if self
                    .held
                    .get(name)
                    .is_some_and(|held| held.runs_as(&target))
                {
                    self.held.remove(name);
                }
                self.runs.insert(name.clone(), target);
                applied(name.as_str())
            }
            (Some(Action::Apply { .. }), Err(again)) => Input::ApplyFailed {
                instance: name.clone(),
                again,
            },
            (Some(Action::Stage(target, part)), well) => {
                Input::Staging(name.clone(), self.stages(target, &part, well))
            }
            (Some(_), _) => {
                self.runs.remove(name);
                self.held.remove(name);
                Input::Stopped(name.clone())
            }
        };
        self.tell(input);
    }

    fn stages(&mut self, target: Arc<Target>, part: &Prepare, well: Result<(), bool>) -> Prepared {
        let name = target.instance.clone();
        match (part, well) {
            (Prepare::Fetch, Ok(())) => Prepared::Fetched,
            (Prepare::Fetch, Err(_)) => Prepared::FetchFailed(again()),
            (Prepare::Load, Ok(())) => {
                let held = self.runs.contains_key(&name);
                if held {
                    let before = self.held.insert(name, target);
                    assert!(before.is_none(), "two are loaded: {before:?}");
                }
                Prepared::Loaded { held }
            }
            (Prepare::Load, Err(again)) => Prepared::LoadFailed { again },
            _ => {
                self.held.remove(&name);
                Prepared::LetGo
            }
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Wants(wants, stages) => {
                let targets = |versions: Vec<Option<usize>>| {
                    let targets = NAMES.iter().zip(versions);
                    let targets = targets.filter_map(|(n, v)| Some(target(n, VERSIONS[v?])));
                    targets.collect()
                };
                let input = answer(targets(wants), &[], targets(stages));
                self.calls.remove("poll");
                self.tell(input);
            }
            Event::Floor(at, version) => {
                let payload = format!("acme/{}", NAMES[at]).parse().unwrap();
                let version: Version = VERSIONS[version].parse().unwrap();
                let held = self
                    .floors
                    .entry(payload)
                    .or_insert_with(|| version.clone());
                *held = version.max(held.clone());
                self.tell(Input::Floors(self.floors.clone()));
            }
            Event::Well(at) => self.end(&name(NAMES[at]), Ok(())),
            Event::Badly(at, again) => self.end(&name(NAMES[at]), Err(again)),
            Event::Passes(ms) => {
                self.story.now_ms += ms;
                self.tell(Input::Tick);
            }
            Event::Other(which) => self.other(which),
        }
    }

    fn other(&mut self, which: u8) {
        let later = Failure::Again {
            retry_after_ms: Some(5_000),
        };
        let (call, input) = match which {
            0 => (Some("poll"), Input::Unchanged),
            1 => (Some("poll"), Input::PollFailed(later)),
            2 => (Some("poll"), Input::PollFailed(Failure::Denied)),
            3 => (Some("listen"), Input::BellClosed(later)),
            4 => (Some("report"), Input::Reported { more: true }),
            5 => (Some("report"), Input::ReportFailed(Failure::Denied)),
            6 => (None, Input::Rang { spread_ms: 1000 }),
            7 => (None, Input::Trust),
            8 => (Some("listen"), Input::BellClosed(Failure::Denied)),
            9 => (None, Input::Enrolled),
            _ => (None, Input::News),
        };
        // A call ends only where it had begun.
        if call.is_none_or(|call| self.calls.remove(call)) {
            self.tell(input);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn in_every_story_each_instance_has_one_job_and_in_the_end_what_is_wanted_runs_or_is_staged(
        kept in prop::collection::vec(0..VERSIONS.len(), 0..NAMES.len()),
        events in prop::collection::vec(event(), 0..120),
        last in prop::collection::vec(prop::option::of(0..VERSIONS.len()), NAMES.len()),
        last_staged in prop::collection::vec(prop::option::of(0..VERSIONS.len()), NAMES.len()),
    ) {
        let kept = kept.iter().zip(NAMES);
        let kept = kept.map(|(version, name)| former(target(name, VERSIONS[*version])));
        let mut world = World {
            story: Story::with(kept.collect()),
            jobs: BTreeMap::new(),
            runs: BTreeMap::new(),
            held: BTreeMap::new(),
            floors: BTreeMap::new(),
            calls: BTreeSet::new(),
        };
        world.tell(Input::Tick);
        for event in events {
            world.happens(event);
        }
        // From here on everything works.
        world.happens(Event::Wants(last.clone(), last_staged.clone()));
        world.tell(Input::Trust);
        for _ in 0..6 * NAMES.len() {
            for at in 0..NAMES.len() {
                world.happens(Event::Well(at));
            }
            world.happens(Event::Passes(60_000));
        }
        prop_assert!(world.jobs.is_empty());
        prop_assert_eq!(world.story.state.attempts.iter().count(), 0, "all came to an end");
        for (name, version) in NAMES.iter().zip(last_staged) {
            let name = super::name(name);
            let wanted = version.map(|version| target(name.as_str(), VERSIONS[version]));
            let wanted = wanted.filter(|wanted| world.story.state.below_floor(wanted).is_none());
            // What nobody wants staged is not loaded, and what is has been staged.
            match (wanted, world.held.get(&name)) {
                (None, held) => prop_assert!(held.is_none(), "{held:?}"),
                (Some(wanted), held) => {
                    prop_assert!(held.is_none_or(|held| held.runs_as(&wanted)));
                    let staging = world.story.state.staging.get(&name);
                    prop_assert!(matches!(staging, Some(Staging::Ready { .. })), "{staging:?}");
                }
            }
        }
        for (name, version) in NAMES.iter().zip(last) {
            let name = super::name(name);
            let runs = world.runs.get(&name);
            let wanted = version.map(|version| target(name.as_str(), VERSIONS[version]));
            match wanted {
                None => prop_assert!(runs.is_none()),
                // What is refused leaves what ran, unless that is below the floor too.
                Some(wanted) if world.story.state.below_floor(&wanted).is_some() => {
                    prop_assert!(runs.is_none_or(|t| world.story.state.below_floor(t).is_none()));
                }
                Some(wanted) => prop_assert_eq!(&runs.unwrap().version, &wanted.version),
            }
        }
    }
}

//! Every state with every input, and the laws over whole courses.

use proptest::prelude::*;

use super::*;

const NOW_MS: u64 = 1_000;
const BAKE_MS: u64 = 500;

const WATCH: Watch = Watch {
    until_ms: NOW_MS + BAKE_MS,
    paused_ms: None,
    given_up: false,
};
const OVER: Watch = Watch {
    until_ms: NOW_MS,
    ..WATCH
};
const PAUSED: Watch = Watch {
    paused_ms: Some(NOW_MS - 100),
    ..OVER
};
const GIVEN_UP: Watch = Watch {
    given_up: true,
    ..WATCH
};
const FORWARD: Course = Course::Forward { bake_ms: BAKE_MS };
const AT_ONCE: Course = Course::Forward { bake_ms: 0 };
const BACK: Course = Course::Back(WATCH);

const INPUTS: [Input; 8] = [
    Input::Update { bake_ms: BAKE_MS },
    Input::RollBack,
    Input::Done,
    Input::Failed,
    Input::Ailing,
    Input::Paused,
    Input::Resumed,
    Input::Tick,
];

type Row = [(State, Action); 8];

fn preparing(watch: Option<Watch>) -> State {
    State::Preparing {
        bake_ms: BAKE_MS,
        watch,
    }
}

/// What each of `INPUTS` leads to, in their order.
fn row(
    state: State,
    [update, roll_back, done, failed, ailing]: [(State, Action); 5],
    [paused, resumed, tick]: [(State, Action); 3],
) -> (State, Row) {
    let row = [
        update, roll_back, done, failed, ailing, paused, resumed, tick,
    ];
    (state, row)
}

/// A state in the midst of a change: only the end of its action leads on.
fn midst(state: State, done: (State, Action), failed: (State, Action)) -> (State, Row) {
    let (no, same) = ((state, Action::Refuse), (state, Action::Rest));
    row(state, [no, no, done, failed, same], [same, same, same])
}

fn watching(watch: Watch, ailing: (State, Action), tick: (State, Action)) -> (State, Row) {
    let state = State::Watching(watch);
    let same = (state, Action::Rest);
    let update = (preparing(Some(watch)), Action::Prepare);
    let back = (State::Arming(Course::Back(watch)), Action::Arm);
    let paused = Watch {
        paused_ms: watch.paused_ms.or(Some(NOW_MS)),
        ..watch
    };
    let resumed = Watch {
        until_ms: watch.until_ms + watch.paused_ms.map_or(0, |since| NOW_MS - since),
        paused_ms: None,
        ..watch
    };
    row(
        state,
        [update, back, same, same, ailing],
        [
            (State::Watching(paused), Action::Rest),
            (State::Watching(resumed), Action::Rest),
            tick,
        ],
    )
}

fn table() -> Vec<(State, Row)> {
    use Action::{Arm, Drain, Flip, Grace, Prepare, Refuse, Rest, Retire};

    let steady = State::Steady;
    let same = (steady, Rest);
    let next = (State::Arming(FORWARD), Arm);
    let retiring = (State::Retiring, Retire);
    let clearing = State::Clearing { bake_ms: BAKE_MS };
    let still = |watch| (State::Watching(watch), Rest);
    let back = |watch| (State::Arming(Course::Back(watch)), Arm);
    let mut table = vec![
        row(
            steady,
            [
                (preparing(None), Prepare),
                (steady, Refuse),
                same,
                same,
                same,
            ],
            [same; 3],
        ),
        midst(preparing(None), next, same),
        midst(preparing(Some(WATCH)), (clearing, Retire), still(WATCH)),
        midst(clearing, next, next),
        midst(
            State::Arming(FORWARD),
            (State::Flipping(FORWARD), Flip),
            same,
        ),
        midst(
            State::Arming(BACK),
            (State::Flipping(BACK), Flip),
            still(GIVEN_UP),
        ),
        midst(State::Draining(FORWARD), still(WATCH), retiring),
        midst(State::Draining(AT_ONCE), retiring, retiring),
        midst(State::Draining(BACK), retiring, retiring),
        midst(State::Retiring, same, same),
        watching(WATCH, back(WATCH), still(WATCH)),
        watching(OVER, back(OVER), retiring),
        watching(PAUSED, still(PAUSED), still(PAUSED)),
        watching(GIVEN_UP, still(GIVEN_UP), still(GIVEN_UP)),
    ];
    for course in [FORWARD, AT_ONCE, BACK] {
        let graced = (State::Waiting(course), Grace);
        table.push(midst(State::Flipping(course), graced, graced));
        let drained = (State::Draining(course), Drain);
        table.push(midst(State::Waiting(course), drained, drained));
    }
    table
}

#[test]
fn every_state_with_every_input() {
    for (state, row) in table() {
        for (input, wanted) in INPUTS.into_iter().zip(row) {
            assert_eq!(step(state, input, NOW_MS), wanted, "{state:?}, {input:?}");
        }
    }
}

/// Carries out what the machine asks for; `fails` says which of the actions do.
struct Run {
    state: State,
    now_ms: u64,
    /// Generations that are loaded: the one in charge, and how many others.
    others: u32,
    flips: u32,
    /// A flip whose grace and drain are not over.
    open: bool,
}

impl Run {
    fn tell(&mut self, input: Input, mut fails: impl FnMut() -> bool) {
        let mut input = input;
        loop {
            let (state, action) = step(self.state, input, self.now_ms);
            let back = matches!(self.state, State::Arming(Course::Back(_)));
            self.state = state;
            let failed = match action {
                Action::Rest | Action::Refuse => return,
                Action::Prepare | Action::Grace => fails(),
                Action::Arm => {
                    let to_the_other = matches!(state, State::Arming(Course::Back(_)));
                    let free = u32::from(to_the_other);
                    assert_eq!(self.others, free, "only two lanes");
                    let failed = fails();
                    if !failed && !to_the_other {
                        self.others += 1;
                    }
                    failed
                }
                Action::Flip => {
                    assert!(!self.open, "the flip before is not over");
                    assert!(back || self.others == 1);
                    self.open = true;
                    self.flips += 1;
                    false
                }
                Action::Drain => {
                    self.open = false;
                    fails()
                }
                Action::Retire => {
                    assert!(!self.open, "its records are not read");
                    self.others = 0;
                    false
                }
            };
            input = if failed { Input::Failed } else { Input::Done };
        }
    }
}

proptest! {
    /// Whatever is asked for and whatever fails: two lanes are enough, no flip overtakes another,
    /// nothing is let go before its records are read, and all comes to rest.
    #[test]
    fn any_story_keeps_the_laws(story in proptest::collection::vec((0..8_usize, 0..400_u64, any::<u16>()), 1..60)) {
        let mut run = Run { state: State::Steady, now_ms: 0, others: 0, flips: 0, open: false };
        for (what, later_ms, failures) in story {
            run.now_ms += later_ms;
            let input = INPUTS[what];
            let mut failures = failures;
            run.tell(input, || {
                let fails = failures % 4 == 3;
                failures /= 4;
                fails
            });
            prop_assert!(matches!(run.state, State::Steady | State::Watching(_)), "{:?}", run.state);
            let watching = matches!(run.state, State::Watching(_));
            prop_assert_eq!(run.others, u32::from(watching));
        }
    }

    /// However often a watch fails, it is gone back once: the generation of before is not watched.
    #[test]
    fn a_failing_watch_leads_back_once(ailings in 1..20_usize, arms in any::<bool>()) {
        let mut run = Run { state: State::Watching(WATCH), now_ms: 0, others: 1, flips: 0, open: false };
        for _ in 0..ailings {
            run.tell(Input::Ailing, || !arms);
        }
        prop_assert_eq!(run.flips, u32::from(arms));
    }
}

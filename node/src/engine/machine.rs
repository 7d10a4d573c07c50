//! The steps by which one generation follows another, or is gone back to, as a pure machine. Asked by
//! `course`, which carries out what it says and tells it what came of that. A stop is none of its
//! inputs: it ends the instance in every state, and the machine with it.
//! Must never put a generation in charge while runs or records of the one before are not waited for,
//! nor need more than two lanes.

/// Where an instance stands between two generations. Times are milliseconds on the engine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// One generation is loaded, and in charge.
    Steady,
    /// The next one is being loaded beside it and verified.
    Preparing {
        /// How long it is to be watched.
        bake_ms: u64,
        /// The watch over the one in charge, which goes on where the next one is refused.
        watch: Option<Watch>,
    },
    /// The oldest is being let go, so that its lane is free for the next one.
    Clearing {
        /// How long the next one is to be watched.
        bake_ms: u64,
    },
    /// Programs are being put where they wait for the flip.
    Arming(Course),
    /// The gate is being moved.
    Flipping(Course),
    /// Runs of the generation that was left are being waited for.
    Waiting(Course),
    /// Its rings are being read to their end.
    Draining(Course),
    /// The new generation is in charge, the one before still in its lane.
    Watching(Watch),
    /// The generation that is not in charge is being let go.
    Retiring,
}

/// Which way a change of generations goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// To a new generation.
    Forward {
        /// How long it is to be watched.
        bake_ms: u64,
    },
    /// To the one that was in charge before, which is still loaded. The watch is what goes on where
    /// that can't be.
    Back(Watch),
}

/// The watch over a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watch {
    /// When it ends.
    pub(super) until_ms: u64,
    /// Since when the instance has been paused: what sees nothing shows nothing, so no time counts.
    pub(super) paused_ms: Option<u64>,
    /// Its failure led nowhere: going back is not tried by itself again.
    pub(super) given_up: bool,
}

/// What is asked for, or happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// A new generation is asked for, to be watched so long.
    Update {
        /// Milliseconds; 0 lets go of the old one at once.
        bake_ms: u64,
    },
    /// The generation of before is asked for.
    RollBack,
    /// What the last action asked for is done.
    Done,
    /// It can't be done.
    Failed,
    /// The watched generation fails.
    Ailing,
    /// No program runs until the instance is resumed.
    Paused,
    /// Programs run again.
    Resumed,
    /// Time has passed.
    Tick,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing until something happens.
    Rest,
    /// Refuse what was asked for: it is not possible in this state.
    Refuse,
    /// Load and verify the next generation.
    Prepare,
    /// Put its programs in the free lane; going back, those that no switch serves in charge.
    Arm,
    /// Move the gate.
    Flip,
    /// Wait until no run can see the gate as it was.
    Grace,
    /// Read the rings of the generation that was left to their end.
    Drain,
    /// Let go of the generation that is not in charge.
    Retire,
}

impl Action {
    /// In a word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Refuse => "refuse",
            Self::Prepare => "prepare",
            Self::Arm => "arm",
            Self::Flip => "flip",
            Self::Grace => "grace",
            Self::Drain => "drain",
            Self::Retire => "retire",
        }
    }
}

/// What an input leads to. One that can't come in a state changes nothing there.
pub(super) fn step(state: State, input: Input, now_ms: u64) -> (State, Action) {
    match input {
        Input::Update { bake_ms } => update(state, bake_ms),
        Input::RollBack => roll_back(state),
        Input::Done => done(state, now_ms),
        Input::Failed => (failed(state), after_failure(state)),
        Input::Ailing => ailing(state),
        Input::Paused => (paused(state, now_ms), Action::Rest),
        Input::Resumed => (resumed(state, now_ms), Action::Rest),
        Input::Tick => tick(state, now_ms),
    }
}

/// In the midst of a change there is no lane left. One that a panic left there is ended by a stop.
fn update(state: State, bake_ms: u64) -> (State, Action) {
    let watch = match state {
        State::Steady => None,
        State::Watching(watch) => Some(watch),
        _ => return (state, Action::Refuse),
    };
    (State::Preparing { bake_ms, watch }, Action::Prepare)
}

fn roll_back(state: State) -> (State, Action) {
    let State::Watching(watch) = state else {
        return (state, Action::Refuse);
    };
    (State::Arming(Course::Back(watch)), Action::Arm)
}

fn done(state: State, now_ms: u64) -> (State, Action) {
    match state {
        State::Preparing {
            bake_ms,
            watch: Some(_),
        } => (State::Clearing { bake_ms }, Action::Retire),
        State::Preparing {
            bake_ms,
            watch: None,
        }
        | State::Clearing { bake_ms } => (State::Arming(Course::Forward { bake_ms }), Action::Arm),
        State::Arming(course) => (State::Flipping(course), Action::Flip),
        State::Flipping(course) => (State::Waiting(course), Action::Grace),
        State::Waiting(course) => (State::Draining(course), Action::Drain),
        // A generation that was gone back to is not watched: it was in charge before, and going
        // back once more would help nobody.
        State::Draining(Course::Forward { bake_ms: 0 } | Course::Back(_)) => {
            (State::Retiring, Action::Retire)
        }
        State::Draining(Course::Forward { bake_ms }) => {
            let watch = Watch {
                until_ms: now_ms.saturating_add(bake_ms),
                paused_ms: None,
                given_up: false,
            };
            (State::Watching(watch), Action::Rest)
        }
        State::Retiring => (State::Steady, Action::Rest),
        State::Steady | State::Watching(_) => (state, Action::Rest),
    }
}

/// Before the flip all is as it was; behind it the change goes on to its end, whatever fails.
fn failed(state: State) -> State {
    match state {
        State::Preparing {
            watch: Some(watch), ..
        } => State::Watching(watch),
        State::Preparing { watch: None, .. }
        | State::Arming(Course::Forward { .. })
        | State::Retiring
        | State::Steady => State::Steady,
        State::Arming(Course::Back(watch)) => State::Watching(Watch {
            given_up: true,
            ..watch
        }),
        State::Clearing { bake_ms } => State::Arming(Course::Forward { bake_ms }),
        State::Flipping(course) => State::Waiting(course),
        State::Waiting(course) => State::Draining(course),
        State::Draining(_) => State::Retiring,
        State::Watching(_) => state,
    }
}

fn after_failure(state: State) -> Action {
    match state {
        State::Preparing { .. }
        | State::Arming(_)
        | State::Retiring
        | State::Steady
        | State::Watching(_) => Action::Rest,
        State::Clearing { .. } => Action::Arm,
        State::Flipping(_) => Action::Grace,
        State::Waiting(_) => Action::Drain,
        State::Draining(_) => Action::Retire,
    }
}

fn ailing(state: State) -> (State, Action) {
    match state {
        State::Watching(watch) if !watch.given_up && watch.paused_ms.is_none() => {
            (State::Arming(Course::Back(watch)), Action::Arm)
        }
        _ => (state, Action::Rest),
    }
}

fn paused(state: State, now_ms: u64) -> State {
    with_watch(state, |watch| Watch {
        paused_ms: watch.paused_ms.or(Some(now_ms)),
        ..watch
    })
}

fn resumed(state: State, now_ms: u64) -> State {
    with_watch(state, |watch| {
        let since_ms = watch.paused_ms.unwrap_or(now_ms);
        let paused_ms = now_ms.saturating_sub(since_ms);
        Watch {
            until_ms: watch.until_ms.saturating_add(paused_ms),
            paused_ms: None,
            ..watch
        }
    })
}

fn with_watch(state: State, change: impl FnOnce(Watch) -> Watch) -> State {
    match state {
        State::Watching(watch) => State::Watching(change(watch)),
        _ => state,
    }
}

fn tick(state: State, now_ms: u64) -> (State, Action) {
    match state {
        State::Watching(watch) if watch.paused_ms.is_none() && now_ms >= watch.until_ms => {
            (State::Retiring, Action::Retire)
        }
        _ => (state, Action::Rest),
    }
}

#[cfg(test)]
mod tests;

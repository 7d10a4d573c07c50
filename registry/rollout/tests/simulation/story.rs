//! What a seed draws: the plan, how good the release is, what is wrong with which nodes, what people
//! ask for, and when the registry dies. Called once a seed. Must never draw a plan that is not taken.

use api::registry::{Compare, OnFailure, Reach, RolloutPlan, Wave};
use rollout::Input;

use super::dice::Dice;

/// When stories begin, milliseconds since 1970.
pub(crate) const BEGIN_MS: u64 = 1_800_000_000_000;
/// Nodes of a fleet.
pub(crate) const NODES: usize = 10_000;
const MINUTE_MS: u64 = 60_000;

/// How good the release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Release {
    Good,
    /// Not on every kernel: a third of the verifiers says no.
    RejectedSomewhere,
    /// Its handler faults, and nodes go back by themselves.
    Faults,
    /// A tenth of its records is lost.
    LosesEvents,
    /// A run takes ten times as long.
    Slow,
    /// The daemon, or the machine, dies with it.
    KillsDaemon,
    /// Some nodes have other keys.
    UntrustedSomewhere,
    /// Some nodes have another architecture.
    IncompatibleSomewhere,
}

/// What is wrong with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It is away for a while, once or twice.
    Vanishes,
    VanishesForEver,
    /// It is away when the story begins.
    ComesLate,
    /// Its daemon restarts again and again: it runs, does not, runs.
    Flaps,
    /// It refuses what all others take.
    Refuses,
    /// It says everything twice.
    Repeats,
    /// What it says arrives late, and not in order.
    TellsLate,
    /// It says that it runs the release, whatever it was given.
    LiesThatItRuns,
    LiesThatItFailed,
    LiesThatItIsUntrusted,
    /// What it measured is nonsense.
    LiesInFigures,
    /// It says one thing now and another then.
    LiesAtRandom,
}

const FAULTS: [Fault; 12] = [
    Fault::Vanishes,
    Fault::VanishesForEver,
    Fault::ComesLate,
    Fault::Flaps,
    Fault::Refuses,
    Fault::Repeats,
    Fault::TellsLate,
    Fault::LiesThatItRuns,
    Fault::LiesThatItFailed,
    Fault::LiesThatItIsUntrusted,
    Fault::LiesInFigures,
    Fault::LiesAtRandom,
];

impl Fault {
    /// Whether what it says is what is so.
    pub(crate) fn is_honest(self) -> bool {
        match self {
            Self::None
            | Self::Vanishes
            | Self::VanishesForEver
            | Self::ComesLate
            | Self::Flaps
            | Self::Refuses
            | Self::Repeats
            | Self::TellsLate => true,
            Self::LiesThatItRuns
            | Self::LiesThatItFailed
            | Self::LiesThatItIsUntrusted
            | Self::LiesInFigures
            | Self::LiesAtRandom => false,
        }
    }

    /// Whether it keeps nobody from an end that is good.
    pub(crate) fn is_harmless(self) -> bool {
        matches!(self, Self::None | Self::Repeats | Self::ComesLate)
    }
}

/// A seed's story.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) plan: RolloutPlan,
    pub(crate) release: Release,
    pub(crate) start_ms: Option<u64>,
    /// What is wrong with each node.
    pub(crate) faults: Vec<Fault>,
    /// What people ask for, and when.
    pub(crate) asked: Vec<(u64, Input)>,
    /// What people do, one after the other, where it waits for them.
    pub(crate) answers: Vec<Input>,
    /// When the registry dies, and for how long.
    pub(crate) crashes: Vec<(u64, u64)>,
}

impl Story {
    pub(crate) fn of(dice: &mut Dice, by_place: &[usize]) -> Self {
        let plan = plan(dice);
        assert_eq!(rollout::check(&plan), Ok(()));
        let release = match dice.within(0, 11) {
            0..5 => Release::Good,
            5 => Release::RejectedSomewhere,
            6 => Release::Faults,
            7 => Release::LosesEvents,
            8 => Release::Slow,
            9 => Release::KillsDaemon,
            10 => Release::UntrustedSomewhere,
            _ => Release::IncompatibleSomewhere,
        };
        let start_ms = dice
            .once_in(4)
            .then(|| BEGIN_MS + dice.within(0, 5 * MINUTE_MS));
        let times = |dice: &mut Dice, max: u64| {
            let count = if dice.once_in(2) {
                0
            } else {
                dice.within(1, max)
            };
            let mut times: Vec<u64> = (0..count)
                .map(|_| {
                    // Many early, while waves are small.
                    let until_ms = dice.pick(&[MINUTE_MS / 2, 2 * MINUTE_MS, 20 * MINUTE_MS]);
                    BEGIN_MS + dice.within(0, until_ms)
                })
                .collect();
            times.sort_unstable();
            times
        };
        let asked = times(dice, 5);
        let asked = asked.into_iter().map(|at_ms| (at_ms, ask(dice))).collect();
        let crashes = times(dice, 4);
        let crashes = crashes
            .into_iter()
            .map(|at_ms| (at_ms, dice.pick(&[0, 5_000, 120_000, 400_000])))
            .collect();
        let answers = (0..dice.within(0, 5)).map(|_| answer(dice)).collect();
        Self {
            plan,
            release,
            start_ms,
            faults: faults(dice, by_place),
            asked,
            answers,
            crashes,
        }
    }
}

fn plan(dice: &mut Dice) -> RolloutPlan {
    let waves: &[Reach] = match dice.within(0, 6) {
        0 => &[Reach::Percent(100)],
        1 => &[Reach::Nodes(1), Reach::Percent(100)],
        2 => &[
            Reach::Percent(1),
            Reach::Percent(10),
            Reach::Percent(50),
            Reach::Percent(100),
        ],
        3 => &[
            Reach::Nodes(3),
            Reach::Nodes(40),
            Reach::Percent(5),
            Reach::Percent(100),
        ],
        4 => &[Reach::Percent(10), Reach::Percent(100)],
        5 => &[Reach::Nodes(20), Reach::Percent(30), Reach::Percent(100)],
        _ => &[Reach::Percent(2), Reach::Percent(3), Reach::Percent(100)],
    };
    let bake_ms = dice.pick(&[0, 10_000, 60_000, 300_000]);
    let deadline_ms = dice.pick(&[60_000, 120_000, 600_000]);
    let approval = dice.once_in(4);
    let waves: Vec<Wave> = waves
        .iter()
        .map(|reach| Wave {
            reach: *reach,
            bake_ms,
            deadline_ms,
            approval: approval && dice.once_in(2),
        })
        .collect();
    let flips = waves.len() == 1 && dice.once_in(2);
    let rarely = if dice.once_in(4) { 1 } else { 3 };
    let bound = |dice: &mut Dice, bound: u32| (!dice.once_in(rarely)).then_some(bound);
    RolloutPlan {
        waves,
        preflight_ms: dice.pick(&[30_000, 60_000, 600_000]),
        failures_max: dice.pick(&[0, 0, 0, 1, 5, 200]),
        on_failure: dice.pick(&[OnFailure::All, OnFailure::Wave, OnFailure::Pause]),
        compare: Compare {
            lost_ppm_max: bound(dice, 1_000),
            faults_per_mille_max: bound(dice, 0),
            run_time_percent_max: bound(dice, 300),
            samples_min: dice.pick(&[1, 100, 1_000]),
            wait_ms: dice.pick(&[0, 60_000, 600_000]),
        },
        flip_at_ms: flips.then(|| BEGIN_MS + dice.within(MINUTE_MS, 15 * MINUTE_MS)),
    }
}

/// Nodes at random, or those that the first waves reach.
fn faults(dice: &mut Dice, by_place: &[usize]) -> Vec<Fault> {
    let mut faults = vec![Fault::None; NODES];
    if dice.once_in(8) {
        // In the first wave, which bears one of these if it is of twenty.
        let last = dice.pick(&[1, 2]);
        for node in &by_place[1..=last] {
            faults[*node] = Fault::LiesInFigures;
        }
        return faults;
    }
    for _ in 0..dice.pick(&[0, 0, 1, 2, 4]) {
        let fault = dice.pick(&FAULTS);
        let count = dice.pick(&[1, 1, 5, 100, 500]);
        let last = dice.pick(&[count, 9_999]);
        for _ in 0..count {
            let at = usize::try_from(dice.within(0, last)).unwrap();
            faults[by_place[at]] = fault;
        }
    }
    faults
}

fn ask(dice: &mut Dice) -> Input {
    let because = "somebody says so".to_owned();
    match dice.within(0, 15) {
        0..4 => Input::Pause { because },
        4..9 => Input::Resume,
        9..12 => Input::Promote,
        12 => Input::Abort,
        13 => Input::Supersede {
            by: "rollout 2".to_owned(),
        },
        _ => Input::RollBack { because },
    }
}

/// As somebody would who is asked: most go on.
fn answer(dice: &mut Dice) -> Input {
    match dice.within(0, 9) {
        0..5 => Input::Promote,
        5..8 => Input::Resume,
        8 => Input::Abort,
        _ => Input::RollBack {
            because: "somebody gave it up".to_owned(),
        },
    }
}

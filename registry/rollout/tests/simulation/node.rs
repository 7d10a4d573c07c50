//! A node: what it has, and what it would say. Called by the run for each thing that happens to it.
//! Must never be asked by the registry: it only hears what nodes tell.

use rollout::{Runs, Sample, Staged};

use super::dice::Dice;
use super::registry::{Order, Told};
use super::story::{Fault, Release};

/// What became of the release on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    /// It runs what ran before.
    Other,
    Release,
    /// It runs what ran before: it went back by itself, or refused what it was to run.
    Failed,
    /// It has died with the release, and has not come up again.
    Died,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) fault: Fault,
    /// Whether it can reach the registry.
    pub(crate) is_there: bool,
    /// What it was given last.
    pub(crate) told: Order,
    /// Counts what it was given: what it began for an order before is dropped.
    pub(crate) orders: u32,
    /// Whether it is about to ask.
    pub(crate) is_asking: bool,
    pub(crate) staged: Option<Staged>,
    pub(crate) has: Has,
    /// Whether it ever ran the release.
    pub(crate) ran: bool,
    /// What it could not tell yet.
    pub(crate) untold: Vec<Told>,
    serial: u32,
}

impl Node {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            fault,
            is_there: true,
            told: Order::Old,
            orders: 0,
            is_asking: false,
            staged: None,
            has: Has::Other,
            ran: false,
            untold: Vec::new(),
            serial: 0,
        }
    }

    /// What comes of loading and verifying the release.
    pub(crate) fn stages(&self, number: usize, release: Release) -> Staged {
        if self.fault == Fault::Refuses {
            return Staged::Refused;
        }
        match release {
            Release::RejectedSomewhere if number % 3 == 1 => Staged::Refused,
            Release::UntrustedSomewhere if number % 100 == 7 => Staged::Untrusted,
            Release::IncompatibleSomewhere if number % 10 == 3 => Staged::Incompatible,
            Release::Good
            | Release::RejectedSomewhere
            | Release::Faults
            | Release::LosesEvents
            | Release::Slow
            | Release::KillsDaemon
            | Release::UntrustedSomewhere
            | Release::IncompatibleSomewhere => Staged::Passed,
        }
    }

    /// What it tells: what is so, or what it says is so.
    pub(crate) fn tells(
        &mut self,
        number: usize,
        release: Release,
        staged: Option<Staged>,
        runs: Option<Runs>,
        dice: &mut Dice,
    ) -> Told {
        self.serial += 1;
        let (staged, runs) = match self.fault {
            Fault::LiesThatItRuns => (Some(Staged::Passed), Some(Runs::Committed)),
            Fault::LiesThatItFailed => (staged, Some(Runs::Failed)),
            Fault::LiesThatItIsUntrusted => (staged, Some(Runs::Untrusted)),
            Fault::LiesAtRandom => {
                let runs = [Runs::Other, Runs::Watched, Runs::Committed, Runs::Failed];
                let staged = [Staged::NotYet, Staged::Passed, Staged::Incompatible];
                (Some(dice.pick(&staged)), Some(dice.pick(&runs)))
            }
            Fault::None
            | Fault::Vanishes
            | Fault::VanishesForEver
            | Fault::ComesLate
            | Fault::Flaps
            | Fault::Refuses
            | Fault::Repeats
            | Fault::TellsLate
            | Fault::LiesInFigures => (staged, runs),
        };
        let sample = match self.fault {
            Fault::LiesInFigures | Fault::LiesAtRandom => nonsense(dice),
            _ => sample(number, (self.has == Has::Release).then_some(release)),
        };
        Told {
            serial: self.serial,
            staged,
            runs,
            sample,
        }
    }
}

/// What an honest node measures of the release, or of what ran before.
pub(crate) fn sample(number: usize, release: Option<Release>) -> Sample {
    let number = u64::try_from(number).unwrap();
    // Machines differ, and every tenth has nothing to do.
    let busy = u64::from(!number.is_multiple_of(10));
    let records = (10_000 + number) * busy;
    let runs = (20_000 + number) * busy;
    let lost = match release {
        Some(Release::LosesEvents) => records / 9,
        _ => records / 100_000,
    };
    let run_ns = match release {
        Some(Release::Slow) => 20_000 + number,
        _ => 2_000 + number / 10,
    };
    Sample {
        accepted: records,
        lost: (number % 7 != 0).then_some(lost),
        faults: u64::from(release == Some(Release::Faults)) * 3,
        runs,
        run_ns: runs * run_ns,
    }
}

fn nonsense(dice: &mut Dice) -> Sample {
    let all = [0, 1, 1_000_000, u64::MAX];
    Sample {
        accepted: dice.pick(&all),
        lost: Some(dice.pick(&all)),
        faults: dice.pick(&[0, u64::MAX]),
        runs: dice.pick(&all),
        run_ns: dice.pick(&all),
    }
}

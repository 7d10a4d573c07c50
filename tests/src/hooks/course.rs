//! What one case goes through. Used by `hooks`.
//! Must never let a step pass whose count is not what was caused.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use api::client::ClientError;
use api::node::{Applied, Hook, HookState, Measured, Settings};

use super::bystander::Bystander;
use super::case::Case;
use super::daemon::{Daemon, PROGRAM};
use super::deed::{At, Deed, deed};
use super::field::Field;
use super::kernel;
use super::network::{self, Cable};
use super::{Cost, Outcome};
use crate::held;

/// How often a deed is done where nothing else happens.
const DEEDS: u64 = 20;
/// Updates under load.
const UPDATES: usize = 4;
/// Between two looks: who looks all the time takes the processor from what it waits for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// How long a target may take to be seen gone, or back.
const SEEN_WITHIN: Duration = Duration::from_secs(20);

/// How long a generation is watched that is gone back from before.
const BAKE_MS: u64 = 60_000;
/// The versions that programs count by.
const FIRST: usize = 1;
const SECOND: usize = 2;

mod kill;

struct Course<'a> {
    case: &'a Case,
    object: &'a [u8],
    daemon: &'a Daemon,
    field: &'a mut Field,
    deed: Deed,
    strategy: String,
    /// What daemons held that were killed.
    left: held::Objects,
}

/// Takes a case through all of it, the daemon's death among it where `kill` says so.
pub(super) fn run(
    case: &Case,
    object: &[u8],
    daemon: &Daemon,
    field: &mut Field,
    (kill, cost): (bool, &mut Cost),
) -> Result<Outcome> {
    let mut deed = deed(case.prefix());
    if let At::Near(Cable::Netkit) = deed.at
        && field.network(Cable::Netkit).is_err()
    {
        // A kernel without such devices must say so at another one.
        deed.at = At::Near(Cable::Veth);
    }
    match deed.at {
        At::Near(cable) | At::Far(cable) => drop(field.network(cable)?),
        At::FarNamespace | At::Netfilter => drop(field.network(Cable::Veth)?),
        _ => {}
    }
    let mut course = Course {
        case,
        object,
        daemon,
        field,
        deed,
        strategy: String::new(),
        left: held::Objects::new(),
    };
    match course.put(FIRST, false)? {
        Err(ClientError::Refused { problem, .. }) => {
            let held = held::objects(daemon.pid())?.len();
            ensure!(
                held == 0,
                "refused, and the daemon holds {held} objects of the kernel"
            );
            let why = problem.detail;
            return Ok(Outcome::Refused { why });
        }
        Err(error) => return Err(error).context("starting it"),
        Ok(applied) => {
            let hook = applied.instance.hooks.first().context("it has no hook")?;
            course.strategy.clone_from(&hook.strategy);
            // The kernel would take it as a tail call, and it would sleep where nothing may.
            let switched = applied
                .instance
                .hooks
                .iter()
                .any(|hook| hook.strategy == "switch");
            ensure!(
                !switched || !case.may_sleep(),
                "it may sleep, behind a switch"
            );
        }
    }
    course.counts_what_is_caused()?;
    course.loses_nothing_over_updates()?;
    course.goes_back()?;
    course.passes_its_answer_on()?;
    course.is_noticed_by_nobody_while_paused()?;
    course.comes_back_with_its_target()?;
    if kill {
        course.outlives_its_daemon(cost)?;
    }
    course.leaves_nothing()?;
    Ok(Outcome::Works {
        strategy: course.strategy,
    })
}

impl Course<'_> {
    fn put(&self, version: usize, deny: bool) -> Result<std::result::Result<Applied, ClientError>> {
        Ok(self
            .daemon
            .put(self.object, &self.settings(version, deny)?, 0))
    }

    fn update(&self, version: usize, deny: bool) -> Result<Applied> {
        self.put(version, deny)?.context("updating it")
    }

    fn act(&mut self) -> Result<()> {
        (self.deed.act)(self.field, self.daemon)
    }

    fn counts(&self) -> Result<[u64; 4]> {
        kernel::counts(self.daemon.pid())
    }

    fn hook(&self) -> Result<Hook> {
        let instance = self.daemon.instance()?;
        instance.hooks.into_iter().next().context("it has no hook")
    }

    /// `got` runs for `deeds` deeds: as many, or more where others fire the hook too or where two
    /// programs overlapped. Those that the kernel itself skipped, and told of, were nobody's.
    fn check(&self, what: &str, got: u64, deeds: u64, exactly: bool) -> Result<()> {
        let wanted = deeds * self.deed.runs.unwrap_or(1);
        let missed = self.hook()?.missed;
        let good = match self.deed.runs {
            Some(_) if exactly => got <= wanted && got + missed >= wanted,
            _ => got + missed >= wanted,
        };
        ensure!(
            good,
            "{what}: {got} runs counted, {wanted} caused, {missed} skipped by the kernel"
        );
        Ok(())
    }

    fn counts_what_is_caused(&mut self) -> Result<()> {
        ensure!(
            self.hook()?.state == HookState::Attached,
            "it is not attached"
        );
        let before = self.counts()?[FIRST];
        for _ in 0..DEEDS {
            self.act().context("doing what fires it")?;
        }
        let counted = self.counts()?[FIRST] - before;
        self.check("after the start", counted, DEEDS, true)
    }

    /// Deeds go on while one generation follows another: each is counted by exactly one of them.
    fn loses_nothing_over_updates(&mut self) -> Result<()> {
        let before: u64 = self.counts()?.iter().sum();
        let mut deeds = 0;
        let mut duplicated = Vec::new();
        let (daemon, object) = (self.daemon, self.object);
        let quietly = kernel::dies_when_trampolines_change(self.case.prefix());
        for version in [SECOND, FIRST].into_iter().cycle().take(UPDATES) {
            let settings = self.settings(version, false)?;
            let applied = std::thread::scope(|scope| -> Result<Applied> {
                let update = scope.spawn(|| daemon.put(object, &settings, 0));
                while !quietly && !update.is_finished() {
                    self.act()
                        .context("doing what fires it, while it is updated")?;
                    deeds += 1;
                }
                let applied = update
                    .join()
                    .map_err(|_| anyhow::anyhow!("the update panicked"))?;
                applied.context("updating it under load")
            })?;
            duplicated.push(applied.proof.duplicated);
        }
        let counted = self.counts()?.iter().sum::<u64>() - before;
        let exactly = self.strategy != "overlap";
        self.check("over updates", counted, deeds, exactly)?;
        let known = duplicated.iter().all(|count| *count == Measured::Known(0));
        ensure!(
            known == exactly,
            "its proofs say {duplicated:?} of {}",
            self.strategy
        );
        Ok(())
    }

    /// While the generation before is loaded, it is in charge again at once, and alone.
    fn goes_back(&mut self) -> Result<()> {
        self.update(FIRST, false)?;
        let settings = self.settings(SECOND, false)?;
        let watched = self.daemon.put(self.object, &settings, BAKE_MS)?;
        let before = watched.proof.from.context("it replaced nothing")?;
        self.act().context("doing it while it is watched")?;
        let back = self.daemon.roll_back()?.proof;
        ensure!(
            back.to == before,
            "gone back to {:?}, not {before:?}",
            back.to
        );
        let at_first = self.counts()?;
        for _ in 0..DEEDS {
            self.act().context("doing it after the way back")?;
        }
        let then = self.counts()?;
        self.check(
            "after the way back",
            then[FIRST] - at_first[FIRST],
            DEEDS,
            true,
        )?;
        ensure!(then[SECOND] == at_first[SECOND], "what was left counts");
        Ok(())
    }

    fn settings(&self, version: usize, deny: bool) -> Result<Settings> {
        let globals = [
            ("version", version.to_string()),
            ("deny", i32::from(deny).to_string()),
            ("tgid", std::process::id().to_string()),
        ];
        let target = self.deed.at.target(&self.case.section, self.field)?;
        Ok(Settings {
            globals: globals.map(|(name, value)| (name.to_owned(), value)).into(),
            targets: target
                .map(|target| (PROGRAM.to_owned(), target))
                .into_iter()
                .collect(),
        })
    }

    /// What the program answers is what the hook gets, and back again.
    fn passes_its_answer_on(&mut self) -> Result<()> {
        if self.case.deny.is_none() {
            return Ok(());
        }
        self.update(SECOND, true)?;
        ensure!(
            self.act().is_err(),
            "the program refuses, and it is done all the same"
        );
        self.update(FIRST, false)?;
        self.act().context("doing it after the way back")
    }

    /// The neutral answer of an empty lane lets things go on, and is counted.
    fn is_noticed_by_nobody_while_paused(&mut self) -> Result<()> {
        let before = self.hook()?.excused;
        self.daemon.set_paused(true)?;
        let counted = self.counts()?;
        let runs_alone = !self.deed.at.is_asked_for();
        let mut bystander = Bystander::of(&self.case.section, self.case.prefix())?;
        for _ in 0..DEEDS {
            let done = self.act();
            ensure!(done.is_ok() == runs_alone, "while it is paused: {done:?}");
        }
        if let Some(bystander) = &mut bystander {
            let seen = bystander.seen()?;
            let all = seen == DEEDS || (!bystander.alone && seen > DEEDS);
            ensure!(
                all,
                "another perf user saw {seen} of {DEEDS} events while it is paused"
            );
        }
        let still = self.counts()?;
        ensure!(
            counted == still,
            "paused, it counts: {counted:?}, then {still:?}"
        );
        let hook = self.hook()?;
        if self.strategy == "switch" {
            self.check("past the empty lane", hook.excused - before, DEEDS, false)?;
            ensure!(
                hook.falls_through == 0,
                "{} fell through",
                hook.falls_through
            );
        } else {
            ensure!(
                hook.state == HookState::Detached,
                "paused, it is {:?}",
                hook.state
            );
        }
        self.daemon.set_paused(false)?;
        self.act()?;
        let resumed = self.counts()?;
        ensure!(resumed != still, "resumed, it counts nothing");
        Ok(())
    }

    /// A target that goes away is told; when it is back, so is the hook.
    fn comes_back_with_its_target(&mut self) -> Result<()> {
        match self.deed.at {
            At::Near(cable) | At::Far(cable) => {
                network::cut()?;
                self.wait_for(HookState::Gone)?;
                self.field.network(cable)?.mend()?;
            }
            At::Cgroup | At::SectionAndCgroup => {
                self.field.leave()?;
                self.wait_for(HookState::Gone)?;
                self.field.join()?;
            }
            _ => return Ok(()),
        }
        self.wait_for(HookState::Attached)?;
        let before: u64 = self.counts()?.iter().sum();
        for _ in 0..DEEDS {
            self.act().context("doing it after the target's return")?;
        }
        let counted = self.counts()?.iter().sum::<u64>() - before;
        self.check("after the target's return", counted, DEEDS, true)
    }

    fn wait_for(&self, state: HookState) -> Result<()> {
        let begun = Instant::now();
        loop {
            let is = self.hook()?.state;
            if is == state {
                return Ok(());
            }
            ensure!(begun.elapsed() < SEEN_WITHIN, "it is {is:?}, not {state:?}");
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
    }

    fn leaves_nothing(&mut self) -> Result<()> {
        let mut own = held::objects(self.daemon.pid())?;
        own.append(&mut self.left);
        self.daemon.stop_instance();
        if !self.deed.at.is_asked_for() {
            self.act().context("doing it after the stop")?;
        }
        let held = held::objects(self.daemon.pid())?.len();
        ensure!(
            held == 0,
            "stopped, and the daemon holds {held} objects of the kernel"
        );
        let begun = Instant::now();
        loop {
            let (left, programs) = (held::still_there(&own), kernel::programs_left());
            if left.is_empty() && programs == 0 {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < SEEN_WITHIN,
                "stopped, {left:?} and {programs} programs are left"
            );
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
    }
}

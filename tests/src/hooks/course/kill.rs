//! The daemon is killed while a case is attached; things go on, and another daemon goes on with it.
//! Must never forgive a run that was counted twice.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use api::node::HookState;

use super::{Course, DEEDS, FIRST, SECOND};
use crate::held;
use crate::hooks::Cost;
use crate::hooks::deed::At;
use crate::hooks::kernel;
use crate::hooks::network::{self, Cable};

impl Course<'_> {
    /// Where what keeps it attached is the kernel's, it counts on without a daemon; else the next one
    /// attaches it again. Then it is there once, and is replaced like any other.
    pub(super) fn outlives_its_daemon(&mut self, cost: &mut Cost) -> Result<()> {
        let begun = Instant::now();
        // First: a filter that was left beside the next daemon's would go with its interface.
        self.follows_its_target(cost)?;
        let before: u64 = self.counts()?.iter().sum();
        let deeds = self.without_a_daemon(cost, Self::acts_without_a_daemon)?;
        let state = self.hook()?.state;
        ensure!(
            state == HookState::Attached,
            "the next daemon has it {state:?}"
        );
        let found: u64 = self.counts()?.iter().sum();
        self.check("without a daemon", found - before, deeds, true)?;
        self.counts_once(FIRST, "with the next daemon")?;
        self.update(SECOND, false)?;
        self.counts_once(SECOND, "updated by the next daemon")?;
        cost.took += begun.elapsed();
        Ok(())
    }

    /// Kills the daemon, does something, and starts another one.
    fn without_a_daemon<T>(
        &mut self,
        cost: &mut Cost,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.left.append(&mut held::objects(self.daemon.pid())?);
        self.daemon.kill()?;
        cost.kills += 1;
        let done = work(self)?;
        self.field.apart(|| self.daemon.start_again())?;
        Ok(done)
    }

    /// What its target's name stands for is another one when the next daemon looks.
    fn follows_its_target(&mut self, cost: &mut Cost) -> Result<()> {
        let replace: fn(&mut Self) -> Result<()> = match self.deed.at {
            At::Near(_) | At::Far(_) => |course| {
                network::cut()?;
                course.field.laid()?.mend()
            },
            At::Cgroup | At::SectionAndCgroup => |course| {
                course.field.leave()?;
                Ok(course.field.join()?)
            },
            At::FarNamespace | At::Netfilter => |course| course.field.lay_anew(Cable::Veth),
            _ => return Ok(()),
        };
        self.without_a_daemon(cost, replace)?;
        self.wait_for(HookState::Attached)?;
        self.counts_once(FIRST, "at its new target")
    }

    /// Gives how many deeds must have been counted.
    fn acts_without_a_daemon(&mut self) -> Result<u64> {
        if let At::Iterator | At::IteratorOfCounts = self.deed.at {
            // They run when a daemon reads them.
            return Ok(0);
        }
        let outlives = kernel::outlives_daemons(self.case.prefix());
        for _ in 0..DEEDS {
            let done = self.act().context("doing it without a daemon");
            if outlives || !self.deed.at.is_asked_for() {
                done?;
            }
        }
        Ok(if outlives { DEEDS } else { 0 })
    }

    /// As many deeds are counted by the version in charge, and by no other.
    fn counts_once(&mut self, version: usize, what: &str) -> Result<()> {
        let before = self.counts()?;
        for _ in 0..DEEDS {
            self.act().with_context(|| format!("doing it {what}"))?;
        }
        let then = self.counts()?;
        self.check(what, then[version] - before[version], DEEDS, true)?;
        let sum = |counts: [u64; 4]| counts.iter().sum::<u64>();
        let others = sum(then) - sum(before) - (then[version] - before[version]);
        ensure!(others == 0, "{what}: {others} runs of another version");
        Ok(())
    }
}

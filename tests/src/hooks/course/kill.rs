//! The daemon is killed while a case is attached; things go on, and another daemon goes on with it.
//! Must never forgive a run that was counted twice.

use anyhow::{Context, Result, ensure};
use api::node::HookState;

use super::{Course, DEEDS, FIRST, SECOND};
use crate::held;
use crate::hooks::deed::At;
use crate::hooks::kernel;

impl Course<'_> {
    /// Where what keeps it attached is the kernel's, it counts on without a daemon; else the next one
    /// attaches it again. Then it is there once, and is replaced like any other.
    pub(super) fn outlives_its_daemon(&mut self) -> Result<()> {
        self.left = held::objects(self.daemon.pid())?;
        let before: u64 = self.counts()?.iter().sum();
        self.daemon.kill()?;
        let deeds = self.acts_without_a_daemon()?;
        let daemon = self.daemon;
        self.field.apart(|| daemon.start_again())?;
        let state = self.hook()?.state;
        ensure!(
            state == HookState::Attached,
            "the next daemon has it {state:?}"
        );
        let found: u64 = self.counts()?.iter().sum();
        self.check("without a daemon", found - before, deeds, true)?;
        self.counts_once(FIRST, "with the next daemon")?;
        self.update(SECOND, false)?;
        self.counts_once(SECOND, "updated by the next daemon")
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

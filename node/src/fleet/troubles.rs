//! What is wrong between a node and its registry, and which of it is worth a line in the journal.
//! Kept by the driver; pure.
//! Must never fill a journal with what comes and goes, nor hide what is wrong now.

use std::collections::BTreeMap;

use api::node::Trouble;
use api::problem::Problem;

/// A trouble that was told is not told again within this time, also where it had gone meanwhile,
/// milliseconds.
const QUIET_MS: u64 = 60_000;
/// Most lines about one concern within [`QUIET_MS`], whatever they say; what is over is told as well.
const LINES_MAX: u32 = 6;

/// What can be in trouble, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Concern {
    /// Getting or reading the credential.
    Credential,
    /// Writing it.
    Keeping,
    /// Hearing what is wanted.
    Desire,
    /// Reading each instance that is wanted.
    Instances,
    /// Taking each floor that is told.
    Floors,
    /// Telling what happened.
    Report,
    /// Writing the state.
    Disk,
}

impl Concern {
    fn over(self) -> &'static str {
        match self {
            Self::Credential => "works again: there is a credential",
            Self::Keeping => "works again: the credential is kept",
            Self::Desire => "works again: the registry says what is wanted",
            Self::Instances => "works again: all that is wanted can be read",
            Self::Floors => "works again: every floor is taken",
            Self::Report => "works again: the registry takes reports",
            Self::Disk => "works again: the state is written",
        }
    }
}

/// One concern.
#[derive(Debug, Default)]
struct Told {
    now: Option<Trouble>,
    /// The trouble that was told last.
    last: Option<Problem>,
    at_ms: u64,
    /// Whether the journal's last word about it is that trouble.
    open: bool,
    /// Since when lines are counted.
    from_ms: u64,
    lines: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<Concern, Told>);

impl Troubles {
    /// Something went wrong. Gives the line to tell, where it is to be told.
    pub(super) fn arise(
        &mut self,
        concern: Concern,
        trouble: Trouble,
        now_ms: u64,
    ) -> Option<String> {
        let told = self.0.entry(concern).or_default();
        let problem = trouble.problem.clone();
        told.now = Some(trouble);
        let known = told.last.as_ref() == Some(&problem);
        if known && (told.open || now_ms < told.at_ms.saturating_add(QUIET_MS)) {
            return None;
        }
        if now_ms >= told.from_ms.saturating_add(QUIET_MS) {
            (told.from_ms, told.lines) = (now_ms, 0);
        }
        if told.lines >= LINES_MAX {
            return None;
        }
        let line = problem.to_string();
        told.lines += 1;
        (told.last, told.at_ms, told.open) = (Some(problem), now_ms, true);
        Some(line)
    }

    /// It works. Gives the line to tell, where it had not and that was told.
    pub(super) fn ease(&mut self, concern: Concern) -> Option<&'static str> {
        let told = self.0.get_mut(&concern)?;
        told.now.take()?;
        std::mem::take(&mut told.open).then(|| concern.over())
    }

    /// What went wrong last and is not over.
    pub(super) fn latest(&self) -> Option<&Trouble> {
        let now = self.0.values().filter_map(|told| told.now.as_ref());
        now.max_by_key(|trouble| trouble.at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(detail: &str) -> Trouble {
        Trouble {
            at_ms: 1,
            problem: Problem::new(503, "away", detail),
        }
    }

    #[test]
    fn a_trouble_is_told_once_and_so_is_its_end() {
        let mut troubles = Troubles::default();
        let line = troubles.arise(Concern::Desire, trouble("refused"), 0);
        assert!(line.unwrap().contains("refused"));
        for now_ms in [1, QUIET_MS, 1000 * QUIET_MS] {
            assert_eq!(
                troubles.arise(Concern::Desire, trouble("refused"), now_ms),
                None
            );
        }
        assert!(troubles.latest().is_some());
        let over = troubles.ease(Concern::Desire);
        assert_eq!(over, Some("works again: the registry says what is wanted"));
        assert_eq!(troubles.ease(Concern::Desire), None);
        assert!(troubles.latest().is_none());
    }

    #[test]
    fn what_comes_and_goes_is_told_once_in_a_while_and_shown_all_the_time() {
        let mut troubles = Troubles::default();
        let (mut lines, mut now_ms) = (0, 0);
        while now_ms < 10 * QUIET_MS {
            lines += usize::from(
                troubles
                    .arise(Concern::Desire, trouble("x"), now_ms)
                    .is_some(),
            );
            assert!(troubles.latest().is_some());
            lines += usize::from(troubles.ease(Concern::Desire).is_some());
            now_ms += 100;
        }
        assert_eq!(lines, 2 * 10);
        // It stays, and that is told, though it was told a while ago.
        let mut stays = (0..=QUIET_MS).step_by(100);
        let told = |ms| troubles.arise(Concern::Desire, trouble("x"), now_ms + ms);
        assert_eq!(stays.by_ref().filter_map(told).count(), 1);
    }

    #[test]
    fn troubles_that_differ_each_time_are_bounded_too_and_the_concerns_apart() {
        let mut troubles = Troubles::default();
        let mut told = |concern, ms: u64| troubles.arise(concern, trouble(&ms.to_string()), ms);
        let lines = (1..1000).filter_map(|ms| told(Concern::Report, ms)).count();
        assert_eq!(lines, usize::try_from(LINES_MAX).unwrap());
        assert!(told(Concern::Disk, 1000).is_some());
        assert!(told(Concern::Report, QUIET_MS + 1).is_some());
    }
}

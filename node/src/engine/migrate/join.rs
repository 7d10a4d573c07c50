//! Joins two generations' writes to one entry by the manifest's rule. Used when the old generation
//! writes no more and the new one does. Must never undo what the new generation wrote, but where
//! the rule says so, and then counts it.

use std::io;

use payload::manifest::Merge;

use super::changes::{Changed, Changes};
use super::{Copied, Migration};
use crate::kernel::carried::Inserted;
use crate::kernel::join::{Change, Outcome};
use crate::kernel::sys;

/// What came of joining a map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Joined {
    /// Entries that only the old generation had made.
    pub(super) inserted: u64,
    /// Keys of which one of two writes is gone.
    pub(super) conflicts: u64,
    /// Entries that found no room.
    pub(super) lost: u64,
}

/// What came of joining one key: on a per-CPU map, of all CPUs together.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    absent: bool,
    /// The new generation had written what is not added, and so had the old one.
    written: bool,
}

impl Migration {
    /// Brings over what was written since the copy.
    pub(super) fn join(&self) -> io::Result<Joined> {
        let Changes {
            made,
            mut changed,
            deleted,
            unread,
        } = self.changes()?;
        if unread {
            return Err(io::Error::other(
                "the old generation's map is still being written",
            ));
        }
        let mut joined = Joined::default();
        for one in made {
            let Some(key) = self.terms.key(&one.key) else {
                joined.lost += 1;
                continue;
            };
            let values = Copied::targets(&self.terms, &self.base, &one.last);
            match self.target.insert(&key, &values)? {
                Inserted::Yes => joined.inserted += 1,
                Inserted::Full => joined.lost += 1,
                Inserted::Exists => changed.push(one),
            }
        }
        let met = self.join_all(&changed)?;
        for (one, met) in changed.iter().zip(met) {
            self.settle(one, met, &mut joined)?;
        }
        for key in &deleted {
            self.delete(key, &mut joined)?;
        }
        Ok(joined)
    }

    fn join_all(&self, changed: &[Changed]) -> io::Result<Vec<Met>> {
        if !self.target.is_per_cpu() {
            return changed
                .iter()
                .map(|one| self.join_value(one, 0, None))
                .collect();
        }
        let mut met = vec![Met::default(); changed.len()];
        if changed.is_empty() {
            return Ok(met);
        }
        // A CPU's values are changed on that CPU, like its programs do. The thread ends with the
        // walk over the CPUs: nobody else's affinity is touched.
        let walk = || -> io::Result<()> {
            for cpu in 0..self.target.values_a_key()? {
                let number = u32::try_from(cpu).map_err(io::Error::other)?;
                // A CPU that is offline has no program running.
                let number = sys::stay_on(number).ok().map(|()| number);
                for (one, met) in changed.iter().zip(&mut met) {
                    let value = self.join_value(one, cpu, number)?;
                    met.absent |= value.absent;
                    met.written |= value.written;
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| scope.spawn(walk).join())
            .map_err(|_| io::Error::other("the thread that joins ended early"))??;
        Ok(met)
    }

    /// Joins one value of a key.
    fn join_value(&self, one: &Changed, index: usize, cpu: Option<u32>) -> io::Result<Met> {
        let values = |values: &'_ [Vec<u8>]| values.get(index).cloned().unwrap_or_default();
        let (earlier, last) = (values(&one.copied.source), values(&one.last));
        if earlier == last {
            return Ok(Met::default());
        }
        let expected = values(&one.copied.target);
        let mut wanted = expected.clone();
        self.terms.value.onto(&last, &mut wanted);
        let rest_changed = self.terms.rest_differs(&expected, &wanted);
        let Some(joiner) = &self.joiner else {
            return self.join_large(one, rest_changed);
        };
        let numbers = self.terms.numbers.iter();
        let added: Vec<u64> = numbers.map(|one| one.added(&earlier, &last)).collect();
        let change = Change {
            key: &self.terms.key.convert(&one.key),
            added: &added,
            expected: &expected,
            last: &wanted,
        };
        let outcome = joiner.join(&change, cpu)?;
        Ok(Met {
            absent: outcome == Outcome::Absent,
            written: outcome == Outcome::Written && rest_changed,
        })
    }

    /// What is too large to be compared within the kernel counts as written by both.
    fn join_large(&self, one: &Changed, rest_changed: bool) -> io::Result<Met> {
        let there = self.target.get(&self.terms.key.convert(&one.key))?;
        Ok(Met {
            absent: there.is_none(),
            written: there.is_some() && rest_changed,
        })
    }

    /// What the rule says where both generations wrote to a key.
    fn settle(&self, one: &Changed, met: Met, joined: &mut Joined) -> io::Result<()> {
        if !met.absent && !met.written {
            return Ok(());
        }
        joined.conflicts += 1;
        match self.terms.merge {
            // An entry that the new generation deleted stays so.
            Merge::None | Merge::Add => Ok(()),
            Merge::Replace => self.replace(one, joined),
        }
    }

    fn replace(&self, one: &Changed, joined: &mut Joined) -> io::Result<()> {
        let key = self.terms.key.convert(&one.key);
        let there = self.target.get(&key)?;
        let mut values = there.unwrap_or_else(|| vec![self.base.clone(); one.last.len()]);
        for (value, last) in values.iter_mut().zip(&one.last) {
            self.terms.value.onto(last, value);
        }
        if self.target.put(&key, &values)? == Inserted::Full {
            joined.lost += 1;
        }
        Ok(())
    }

    /// What the old generation deleted goes, unless the new one has written it.
    fn delete(&self, key: &[u8], joined: &mut Joined) -> io::Result<()> {
        let new_key = self.terms.key.convert(key);
        let Some(there) = self.target.get(&new_key)? else {
            return Ok(());
        };
        let copied = self.copied.get(key);
        let untouched = copied.is_some_and(|copied| copied.target == there);
        if !untouched {
            joined.conflicts += 1;
            if self.terms.merge != Merge::Replace {
                return Ok(());
            }
        }
        self.target.delete(&new_key)
    }
}

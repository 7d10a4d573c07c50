//! Finds the record that a handler fails on: what failed is tried again whole, then by halves. Pure;
//! asked by `feed` at each fault. Must never skip a record that has not failed alone.

/// Records on which a handler has failed, or some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suspect {
    /// Which ring they are in.
    pub(crate) ring: usize,
    /// The position of the first of them.
    pub(crate) start: u64,
    /// The position behind the last of them.
    pub(crate) end: u64,
    /// How many are tried at once.
    pub(crate) records: u64,
    /// Whether one was found that fails alone. The next one is another fault.
    pub(crate) found: bool,
}

/// What a handler was given when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Given {
    /// Which ring.
    pub(crate) ring: usize,
    /// The position of the first record.
    pub(crate) start: u64,
    /// The position behind the last.
    pub(crate) end: u64,
    /// How many records.
    pub(crate) records: u64,
}

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another fault than before: the same is tried again whole.
    First(Suspect),
    /// The same fault: fewer are tried.
    Fewer(Suspect),
    /// This record alone makes it fail: it is skipped, and what is behind it is tried.
    Skip {
        /// What is behind it, where that is suspect too.
        behind: Option<Suspect>,
        /// Whether this is another fault than the one that the search began with.
        is_another: bool,
    },
}

/// What follows a failure on `given`.
pub(crate) fn after_failure(suspect: Option<Suspect>, given: Given) -> Next {
    let same = |suspect: &Suspect| {
        suspect.ring == given.ring && suspect.start <= given.start && given.end <= suspect.end
    };
    let Some(before) = suspect.filter(same) else {
        return Next::First(Suspect {
            ring: given.ring,
            start: given.start,
            end: given.end,
            records: given.records.max(1),
            found: false,
        });
    };
    if given.records > 1 {
        return Next::Fewer(Suspect {
            records: given.records / 2,
            ..before
        });
    }
    let behind = Suspect {
        found: true,
        ..before
    };
    Next::Skip {
        behind: after_success(Some(behind), given.ring, given.end),
        is_another: before.found,
    }
}

/// What is still suspect once a handler has come to this position.
pub(crate) fn after_success(
    suspect: Option<Suspect>,
    ring: usize,
    position: u64,
) -> Option<Suspect> {
    suspect.filter(|suspect| suspect.ring != ring || position < suspect.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of eight bytes, of which some make a handler fail; gives those that were skipped, how
    /// often it failed, and the faults that this counts for.
    fn skipped(records: u64, poison: &[u64]) -> (Vec<u64>, u32, usize) {
        let (mut at, mut suspect, mut skipped) = (0, None, Vec::new());
        let (mut failures, mut faults) = (0, 0);
        while at < records {
            let many = suspect.map_or(records, |suspect: Suspect| suspect.records);
            let end = (at + many).min(records);
            let given = Given {
                ring: 0,
                start: at * 8,
                end: end * 8,
                records: end - at,
            };
            if !poison.iter().any(|record| (at..end).contains(record)) {
                at = end;
                suspect = after_success(suspect, 0, given.end);
                continue;
            }
            failures += 1;
            assert!(failures < 1_000, "it does not end");
            match after_failure(suspect, given) {
                Next::First(next) => {
                    faults += 1;
                    suspect = Some(next);
                }
                Next::Fewer(next) => suspect = Some(next),
                Next::Skip { behind, is_another } => {
                    assert_eq!(given.records, 1);
                    faults += usize::from(is_another);
                    skipped.push(at);
                    at = end;
                    suspect = behind;
                }
            }
        }
        assert_eq!(suspect, None);
        (skipped, failures, faults)
    }

    #[test]
    fn only_what_fails_alone_is_skipped() {
        for poison in [
            vec![],
            vec![0],
            vec![63],
            vec![17],
            vec![3, 4],
            vec![0, 31, 63],
        ] {
            let (skipped, _, faults) = skipped(64, &poison);
            assert_eq!(skipped, poison);
            assert_eq!(faults, poison.len(), "each is one fault");
        }
        assert_eq!(skipped(1, &[0]).0, [0]);
        assert_eq!(skipped(3, &[0, 1, 2]).0, [0, 1, 2]);
    }

    #[test]
    fn one_record_is_found_by_halving() {
        let (_, failures, _) = skipped(372, &[200]);
        assert!(failures <= 12, "{failures}");
    }

    #[test]
    fn another_place_is_another_suspect() {
        let given = |ring, start, end| Given {
            ring,
            start,
            end,
            records: 4,
        };
        let Next::First(suspect) = after_failure(None, given(0, 0, 32)) else {
            panic!("a first failure");
        };
        assert!(matches!(
            after_failure(Some(suspect), given(1, 0, 32)),
            Next::First(_)
        ));
        assert!(matches!(
            after_failure(Some(suspect), given(0, 32, 64)),
            Next::First(_)
        ));
        let Next::First(later) = after_failure(None, given(0, 32, 64)) else {
            panic!("a first failure");
        };
        assert!(
            matches!(after_failure(Some(later), given(0, 0, 32)), Next::First(_)),
            "what is replayed before it is another place"
        );
        assert_eq!(after_success(Some(suspect), 0, 32), None);
        assert_eq!(after_success(Some(suspect), 0, 31), Some(suspect));
        assert_eq!(after_success(Some(suspect), 1, 32), Some(suspect));
    }
}

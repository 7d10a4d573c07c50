//! How many connections there is room for: the bound on open files is raised as far as it may be,
//! and shared out. Asked by the server while it starts.
//! Must never fail, nor promise a connection for which there is no descriptor.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::{CONNECTIONS_MAX, FILES_MAX, FILES_OWN_MIN, LIVE_PAGES_MAX};

/// What there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Open files that the process may have.
    pub(crate) files: u64,
    /// Connections that are served at a time.
    pub(crate) connections: usize,
    /// Those of them that one address may have: all nodes behind one NAT, or everybody behind a
    /// proxy, and still not all.
    pub(crate) of_one_address: usize,
    /// Nodes that may wait at the doorbell; each holds a connection.
    pub(crate) doorbells: usize,
    /// Open pages that are told of changes; each holds a connection.
    pub(crate) live_pages: usize,
}

impl Capacity {
    /// Raises the bound on open files, and shares out what there is then.
    pub(super) fn raised() -> Self {
        let found = getrlimit(Resource::Nofile);
        let wanted = found.maximum.map_or(FILES_MAX, |most| most.min(FILES_MAX));
        if found.current.is_some_and(|now| now < wanted) {
            // What it can't have, it does without.
            let _ = setrlimit(
                Resource::Nofile,
                Rlimit {
                    current: Some(wanted),
                    maximum: found.maximum,
                },
            );
        }
        Self::of(getrlimit(Resource::Nofile).current.unwrap_or(FILES_MAX))
    }

    /// With so many open files: an eighth is for the database, for blobs and for what comes.
    fn of(files: u64) -> Self {
        let left = files.saturating_sub((files / 8).max(FILES_OWN_MIN));
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let connections = left.clamp(1, CONNECTIONS_MAX);
        // A quarter is left for everybody else.
        let most = (connections / 4 * 3).max(1);
        Self {
            files,
            connections,
            of_one_address: most,
            doorbells: most,
            live_pages: LIVE_PAGES_MAX.min(connections / 8).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_the_registrys_own_files_fit_into_what_there_is() {
        for files in [0, 1, 64, 65, 256, 1024, 4096, FILES_MAX, u64::MAX] {
            let capacity = Capacity::of(files);
            let connections = capacity.connections as u64;
            assert!((1..=CONNECTIONS_MAX as u64).contains(&connections));
            assert!(files <= FILES_OWN_MIN || connections + FILES_OWN_MIN <= files);
            assert!((1..=capacity.connections).contains(&capacity.of_one_address));
        }
        assert_eq!(Capacity::of(FILES_MAX).connections, CONNECTIONS_MAX);
        assert_eq!(Capacity::of(1024).connections, 896);
    }

    #[test]
    fn ten_thousand_nodes_behind_one_address_have_their_doorbells() {
        let capacity = Capacity::of(FILES_MAX);
        assert!(capacity.doorbells.min(capacity.of_one_address) > 10_000);
    }
}

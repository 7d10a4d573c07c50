//! The users that `--allow-user` names, as user ids.
//! Called once, when the daemon starts.
//! Must never take a name that it can't find for anybody.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use thiserror::Error;

/// The most of the user table that is read.
const TABLE_BYTES_MAX: u64 = 16 << 20;

/// Why a user can't be let in.
#[derive(Debug, Error)]
pub(crate) enum UserUnknown {
    /// Not a number, and no such name in `/etc/passwd`.
    #[error(
        "--allow-user {name}: /etc/passwd has no such user; of a user from another directory, \
         give the number"
    )]
    NoName {
        /// The name that was given.
        name: String,
    },
    /// The table can't be read.
    #[error("--allow-user {name}: /etc/passwd can't be read: {reason}")]
    NoTable {
        /// The name that was given.
        name: String,
        /// What the system said.
        reason: std::io::Error,
    },
}

/// The user id of a number or of a name in `/etc/passwd`.
///
/// # Errors
/// No such user, or no such table.
pub(crate) fn uid_of(name: &str) -> Result<u32, UserUnknown> {
    if let Ok(uid) = name.parse() {
        return Ok(uid);
    }
    let no_table = |reason| UserUnknown::NoTable {
        name: name.to_owned(),
        reason,
    };
    let table = File::open("/etc/passwd").map_err(no_table)?;
    find(name, BufReader::new(table.take(TABLE_BYTES_MAX)))
        .map_err(no_table)?
        .ok_or_else(|| UserUnknown::NoName {
            name: name.to_owned(),
        })
}

/// `name:password:uid:…` (passwd(5)).
fn find(name: &str, table: impl BufRead) -> std::io::Result<Option<u32>> {
    for line in table.lines() {
        let line = line?;
        let mut fields = line.split(':');
        if fields.next() == Some(name) {
            return Ok(fields.nth(1).and_then(|uid| uid.parse().ok()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_understood_and_nothing_else() {
        let table = "root:x:0:0:root:/root:/bin/sh\nbad:x:-1:0::\nweb:x:33:33::/:/bin/false\n";
        let find = |name| find(name, table.as_bytes()).unwrap();
        assert_eq!((find("root"), find("web")), (Some(0), Some(33)));
        assert_eq!((find("bad"), find("we"), find("")), (None, None, None));
        assert_eq!(uid_of("1234").unwrap(), 1234);
        assert!(uid_of("no such user").is_err());
    }
}

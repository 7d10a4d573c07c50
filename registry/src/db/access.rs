//! Accesses: the token or the node's credential that something is done with. Asked by
//! `Db::write_as`, in the transaction of every change that a caller makes.
//! Must never hold a secret, nor go by a name: by now another token may have it.

use super::{Connection, DbError, node, token};

/// What something is done with, by the SHA-256 of its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    /// Nothing: it changes nothing.
    Nobody,
    /// A token.
    Token([u8; 32]),
    /// A node's own credential.
    Node([u8; 32]),
}

impl Access {
    /// Whether it is in force at a time.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn in_force(
        self,
        connection: &mut Connection,
        now_ms: u64,
    ) -> Result<bool, DbError> {
        match self {
            Self::Nobody => Ok(false),
            Self::Token(sha256) => {
                let kept = token::by_secret(connection, &sha256).await?;
                Ok(kept.is_some_and(|kept| kept.in_force(now_ms)))
            }
            Self::Node(sha256) => {
                let node = node::by_credential(connection, &sha256).await?;
                Ok(node.is_some())
            }
        }
    }

    /// Which of many are in force at a time; those of nodes cost one look-up together.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn each_in_force(
        all: &[Self],
        connection: &mut Connection,
        now_ms: u64,
    ) -> Result<Vec<bool>, DbError> {
        let nodes = all.iter().filter_map(|access| match access {
            Self::Node(sha256) => Some(sha256.as_slice()),
            Self::Nobody | Self::Token(_) => None,
        });
        let nodes: Vec<&[u8]> = nodes.collect();
        let known = node::credentials(connection, &nodes).await?;
        let mut in_force = Vec::with_capacity(all.len());
        for access in all {
            in_force.push(match access {
                Self::Node(sha256) => known.contains(sha256.as_slice()),
                Self::Nobody | Self::Token(_) => access.in_force(connection, now_ms).await?,
            });
        }
        Ok(in_force)
    }
}

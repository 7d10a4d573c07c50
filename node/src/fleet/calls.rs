//! The calls to the registry, each as a task that tells how it went.
//! Begun by the driver.
//! Must never wait without an end, nor tell a secret.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use api::client::ClientError;
use api::client::registry::{Download, RegistryClient, Settings, SettingsError};
use api::problem::Problem;
use api::registry::{Enrol, Enrolled, OutcomeKind};
use payload::digest::Digest;
use tokio::sync::mpsc;

use super::Event;
use super::facts;
use super::machine::Failure;
use super::store::{BlobError, Store, StoreError};
use super::target::Target;

/// Most bytes of what holds a token.
const TOKEN_BYTES_MAX: u64 = 4 << 10;

/// Where the registry is, and how to know it.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub(crate) url: String,
    /// PEM of the certificates to trust; absent: those that the machine trusts.
    pub(crate) ca_pem: Option<Vec<u8>>,
    /// Whether the credential may go to another machine in the clear.
    pub(crate) allow_plain: bool,
}

impl Registry {
    /// A client that speaks as the owner of `bearer`.
    ///
    /// # Errors
    /// The address is none, or the certificates are.
    pub(crate) fn client(&self, bearer: &str) -> Result<RegistryClient, SettingsError> {
        RegistryClient::new(Settings {
            url: &self.url,
            bearer: Some(bearer),
            ca_pem: self.ca_pem.as_deref(),
            allow_plain: self.allow_plain,
        })
    }

    /// Gives a one-time token for a credential of the node's own.
    ///
    /// # Errors
    /// The token is none, or the registry says no.
    pub(crate) async fn enrol(
        &self,
        token: &str,
        node: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Enrolled, EnrolError> {
        let enrol = Enrol {
            node: node.to_owned(),
            // Its daemon says whether it shares events.
            facts: facts::facts(labels, false),
        };
        let enrolled = self.client(token.trim())?.enrol(&enrol).await;
        let enrolled = enrolled.map_err(|error| EnrolError::of(error, node))?;
        if enrolled.node == node {
            return Ok(enrolled);
        }
        Err(EnrolError::OtherNode {
            node: node.to_owned(),
            answered: enrolled.node,
        })
    }
}

/// Why a node was not enrolled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnrolError {
    /// The token can't be read.
    #[error("the enrolment token in {path} can't be read: {reason}")]
    Token {
        /// The file.
        path: String,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The address or the token can't be one.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The registry said no, or nothing.
    #[error(transparent)]
    Client(ClientError),
    /// A node of this name has enrolled, perhaps this one in a former life, or no other may.
    #[error(
        "{problem}; --node-name gives this node another name, `packer nodes {node} --forget` frees \
         this one"
    )]
    Conflict {
        /// The name.
        node: String,
        /// What the registry said.
        problem: Box<Problem>,
    },
    /// The credential could not be kept, so it was not asked for.
    #[error("the token is not spent: a credential could not be kept: {0}")]
    NoRoom(StoreError),
    /// The credential was given and is lost.
    #[error(
        "the registry has enrolled {node}, but its credential can't be kept: {reason}; the token is \
         spent: let the registry forget the node (`packer nodes {node} --forget`), make room, and \
         enrol it with a new token"
    )]
    NotKept {
        /// The node.
        node: String,
        /// Why not.
        reason: StoreError,
    },
    /// The registry answered for another node.
    #[error("the registry enrolled {answered:?}, {node:?} was asked for")]
    OtherNode {
        /// This node.
        node: String,
        /// The one in the answer.
        answered: String,
    },
}

impl EnrolError {
    fn of(error: ClientError, node: &str) -> Self {
        match error {
            ClientError::Refused { problem, .. } if problem.status == 409 => Self::Conflict {
                node: node.to_owned(),
                problem,
            },
            error => Self::Client(error),
        }
    }

    /// What the machine makes of it.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Client(ClientError::Refused { problem, .. })
                if matches!(problem.status, 401 | 403 | 422) =>
            {
                Failure::Denied
            }
            Self::Client(error) => failure_of(error),
            Self::Conflict { .. }
            | Self::Settings(_)
            | Self::OtherNode { .. }
            | Self::NotKept { .. } => Failure::Denied,
            Self::Token { .. } | Self::NoRoom(_) => Failure::Again {
                retry_after_ms: None,
            },
        }
    }
}

/// The token in a file.
///
/// # Errors
/// It can't be read.
pub(crate) fn token(path: &Path) -> Result<String, EnrolError> {
    let token = std::fs::File::open(path).and_then(token_from);
    token.map_err(|reason| EnrolError::Token {
        path: path.display().to_string(),
        reason,
    })
}

/// The token that comes from there, bounded.
///
/// # Errors
/// It can't be read, or is no text.
pub(crate) fn token_from(source: impl Read) -> std::io::Result<String> {
    let mut token = String::new();
    source.take(TOKEN_BYTES_MAX).read_to_string(&mut token)?;
    Ok(token.trim().to_owned())
}

/// What the machine makes of a call that failed.
pub(super) fn failure_of(error: &ClientError) -> Failure {
    match error {
        // 404: the registry has no node of this name any more.
        ClientError::Refused { problem, .. } if matches!(problem.status, 401 | 403 | 404) => {
            Failure::Denied
        }
        ClientError::Refused { retry_after_s, .. } => Failure::Again {
            retry_after_ms: retry_after_s.map(|seconds| seconds.saturating_mul(1000)),
        },
        _ => Failure::Again {
            retry_after_ms: None,
        },
    }
}

/// Why a file is not in the store.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The node has no credential to ask with.
    #[error("the node is not enrolled, and its store has no file {0}")]
    NoCredential(Digest),
    /// The registry did not give it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It can't be kept, or is another one.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl FetchError {
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Client(error) => match failure_of(error) {
                Failure::Denied => Failure::Again {
                    retry_after_ms: None,
                },
                again @ Failure::Again { .. } => again,
            },
            Self::NoCredential(_) | Self::Blob(_) => Failure::Again {
                retry_after_ms: None,
            },
        }
    }

    pub(super) fn kind(&self) -> OutcomeKind {
        match self {
            Self::Client(ClientError::Keep { .. }) | Self::Blob(BlobError::File { .. }) => {
                OutcomeKind::Failed
            }
            Self::Client(ClientError::Blob { .. }) | Self::Blob(BlobError::Digest { .. }) => {
                OutcomeKind::SignatureRejected
            }
            Self::Client(_) | Self::NoCredential(_) => OutcomeKind::FetchFailed,
        }
    }

    pub(super) fn to_problem(&self) -> Problem {
        let problem = Problem::new(503, "not fetched", self.to_string());
        match self.kind() {
            OutcomeKind::SignatureRejected => problem.with_field("digest"),
            _ => problem,
        }
    }
}

/// Whose turn it is to fetch a digest: two instances may want one file.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<BTreeMap<Digest, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, digest: &Digest) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(digest).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        turns.insert(*digest, Arc::downgrade(&turn));
        turn
    }
}

/// Has the file of `target` in the store, from a byte where a former fetch ended.
pub(super) async fn fetch(
    store: &Store,
    turns: &Turns,
    client: Option<&RegistryClient>,
    target: &Target,
) -> Result<(), FetchError> {
    let digest = target.digest;
    let turn = turns.of(&digest);
    let _mine = turn.lock().await;
    if store.has(&digest) {
        return Ok(());
    }
    let client = client.ok_or(FetchError::NoCredential(digest))?;
    let size_bytes = target.wanted.size_bytes;
    let mut part = store.part(&digest, size_bytes)?;
    if part.bytes() < size_bytes {
        let download = Download {
            digest: &target.wanted.digest,
            from_byte: part.bytes(),
            size_bytes,
        };
        let keep = |at, bytes: &[u8]| part.put(at, bytes);
        client.fetch_blob(download, keep).await?;
    }
    let store = store.clone();
    let finished = tokio::task::spawn_blocking(move || store.finish(&digest, part)).await;
    let died = |error: tokio::task::JoinError| BlobError::File {
        digest,
        reason: std::io::Error::other(error),
    };
    Ok(finished.map_err(died)??)
}

/// Listens at the doorbell until it ends.
pub(super) async fn listen(client: &RegistryClient, node: &str, events: &mpsc::Sender<Event>) {
    let ended = async {
        let mut bell = client.doorbell(node).await?;
        let _ = events.send(Event::BellOpened).await;
        while let Some(ring) = bell.next().await? {
            if events.send(Event::Rang(ring)).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let ended: Result<(), ClientError> = ended.await;
    let _ = events.send(Event::BellClosed(ended.err())).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_told_once_with_both_ways_out() {
        let problem = Problem::new(409, "Conflict", "a node web7 has enrolled already");
        let refused = ClientError::Refused {
            problem: Box::new(problem),
            retry_after_s: None,
        };
        let error = EnrolError::of(refused, "web7");
        assert_eq!(error.failure(), Failure::Denied);
        let told = error.to_string();
        assert!(told.starts_with("Conflict: a node web7"), "{told}");
        for word in ["--node-name", "packer nodes web7 --forget"] {
            assert!(told.contains(word), "{told}");
        }
        assert!(!told.contains("not enrolled"), "the caller says so: {told}");
    }
}

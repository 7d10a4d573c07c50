//! Which release a deployment gives, and why it may give none. Called by whoever reads a
//! deployment from the database. Must never give a revoked release, nor one below a floor.

use std::fmt;
use std::sync::Arc;

use api::registry::{ReleaseState, Source};
use payload::name::Version;

use super::StandingFloor;

/// A release as nodes are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Its version.
    pub(crate) version: Version,
    /// `sha256:<hex>` of the file.
    pub(crate) digest: String,
    /// Bytes of the file.
    pub(crate) size_bytes: u64,
    /// The DSSE envelope as text; absent for an unsigned release.
    pub(crate) envelope: Option<String>,
    /// Whether it may be used.
    pub(crate) state: ReleaseState,
    /// Why it was yanked or revoked; empty where nobody said so.
    pub(crate) reason: String,
}

/// Why a deployment gives no release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Void {
    /// It follows a channel that is not there.
    NoChannel {
        /// The channel.
        channel: String,
    },
    /// Its version is not there.
    NoRelease {
        /// The version.
        version: String,
    },
    /// It holds back what it names, and no rollout has brought that here.
    NotReached,
    /// Its release is for nobody any more.
    Revoked {
        /// The version.
        version: String,
        /// Why; empty where nobody said so.
        reason: String,
    },
    /// Its release is older than its publisher allows.
    BelowFloor {
        /// The version.
        version: String,
        /// The oldest that may run.
        minimum_version: String,
    },
}

/// The release of a deployment, or why there is none.
pub(crate) type Given = Result<Arc<Offer>, Void>;

/// What the database has about the payload of a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Ingredients<'a> {
    /// The version that the deployment names, or that its channel does.
    pub(crate) version: Option<String>,
    /// The release of that version.
    pub(crate) release: Option<Offer>,
    /// The payload's floor.
    pub(crate) floor: Option<&'a StandingFloor>,
}

impl Ingredients<'_> {
    /// The release that `source` gives. A yanked one is given: no new deployment can name it, and
    /// those that have it keep it.
    pub(crate) fn give(self, source: &Source) -> Given {
        let Some(version) = self.version else {
            let (Source::Channel(channel) | Source::Version(channel)) = source.clone();
            return Err(Void::NoChannel { channel });
        };
        let Some(offer) = self.release else {
            return Err(Void::NoRelease { version });
        };
        if offer.state == ReleaseState::Revoked {
            let (version, reason) = (offer.version.to_string(), offer.reason);
            return Err(Void::Revoked { version, reason });
        }
        match self.floor {
            Some(floor) if offer.version < floor.minimum_version => Err(Void::BelowFloor {
                version: offer.version.to_string(),
                minimum_version: floor.minimum_version.to_string(),
            }),
            _ => Ok(Arc::new(offer)),
        }
    }
}

impl fmt::Display for Void {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChannel { channel } => write!(f, "there is no channel {channel}"),
            Self::NoRelease { version } => write!(f, "there is no release {version}"),
            Self::NotReached => write!(f, "no rollout has brought its first release here yet"),
            Self::Revoked { version, reason } if reason.is_empty() => {
                write!(f, "{version} is revoked")
            }
            Self::Revoked { version, reason } => write!(f, "{version} is revoked: {reason}"),
            Self::BelowFloor {
                version,
                minimum_version,
            } => write!(
                f,
                "{version} is below the floor: its publisher lets nothing older than \
                 {minimum_version} run"
            ),
        }
    }
}

//! The statement that is signed about a payload. Written and read by `signature::envelope`.
//! Must never grow a field that a verifier could not check against the payload itself.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::{PayloadName, Version};

/// The type of the signed statement in its envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.marrow.release+json";

/// What a signer says: this name and version is the file with this digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The payload's name; its namespace decides whose signatures count.
    pub name: PayloadName,
    /// The release.
    pub version: Version,
    /// Digest of the whole payload file.
    pub digest: Digest,
}

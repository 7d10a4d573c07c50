//! The statements that are signed about payloads. Written and read by `signature::envelope`.
//! Must never let one kind be taken for another: each has a type of its own, which is signed too.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::{PayloadName, Version};

/// What can be signed.
pub trait Signed: Clone + Serialize + DeserializeOwned {
    /// The type of the statement in its envelope.
    const PAYLOAD_TYPE: &'static str;

    /// The payload that it is about; the namespace decides whose signatures count.
    fn name(&self) -> &PayloadName;
}

/// What a signer of a release says: this name and version is the file with this digest.
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

impl Signed for Statement {
    const PAYLOAD_TYPE: &'static str = "application/vnd.marrow.release+json";

    fn name(&self) -> &PayloadName {
        &self.name
    }
}

/// What a signer of a floor says: no version below this one must run any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloorStatement {
    /// The payload's name; its namespace decides whose signatures count.
    pub name: PayloadName,
    /// The oldest version that may run.
    pub minimum_version: Version,
    /// Counts up with each floor of this payload: the highest that was seen is in force, so that
    /// a publisher can lower a floor and nobody else can, by an old envelope.
    pub serial: u64,
}

impl Signed for FloorStatement {
    const PAYLOAD_TYPE: &'static str = "application/vnd.marrow.floor+json";

    fn name(&self) -> &PayloadName {
        &self.name
    }
}

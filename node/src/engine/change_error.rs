//! Why another generation was not put in charge: gone back to, staged, or flipped to. What ran before
//! goes on, unless it is an error behind the flip.

use super::{ApplyError, NoInstance, NotYours};
use crate::fleet::BlobError;
use crate::intake::IntakeError;

/// Why another generation was not put in charge.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// Nothing runs under the name.
    #[error(transparent)]
    NoInstance(#[from] NoInstance),
    /// Nothing is staged for it.
    #[error("nothing is staged for {instance}: `node stage FILE --instance {instance}` does it")]
    NothingStaged {
        /// The instance.
        instance: String,
    },
    /// The one in charge followed none.
    #[error(
        "there is no generation before generation {generation} of {instance} that can be gone back to"
    )]
    NothingBefore {
        /// The instance.
        instance: String,
        /// The one in charge.
        generation: u64,
    },
    /// The file of the one before is not kept.
    #[error(
        "generation {generation} of {instance}, {digest}, is not loaded any more, and its file is not kept here"
    )]
    NotKept {
        /// The instance.
        instance: String,
        /// The one before.
        generation: u64,
        /// Of its file.
        digest: String,
    },
    /// Its file is not whole any more.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// Its file may not come in any more.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// It can't run, or take over.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<NotYours> for ChangeError {
    fn from(error: NotYours) -> Self {
        Self::Apply(error.into())
    }
}

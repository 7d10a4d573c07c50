//! `node verify`: whether this kernel would take a payload, without running it.
//! Called by the command line.
//! Must never attach anything.

use super::args::VerifyArgs;
use super::{CliError, source};
use crate::engine::verdict;
use crate::intake::{self, AllowUnsigned, Asked};
use crate::output::Output;

/// Loads a file as `node run` would, prints what the kernel said, and lets go of it.
///
/// # Errors
/// The file can't be read, is refused, or the kernel does not take it; the verdict was printed
/// where it came to one.
pub(super) fn run(args: VerifyArgs, output: Output) -> Result<(), CliError> {
    let bytes = source::file(&args.file)?;
    // Who can start this command with the rights to load BPF is the local user of the door.
    let asked = Asked {
        name: None,
        settings: args.settings.settings(),
    };
    let intake = intake::read(&bytes, asked, AllowUnsigned::Local)?;
    let (verdict, refusal) = verdict(&intake.name, &intake.payload)?;
    output.verdict(&verdict).map_err(CliError::Print)?;
    refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
}

//! `packer sign`: a signature over name, version and digest, into the envelope beside the file, or
//! into the registry. Called by `main`.
//! Must never sign what it has not read, inspected and shown.

mod release;

use std::path::{Path, PathBuf};

use payload::signature::{EnvelopeError, SigningKey};
use serde::Serialize;
use thiserror::Error;

use crate::cli::SignArguments;
use crate::envelope::{self, EnvelopeFileError};
use crate::failure::{Class, Classed, Failure};
use crate::files;
use crate::input::Input;
use crate::keys;
use crate::output;
use crate::summary::{self, Summary};
use crate::table::row;

/// Why nothing was signed.
#[derive(Debug, Error)]
pub(crate) enum SignError {
    /// The envelope would break a rule, such as one signature too many.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Neither a file nor a release was named; never seen, `cli` demands one.
    #[error("names nothing to sign")]
    Nothing,
}

impl Classed for SignError {
    fn class(&self) -> Class {
        Class::Refused
    }
}

/// What was signed, by whom.
#[derive(Debug, Serialize)]
struct Signed {
    #[serde(flatten)]
    summary: Summary,
    /// The key that signed now.
    key: String,
    /// Whether it had not signed before.
    added: bool,
    /// Every key that has signed.
    signers: Vec<String>,
    /// The envelope's file; absent for a release in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope: Option<PathBuf>,
}

/// Signs a file or a release.
pub(crate) fn run(arguments: &SignArguments) -> Result<(), Failure> {
    // First, so that a key that cannot be used costs nothing.
    let key = keys::private(&arguments.key)?;
    let signed = match (&arguments.release, &arguments.input) {
        (Some(release), _) => release::sign(release, &key, &arguments.registry)?,
        (None, Some(input)) => sign_file(input, arguments.output.as_deref(), &key)?,
        (None, None) => return Err(SignError::Nothing.into()),
    };
    output::shown(arguments.json, &signed, || text(&signed))?;
    if !signed.added {
        output::note("this key had signed it already: nothing was added");
    }
    Ok(())
}

fn sign_file(path: &Path, output: Option<&Path>, key: &SigningKey) -> Result<Signed, Failure> {
    let input = Input::read(path)?;
    let statement = input.statement()?;
    let file = output.map_or_else(|| envelope::beside(path), Path::to_owned);
    let before = if file.exists() {
        let bytes = envelope::read(&file).map_err(EnvelopeFileError::from)?;
        let shown = file.display().to_string();
        Some(envelope::about(&statement, &bytes, &shown)?)
    } else {
        None
    };
    let (envelope, added) = envelope::signed(&statement, before, key).map_err(SignError::from)?;
    if added {
        files::write(&file, envelope::text(&envelope)?.as_bytes())?;
    }
    Ok(Signed {
        summary: Summary::of(&input, &statement),
        key: key.public().id().to_string(),
        added,
        signers: envelope::signers(&envelope),
        envelope: Some(file),
    })
}

fn text(signed: &Signed) -> String {
    let mut rows = signed.summary.rows();
    summary::push_all(&mut rows, "signed by", signed.signers.iter().cloned());
    if let Some(file) = &signed.envelope {
        rows.push(row(["envelope", &file.display().to_string()]));
    }
    summary::text(rows)
}

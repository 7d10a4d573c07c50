//! `packer verify`: who signed a payload's file. Called by `main`.
//! Must never say anything of a file before its signatures, digest and manifest were checked.

use std::path::PathBuf;

use payload::limits::PAYLOAD_BYTES_MAX;
use payload::name::Namespace;
use payload::signature::{Envelope, NotTrusted, TrustedKeys, Unverified, Verified, VerifyError};
use serde::Serialize;
use thiserror::Error;

use crate::cli::VerifyArguments;
use crate::envelope;
use crate::failure::{Class, Classed, Failure};
use crate::files;
use crate::keys;
use crate::output;
use crate::summary;
use crate::table::row;

/// Why nobody vouches for the file.
#[derive(Debug, Error)]
pub(crate) enum NotVerified {
    /// Too few of the given keys signed it.
    #[error(
        "{shown}: signatures of {needed} of the given keys are needed, {counted} of them signed it; other signers: {others}"
    )]
    TooFew {
        shown: String,
        needed: u32,
        counted: usize,
        others: String,
    },
    /// Anything else that does not hold.
    #[error("{shown}: {source}")]
    Verify { shown: String, source: VerifyError },
}

impl NotVerified {
    fn of(shown: String, source: VerifyError) -> Self {
        let VerifyError::NotTrusted(NotTrusted::TooFew {
            needed,
            counted,
            unknown,
            ..
        }) = source
        else {
            return Self::Verify { shown, source };
        };
        let others: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        let others = if others.is_empty() {
            "none".to_owned()
        } else {
            others.join(", ")
        };
        Self::TooFew {
            shown,
            needed,
            counted,
            others,
        }
    }
}

impl Classed for NotVerified {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn next_step(&self) -> Option<String> {
        let step = match self {
            Self::TooFew { .. } => "do not run it, unless you know why others signed",
            Self::Verify {
                source: VerifyError::NotTrusted(_),
                ..
            } => "do not run it: somebody altered the envelope",
            Self::Verify {
                source: VerifyError::Digest { .. },
                ..
            } => "the file was altered, or the envelope is of another one",
            Self::Verify { .. } => return None,
        };
        Some(step.to_owned())
    }
}

/// What was found to be true.
#[derive(Debug, Serialize)]
struct Report {
    payload: String,
    version: String,
    digest: String,
    /// The given keys whose signatures hold.
    signers: Vec<String>,
    envelope: PathBuf,
}

/// Checks, and says who signed.
pub(crate) fn run(arguments: &VerifyArguments) -> Result<(), Failure> {
    let file = files::read(&arguments.input, PAYLOAD_BYTES_MAX)?;
    let path = &arguments.envelope;
    let path = path
        .clone()
        .unwrap_or_else(|| envelope::beside(&arguments.input));
    let envelope = envelope::read(&path)?;
    let shown = arguments.input.display().to_string();
    let namespace = claimed(&envelope, &path.display().to_string())?;
    let mut keys = keys::trusted(&arguments.key, &namespace)?;
    keys.require(namespace, arguments.signatures);
    let verified = check(file, &envelope, &keys, shown)?;
    let statement = verified.statement();
    let report = Report {
        payload: statement.name.to_string(),
        version: statement.version.to_string(),
        digest: statement.digest.to_string(),
        signers: verified.signers().iter().map(ToString::to_string).collect(),
        envelope: path,
    };
    output::shown(arguments.json, &report, || text(&report))?;
    Ok(())
}

/// The namespace that an envelope claims: the keys that somebody names for a file are for that one.
fn claimed(envelope: &[u8], shown: &str) -> Result<Namespace, NotVerified> {
    let decoded = Envelope::decode(envelope)
        .map_err(|source| NotVerified::of(shown.to_owned(), source.into()))?;
    Ok(decoded.unverified_statement().name.to_namespace())
}

/// Checks a file against its envelope.
pub(crate) fn check(
    file: Vec<u8>,
    envelope: &[u8],
    keys: &TrustedKeys,
    shown: String,
) -> Result<Verified, NotVerified> {
    Unverified::decode(file, envelope)
        .and_then(|unverified| unverified.verify(keys))
        .map_err(|source| NotVerified::of(shown, source))
}

fn text(report: &Report) -> String {
    let mut rows = vec![
        row(["payload", &format!("{} {}", report.payload, report.version)]),
        row(["digest", &report.digest]),
    ];
    summary::push_all(&mut rows, "signed by", report.signers.iter().cloned());
    summary::text(rows)
}

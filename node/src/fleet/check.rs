//! The node's own judgement of what a registry wants: its keys, its floors, its policy, in this
//! order, on the bytes it has. Called before every load; pure.
//! Must never believe what the registry says beside the signed statement.

use std::time::Instant;

use api::problem::Problem;
use api::registry::OutcomeKind;
use payload::file::{Contents, DecodeError};
use payload::legacy::LegacyError;
use payload::manifest::ManifestError;
use payload::object::Object;
use payload::signature::{TrustedKeys, Unverified, Verified, VerifyError};
use payload::unsigned::{Origin, Unsigned, UnsignedError};

use super::floors::{BelowFloor, Floors};
use super::target::{NotATarget, Target};
use crate::admit::Admitted;
use crate::policy::{Allowed, Asked, Policy, PolicyError};

/// What a node judges by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) keys: &'a TrustedKeys,
    pub(super) floors: &'a Floors,
    pub(super) policy: &'a Policy,
    /// CPUs that maps may have a value for.
    pub(super) cpus: u32,
}

/// Why a release is not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    /// Too few trusted keys vouch for it, or it is not what they vouch for.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It is signed, but it is not what is wanted under this name.
    #[error(
        "the registry serves another release: {field} is {signed} as signed, {wanted} is wanted"
    )]
    Other {
        /// Which part of the statement.
        field: &'static str,
        /// What was signed.
        signed: String,
        /// What the registry said it would be.
        wanted: String,
    },
    /// It is below its floor.
    #[error(transparent)]
    Floor(#[from] BelowFloor),
    /// The policy says no.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A value that no variable can have.
    #[error(transparent)]
    Setting(#[from] NotATarget),
    /// It is unsigned, may be, and breaks a rule of the format.
    #[error(transparent)]
    Unsigned(#[from] UnsignedError),
}

impl Rejection {
    /// Under which word it is reported.
    pub(super) fn kind(&self) -> OutcomeKind {
        match self {
            Self::Verify(VerifyError::File(error)) | Self::Unsigned(UnsignedError::File(error)) => {
                of_file(error)
            }
            Self::Verify(_) | Self::Other { .. } => OutcomeKind::SignatureRejected,
            Self::Floor(_) => OutcomeKind::BelowFloor,
            Self::Policy(_) | Self::Setting(_) => OutcomeKind::PolicyRefused,
            Self::Unsigned(_) => OutcomeKind::Incompatible,
        }
    }

    /// The same as a problem.
    pub(super) fn to_problem(&self) -> Problem {
        let problem = Problem::new(422, "refused by this node", self.to_string());
        let field = match self {
            Self::Verify(VerifyError::File(_)) => None,
            Self::Verify(_) => Some("envelope".to_owned()),
            Self::Other { field, .. } => Some((*field).to_owned()),
            Self::Floor(_) => Some("version".to_owned()),
            Self::Policy(error) => Some(error.field()),
            Self::Setting(error) => Some(error.field.clone()),
            Self::Unsigned(UnsignedError::Legacy(LegacyError { path, .. })) => Some(path.clone()),
            Self::Unsigned(_) => None,
        };
        match field {
            Some(field) => problem.with_field(field),
            None => problem,
        }
    }
}

/// A format that this node does not know yet is no fault of anybody's.
fn of_file(error: &DecodeError) -> OutcomeKind {
    match error {
        DecodeError::Manifest(ManifestError::Format { .. }) => OutcomeKind::Incompatible,
        _ => OutcomeKind::SignatureRejected,
    }
}

/// Judges the bytes of a file, whose digest is the one that is wanted.
pub(super) fn admit(
    bytes: Vec<u8>,
    target: &Target,
    rules: Rules<'_>,
) -> Result<Admitted, Rejection> {
    let begun = Instant::now();
    let Some(envelope) = &target.wanted.envelope else {
        return admit_unsigned(&bytes, target, rules, begun);
    };
    let release = Unverified::decode(bytes, envelope.as_bytes())?.verify(rules.keys)?;
    check_statement(&release, target)?;
    let above = rules.floors.admit(&release)?;
    let allowed = judge(release.contents(), release.inspected(), target, rules)?;
    Ok(Admitted::signed(release, above, allowed, begun.elapsed()))
}

fn admit_unsigned(
    bytes: &[u8],
    target: &Target,
    rules: Rules<'_>,
    begun: Instant,
) -> Result<Admitted, Rejection> {
    let door = rules.policy.unsigned_door()?;
    let payload = Unsigned::from_any(bytes, &target.payload)?;
    let manifest = &payload.contents().manifest;
    if payload.origin() == Origin::Payload {
        same("payload", &manifest.name, &target.payload)?;
        same("version", &manifest.version, &target.version)?;
    }
    let allowed = judge(payload.contents(), payload.inspected(), target, rules)?;
    let decode = begun.elapsed();
    Ok(Admitted::unsigned(payload, door, allowed, decode))
}

/// What was signed must be what is wanted under this name, and nothing else that is signed too.
fn check_statement(release: &Verified, target: &Target) -> Result<(), Rejection> {
    let statement = release.statement();
    same("payload", &statement.name, &target.payload)?;
    same("version", &statement.version, &target.version)?;
    same("digest", &statement.digest, &target.digest)
}

fn same<T: PartialEq + ToString>(
    field: &'static str,
    signed: &T,
    wanted: &T,
) -> Result<(), Rejection> {
    if signed == wanted {
        return Ok(());
    }
    Err(Rejection::Other {
        field,
        signed: signed.to_string(),
        wanted: wanted.to_string(),
    })
}

fn judge(
    contents: &Contents,
    object: &Object,
    target: &Target,
    rules: Rules<'_>,
) -> Result<Allowed, Rejection> {
    let targets = target.wanted.targets.iter();
    let asked = Asked {
        globals: target.globals()?,
        targets: targets
            .map(|(name, at)| (name.as_str(), at.as_str()))
            .collect(),
    };
    Ok(rules.policy.judge(contents, object, &asked, rules.cpus)?)
}

//! `packer pull`: a payload and its envelope from the registry, as files. Called by `main`.
//! Must never put a file in its place whose digest, statement or signatures are not those asked for.

use std::path::{Path, PathBuf};

use api::client::ClientError;
use api::client::registry::Download;
use api::registry::{Release, ReleaseState};
use payload::digest::{Digest, DigestError};
use payload::limits::PAYLOAD_BYTES_MAX;
use payload::name::NameError;
use payload::signature::{Statement, TrustedKeys};
use serde::Serialize;
use thiserror::Error;

use crate::cli::PullArguments;
use crate::envelope;
use crate::failure::{Class, Classed, Failure};
use crate::files;
use crate::keys;
use crate::moment;
use crate::output;
use crate::partial::Partial;
use crate::reference::Reference;
use crate::registry::{Registry, RegistryError};
use crate::summary;
use crate::table::row;
use crate::verify;

/// Why nothing was pulled.
#[derive(Debug, Error)]
pub(crate) enum PullError {
    /// No channel of this name.
    #[error("{payload} has no channel {channel}; it has {has}")]
    NoChannel {
        payload: String,
        channel: String,
        has: String,
    },
    /// The registry sent other bytes.
    #[error("the registry sent bytes of digest {found} for {wanted}")]
    Digest { wanted: Digest, found: Digest },
    /// More than any payload has.
    #[error("{digest} has {bytes} bytes, a payload has at most {PAYLOAD_BYTES_MAX}")]
    TooLarge { digest: Digest, bytes: u64 },
    /// The registry does not have the bytes.
    #[error("the registry has no bytes of digest {digest}")]
    NoBlob { digest: Digest },
    /// The registry tells a name or version that there cannot be.
    #[error("the registry's answer: {source}")]
    Name {
        #[from]
        source: NameError,
    },
    /// The registry tells a digest that there cannot be.
    #[error("the registry's answer: {source}")]
    WrongDigest {
        #[from]
        source: DigestError,
    },
    /// Nobody signed what somebody should have signed.
    #[error("{what} has no signatures, so no --key can have signed it")]
    Unsigned { what: String },
}

impl Classed for PullError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::NoChannel { payload, .. } => Some(format!(
                "`packer list {payload}` shows versions and channels"
            )),
            Self::Unsigned { .. } => {
                Some("pull it without --key, and judge it yourself".to_owned())
            }
            _ => None,
        }
    }
}

/// What is to be fetched.
struct Wanted {
    digest: Digest,
    size_bytes: u64,
    /// The release; absent for bare bytes.
    release: Option<(Statement, Release)>,
}

/// What was pulled.
#[derive(Debug, Serialize)]
struct Pulled {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    digest: String,
    size_bytes: u64,
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope: Option<PathBuf>,
    /// The given keys whose signatures hold; empty where none was given.
    verified_by: Vec<String>,
}

/// Fetches, checks, and puts the files in their places.
pub(crate) fn run(arguments: &PullArguments) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let wanted = resolve(&registry, arguments)?;
    if let Some((_, release)) = &wanted.release {
        warn_of(release);
    }
    let named = arguments.output.clone();
    let path = named.unwrap_or_else(|| wanted.file_name());
    let target = files::place(&path)?;
    let envelope = wanted.envelope()?;
    // Before anything is fetched that could not be used.
    let keys = wanted.keys(&arguments.key)?;
    let partial = if is_there(&target, &wanted.digest) {
        None
    } else {
        Some(fetch(&registry, arguments.retries, &wanted, &target)?)
    };
    let verified_by = match (&keys, envelope) {
        (Some(keys), Some(text)) => {
            let shown = path.display().to_string();
            let file = match &partial {
                Some(partial) => partial.read()?,
                None => files::read(&target, PAYLOAD_BYTES_MAX)?,
            };
            match verify::check(file, text.as_bytes(), keys, shown) {
                Ok(verified) => verified.signers().iter().map(ToString::to_string).collect(),
                Err(error) => {
                    partial.map_or(Ok(()), Partial::discard)?;
                    return Err(error.into());
                }
            }
        }
        _ => Vec::new(),
    };
    let beside = envelope.map(|text| (envelope::beside(&path), text));
    if let Some((beside, text)) = &beside {
        files::write(beside, text.as_bytes())?;
    }
    partial.map_or(Ok(()), |partial| partial.finish(&target))?;
    let statement = wanted.release.as_ref().map(|(statement, _)| statement);
    let pulled = Pulled {
        payload: statement.map(|statement| statement.name.to_string()),
        version: statement.map(|statement| statement.version.to_string()),
        digest: wanted.digest.to_string(),
        size_bytes: wanted.size_bytes,
        file: path,
        envelope: beside.map(|(beside, _)| beside),
        verified_by,
    };
    output::shown(arguments.json, &pulled, || text(&pulled))?;
    Ok(())
}

fn resolve(registry: &Registry, arguments: &PullArguments) -> Result<Wanted, Failure> {
    let (client, retries) = (registry.client(), arguments.retries);
    let release = match &arguments.reference {
        Reference::Release(name) => {
            let (payload, version) = (name.payload.as_str(), name.version.as_str());
            registry.ask_again(retries, || client.release(payload, version))?
        }
        Reference::Channel { payload, channel } => {
            let name = payload.as_str();
            let found = registry.ask_again(retries, || client.payload(name))?;
            let mut channels = found.channels.iter();
            let Some(moved) = channels.find(|other| other.channel == channel.as_str()) else {
                let names = found.channels.iter();
                let names: Vec<&str> = names.map(|other| other.channel.as_str()).collect();
                return Err(PullError::NoChannel {
                    payload: name.to_owned(),
                    channel: channel.to_string(),
                    has: if names.is_empty() {
                        "none".to_owned()
                    } else {
                        names.join(", ")
                    },
                }
                .into());
            };
            let version = moved.version.as_str();
            registry.ask_again(retries, || client.release(name, version))?
        }
        Reference::Digest(digest) => {
            let text = digest.to_string();
            let size = registry.ask_again(retries, || client.blob_bytes(&text))?;
            let size_bytes = size.ok_or(PullError::NoBlob { digest: *digest })?;
            return Ok(Wanted::bounded(*digest, size_bytes, None)?);
        }
    };
    Ok(Wanted::of(release)?)
}

impl Wanted {
    /// A release as the registry tells it.
    fn of(release: Release) -> Result<Self, PullError> {
        let statement = Statement {
            name: release.payload.parse()?,
            version: release.version.parse()?,
            digest: release.digest.parse()?,
        };
        let (digest, size_bytes) = (statement.digest, release.size_bytes);
        Self::bounded(digest, size_bytes, Some((statement, release)))
    }

    fn bounded(
        digest: Digest,
        bytes: u64,
        release: Option<(Statement, Release)>,
    ) -> Result<Self, PullError> {
        if bytes > PAYLOAD_BYTES_MAX as u64 {
            return Err(PullError::TooLarge { digest, bytes });
        }
        Ok(Self {
            digest,
            size_bytes: bytes,
            release,
        })
    }

    /// What the file is called where nobody says.
    fn file_name(&self) -> PathBuf {
        let name = match &self.release {
            Some((Statement { name, version, .. }, _)) => format!("{}-{version}.wasm", name.name()),
            None => format!("{}.wasm", self.digest.hex()),
        };
        name.into()
    }

    /// The envelope, which must be about this release.
    fn envelope(&self) -> Result<Option<&str>, Failure> {
        let Some((statement, release)) = &self.release else {
            return Ok(None);
        };
        let Some(text) = &release.envelope else {
            return Ok(None);
        };
        envelope::about(statement, text.as_bytes(), "the registry's envelope")?;
        Ok(Some(text))
    }

    /// The keys one of which must have signed it; none where none was given.
    fn keys(&self, paths: &[PathBuf]) -> Result<Option<TrustedKeys>, Failure> {
        if paths.is_empty() {
            return Ok(None);
        }
        match &self.release {
            Some((statement, release)) if release.envelope.is_some() => {
                Ok(Some(keys::trusted(paths, &statement.name.to_namespace())?))
            }
            _ => {
                let what = self.digest.to_string();
                Err(PullError::Unsigned { what }.into())
            }
        }
    }
}

fn warn_of(release: &Release) {
    let reason = release.reason.as_deref().unwrap_or_default();
    let why = if reason.is_empty() { "" } else { ": " };
    let name = format!("{} {}", release.payload, release.version);
    match release.state {
        ReleaseState::Available => {}
        ReleaseState::Yanked => output::note(&format!("{name} is yanked{why}{reason}")),
        ReleaseState::Revoked => output::note(&format!("{name} is revoked{why}{reason}")),
    }
    if release.signers.is_empty() {
        output::note(&format!("{name} is not signed: it came as legacy JSON"));
    }
}

/// Whether the file is what is to be pulled: then nothing is fetched.
fn is_there(target: &Path, digest: &Digest) -> bool {
    files::read(target, PAYLOAD_BYTES_MAX).is_ok_and(|bytes| Digest::of(&bytes) == *digest)
}

/// Fetches what is missing of the bytes; what comes back has the digest.
fn fetch(
    registry: &Registry,
    retries: u32,
    wanted: &Wanted,
    target: &Path,
) -> Result<Partial, Failure> {
    let partial = Partial::open(target, &wanted.digest)?;
    let there = partial.bytes(wanted.size_bytes);
    let resumed = there.map_err(|source| partial.failed(source))? > 0;
    transfer(registry, retries, wanted, &partial)?;
    let mut found = Digest::of(&partial.read()?);
    if found != wanted.digest && resumed {
        // What an earlier run left may be what is wrong.
        partial.restart()?;
        transfer(registry, retries, wanted, &partial)?;
        found = Digest::of(&partial.read()?);
    }
    if found == wanted.digest {
        return Ok(partial);
    }
    partial.discard()?;
    let wanted = wanted.digest;
    Err(PullError::Digest { wanted, found }.into())
}

/// Fetches what is not there yet, whatever it is.
fn transfer(
    registry: &Registry,
    retries: u32,
    wanted: &Wanted,
    partial: &Partial,
) -> Result<(), RegistryError> {
    let digest = wanted.digest.to_string();
    let size_bytes = wanted.size_bytes;
    registry.ask_again(retries, || async {
        let there = partial.bytes(size_bytes);
        let from_byte = there.map_err(|reason| ClientError::Keep { reason })?;
        if from_byte == size_bytes {
            return Ok(());
        }
        let download = Download {
            digest: &digest,
            from_byte,
            size_bytes,
        };
        // One a try, so that what is said between tries has a line of its own.
        let bar = output::progress("fetching", size_bytes);
        let keep = |at, piece: &[u8]| {
            bar.set_position(at + piece.len() as u64);
            partial.keep(at, piece)
        };
        let fetched = registry.client().fetch_blob(download, keep).await;
        bar.finish_and_clear();
        fetched
    })
}

fn text(pulled: &Pulled) -> String {
    let mut rows = Vec::new();
    if let (Some(payload), Some(version)) = (&pulled.payload, &pulled.version) {
        rows.push(row(["payload", &format!("{payload} {version}")]));
    }
    rows.push(row(["digest", &pulled.digest]));
    rows.push(row(["size", &moment::size(pulled.size_bytes)]));
    rows.push(row(["file", &pulled.file.display().to_string()]));
    if let Some(envelope) = &pulled.envelope {
        rows.push(row(["envelope", &envelope.display().to_string()]));
    }
    summary::push_all(&mut rows, "verified by", pulled.verified_by.iter().cloned());
    summary::text(rows)
}

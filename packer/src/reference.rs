//! How releases are named on the command line: `acme/execsnoop@1.0.0`, `acme/execsnoop@stable`, or
//! a digest; and rollouts. Parsed by `cli`, used by every command about releases and rollouts.
//! Must never take one name for two things: a version is never a channel.

use std::fmt;
use std::str::FromStr;

use payload::digest::{Digest, DigestError};
use payload::name::{InstanceName, NameError, PayloadName, Version};
use thiserror::Error;

/// Text that names no release: a wrong command line.
#[derive(Debug, Error)]
pub(crate) enum ReferenceError {
    /// Nothing says which release of the payload.
    #[error("names no {what}: it is NAMESPACE/NAME@{example}")]
    NoRelease {
        what: &'static str,
        example: &'static str,
    },
    /// A part breaks the rule of its kind.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It begins as a digest and is none.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It could be taken for a version.
    #[error("channel {name} begins with a digit, as versions do: it must begin with a letter")]
    ChannelDigit { name: String },
}

/// `NAMESPACE/NAME@VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReleaseName {
    /// The payload.
    pub(crate) payload: PayloadName,
    /// Its version.
    pub(crate) version: Version,
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.payload, self.version)
    }
}

impl FromStr for ReleaseName {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (payload, version) = text.split_once('@').ok_or(ReferenceError::NoRelease {
            what: "version",
            example: "VERSION",
        })?;
        Ok(Self {
            payload: payload.parse()?,
            version: version.parse()?,
        })
    }
}

/// The name of a channel that could not be taken for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelName(payload::name::ChannelName);

impl ChannelName {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChannelName {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let name: payload::name::ChannelName = text.parse()?;
        if begins_as_version(text) {
            let name = name.to_string();
            return Err(ReferenceError::ChannelDigit { name });
        }
        Ok(Self(name))
    }
}

fn begins_as_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

/// What can be pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A release.
    Release(ReleaseName),
    /// What a channel names.
    Channel {
        payload: PayloadName,
        channel: ChannelName,
    },
    /// Bytes, whatever release they are of.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        // A payload's name has no colon.
        if text.starts_with("sha256:") {
            return Ok(Self::Digest(text.parse()?));
        }
        let (payload, release) = text.split_once('@').ok_or(ReferenceError::NoRelease {
            what: "version or channel",
            example: "VERSION or NAMESPACE/NAME@CHANNEL",
        })?;
        let payload = payload.parse()?;
        if begins_as_version(release) {
            let version = release.parse()?;
            return Ok(Self::Release(ReleaseName { payload, version }));
        }
        let channel = release.parse()?;
        Ok(Self::Channel { payload, channel })
    }
}

/// What can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listed {
    /// A payload.
    Payload(PayloadName),
    /// One of its releases.
    Release(ReleaseName),
}

impl FromStr for Listed {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains('@') {
            text.parse().map(Self::Release)
        } else {
            Ok(Self::Payload(text.parse()?))
        }
    }
}

/// A rollout on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RolloutName {
    /// Its number.
    Number(u64),
    /// The one of a deployment that goes on, else its latest.
    Of(InstanceName),
}

impl FromStr for RolloutName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.parse() {
            Ok(number) => Ok(Self::Number(number)),
            Err(_) => text.parse().map(Self::Of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_a_channel_and_a_digest_are_told_apart() {
        let version = "acme/x@1.0.0".parse::<Reference>().unwrap();
        assert!(matches!(version, Reference::Release(name) if name.to_string() == "acme/x@1.0.0"));
        let channel = "acme/x@stable".parse::<Reference>().unwrap();
        assert!(
            matches!(channel, Reference::Channel { channel, .. } if channel.as_str() == "stable")
        );
        let digest = Digest::of(b"x").to_string();
        let bytes = digest.parse::<Reference>().unwrap();
        assert_eq!(bytes, Reference::Digest(Digest::of(b"x")));
    }

    #[test]
    fn what_names_nothing_is_refused_with_the_rule() {
        for (text, said) in [
            ("acme/x", "names no version or channel"),
            ("acme@1.0.0", "namespace/name"),
            ("acme/x@1.0", "not a semantic version"),
            ("acme/x@", "channel is empty"),
            ("acme/x@a/b", "channel \"a/b\" has"),
            ("sha256:12", "64"),
        ] {
            let error = text.parse::<Reference>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_version_cannot_be_a_channels_name() {
        for text in ["1.0.0", "2024"] {
            let error = text.parse::<ChannelName>().unwrap_err();
            assert!(matches!(error, ReferenceError::ChannelDigit { .. }));
        }
        assert!("v2024".parse::<ChannelName>().is_ok());
    }
}

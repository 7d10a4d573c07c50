//! The names of a payload, of an instance and of a version, as types that only hold valid ones.
//! Used wherever such a name crosses a border: manifest, statement, HTTP, command line.
//! Must never let through what a path, a URL or a terminal would read as more than a name.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::by_text::serde_by_text;
use crate::limits::{INSTANCE_NAME_BYTES_MAX, NAME_PART_BYTES_MAX, VERSION_BYTES_MAX};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A payload's name has exactly two parts.
    #[error("payload name {name:?} has {parts} part(s), it needs exactly 2: namespace/name")]
    Parts {
        /// What was given.
        name: Excerpt,
        /// Number of parts between slashes.
        parts: usize,
    },
    /// Nothing between two borders.
    #[error("{what} is empty")]
    Empty {
        /// Which name or part of a name.
        what: &'static str,
    },
    /// Longer than the bound.
    #[error("{what} {name:?} has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// Which name or part of a name.
        what: &'static str,
        /// What was given.
        name: Excerpt,
        /// Its length in bytes.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// A character outside the alphabet, or one that may not stand there.
    #[error("{what} {name:?} has {found:?} at byte {at}, where {allowed} is allowed")]
    Character {
        /// Which name or part of a name.
        what: &'static str,
        /// What was given.
        name: Excerpt,
        /// The character.
        found: char,
        /// Its offset in bytes in the name or part.
        at: usize,
        /// What may stand there.
        allowed: &'static str,
    },
    /// Not a semantic version.
    #[error("version {version:?} is not a semantic version: {reason}")]
    Version {
        /// What was given.
        version: Excerpt,
        /// What semver says is wrong.
        reason: String,
    },
    /// Build metadata has no order, so two releases could not be told apart.
    #[error("version {version:?} carries build metadata {build:?}; a release has none")]
    BuildMetadata {
        /// What was given.
        version: Excerpt,
        /// The part behind the plus sign.
        build: String,
    },
}

/// The beginning of a rejected text, so that an error is never as large as the input.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Characters that are kept.
    const CHARS_MAX: usize = 80;

    /// The first characters of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut kept: String = text.chars().take(Self::CHARS_MAX).collect();
        if kept.len() < text.len() {
            kept.push('…');
        }
        Self(kept)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Control characters would act on the terminal that shows the text.
        for letter in self.0.chars() {
            if letter.is_control() {
                write!(f, "{}", letter.escape_debug())?;
            } else {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

/// The name of a payload: `namespace/name`. Each part is of `[a-z0-9]` with single `-`, `_`, `.`
/// between them, 1 to 63 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadName {
    text: String,
    slash: usize,
}

impl PayloadName {
    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the slash: who may sign it is decided by this.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.text[..self.slash]
    }

    /// The part before the slash, as a name of its own.
    #[must_use]
    pub fn to_namespace(&self) -> Namespace {
        Namespace(self.namespace().to_owned())
    }

    /// The part behind the slash.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[self.slash + 1..]
    }
}

impl FromStr for PayloadName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let Some((namespace, name)) = text.split_once('/').filter(|(_, name)| !name.contains('/'))
        else {
            let parts = text.split('/').count();
            return Err(NameError::Parts {
                name: Excerpt::of(text),
                parts,
            });
        };
        check_part("namespace", namespace)?;
        check_part("name", name)?;
        Ok(Self {
            text: text.to_owned(),
            slash: namespace.len(),
        })
    }
}

/// The namespace of payloads: the part before the slash of their names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(String);

impl Namespace {
    /// The namespace.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_part("namespace", text)?;
        Ok(Self(text.to_owned()))
    }
}

/// The name of a channel, such as `stable`: written like one part of a payload's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(String);

impl ChannelName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_part("channel", text)?;
        Ok(Self(text.to_owned()))
    }
}

/// Checks one part of a payload's name.
fn check_part(what: &'static str, part: &str) -> Result<(), NameError> {
    check_length(what, part, NAME_PART_BYTES_MAX)?;
    let mut after_separator = true;
    for (at, found) in part.char_indices() {
        let separator = matches!(found, '-' | '_' | '.');
        if !(found.is_ascii_lowercase() || found.is_ascii_digit() || separator && !after_separator)
        {
            let allowed = if after_separator {
                "[a-z0-9]"
            } else {
                "[a-z0-9] or one of - _ ."
            };
            return Err(NameError::Character {
                what,
                name: Excerpt::of(part),
                found,
                at,
                allowed,
            });
        }
        after_separator = separator;
    }
    if after_separator {
        let (at, found) = (part.len() - 1, part.chars().next_back().unwrap_or('-'));
        let allowed = "[a-z0-9]";
        return Err(NameError::Character {
            what,
            name: Excerpt::of(part),
            found,
            at,
            allowed,
        });
    }
    Ok(())
}

fn check_length(what: &'static str, text: &str, bytes_max: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > bytes_max {
        let (name, bytes) = (Excerpt::of(text), text.len());
        return Err(NameError::TooLong {
            what,
            name,
            bytes,
            bytes_max,
        });
    }
    Ok(())
}

/// The name an instance runs under: 1 to 63 bytes of `[A-Za-z0-9_.-]`, the first one a letter or
/// a digit. It is used as a directory name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceName(String);

impl InstanceName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let what = "instance name";
        check_length(what, text, INSTANCE_NAME_BYTES_MAX)?;
        for (at, found) in text.char_indices() {
            let inside = at > 0 && matches!(found, '_' | '.' | '-');
            if !(found.is_ascii_alphanumeric() || inside) {
                let allowed = if at == 0 {
                    "[A-Za-z0-9]"
                } else {
                    "[A-Za-z0-9_.-]"
                };
                let name = Excerpt::of(text);
                return Err(NameError::Character {
                    what,
                    name,
                    found,
                    at,
                    allowed,
                });
            }
        }
        Ok(Self(text.to_owned()))
    }
}

/// The version of a release: semver 2.0.0 without build metadata. Ordered as semver orders.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version {
    text: String,
    parsed: semver::Version,
}

impl Version {
    /// The version as written; a semantic version has one spelling only.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Version {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_length("version", text, VERSION_BYTES_MAX)?;
        let version = Excerpt::of(text);
        match semver::Version::parse(text) {
            Ok(parsed) if parsed.build.is_empty() => Ok(Self {
                text: text.to_owned(),
                parsed,
            }),
            Ok(parsed) => Err(NameError::BuildMetadata {
                version,
                build: parsed.build.to_string(),
            }),
            Err(error) => Err(NameError::Version {
                version,
                reason: error.to_string(),
            }),
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parsed.cmp(&other.parsed)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Text, serde and `Debug` for a validated name: all of them show and read the one spelling.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        serde_by_text!($name);
    )*};
}

as_text!(PayloadName, Namespace, ChannelName, InstanceName, Version);

#[cfg(test)]
#[path = "name/tests.rs"]
mod tests;

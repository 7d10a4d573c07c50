//! The rules of a manifest that span more than one field. Called when a manifest is read, and so
//! before one is written. Must never repair: what breaks a rule is refused by its name.

use std::collections::BTreeSet;

use super::{Arch, HandlerFieldError, Manifest};
use crate::limits::OBJECT_BYTES_MAX;

/// Why bytes are not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Longer than any manifest may be.
    #[error("manifest has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// Written for a newer reader: not broken, but not readable here.
    #[error("manifest format {format} is not known here, this reader knows {known}")]
    Format {
        /// The number in the manifest.
        format: u32,
        /// The number that this reader knows.
        known: u32,
    },
    /// Not JSON, or a field that does not fit.
    #[error("manifest field {path}: {reason}")]
    Json {
        /// Where, in the form `maps[3].name`.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// A payload without an object.
    #[error("manifest field objects: no object, at least 1 is needed")]
    NoObject,
    /// Two objects for one architecture, or not in ascending order.
    #[error("manifest field objects: {second} after {first}, the order is by name and each once")]
    ObjectOrder {
        /// The one that comes first.
        first: Arch,
        /// The one that follows it.
        second: Arch,
    },
    /// An object for every architecture beside one for a single architecture.
    #[error("manifest field objects: `any` stands beside {other}, it must stand alone")]
    AnyNotAlone {
        /// The other one.
        other: Arch,
    },
    /// An object larger than the bound, by the manifest's word.
    #[error("manifest field objects: {arch} has {bytes} bytes, at most {bytes_max} are allowed")]
    ObjectSize {
        /// Which object.
        arch: Arch,
        /// Its size by the manifest.
        bytes: u64,
        /// The bound.
        bytes_max: usize,
    },
    /// One map with two structs.
    #[error("manifest field events: map {map:?} has two entries")]
    EventTwice {
        /// Name of the map.
        map: String,
    },
    /// Events that are not in ascending order of their maps' names.
    #[error("manifest field events: map {second:?} after {first:?}, the order is by name")]
    EventOrder {
        /// The map that comes first.
        first: String,
        /// The one that follows it.
        second: String,
    },
    /// An event on a map that is not there.
    #[error("manifest field events: map {map:?} is none of the maps")]
    EventMap {
        /// Name of the map.
        map: String,
    },
    /// What it says about the handler.
    #[error(transparent)]
    Handler(#[from] HandlerFieldError),
    /// A default value that is not hexadecimal bytes of the variable's size.
    #[error(
        "manifest field globals: default {default:?} of {name:?} is not {size_bytes} bytes of lower-case hexadecimal"
    )]
    GlobalDefault {
        /// Name of the variable.
        name: String,
        /// The value as written.
        default: String,
        /// Size of the variable.
        size_bytes: u32,
    },
    /// Not a web address.
    #[error("manifest field source: {source_url:?} is not an http or https URL")]
    Source {
        /// What was given.
        source_url: String,
    },
    /// Characters that no licence expression has.
    #[error("manifest field license: {license:?} is not an SPDX licence expression")]
    License {
        /// What was given.
        license: String,
    },
}

impl Manifest {
    /// Checks the rules that span more than one field.
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        self.check_objects()?;
        self.check_events()?;
        self.check_globals()?;
        if let Some(handler) = &self.handler {
            handler.check(&self.map_names())?;
        }
        if let Some(url) = &self.source
            && !is_web_url(url)
        {
            return Err(ManifestError::Source {
                source_url: url.clone(),
            });
        }
        if let Some(license) = &self.license
            && !is_license_expression(license)
        {
            return Err(ManifestError::License {
                license: license.clone(),
            });
        }
        Ok(())
    }

    fn check_objects(&self) -> Result<(), ManifestError> {
        if self.objects.is_empty() {
            return Err(ManifestError::NoObject);
        }
        for pair in self.objects.windows(2) {
            let (first, second) = (pair[0].arch, pair[1].arch);
            if first >= second {
                return Err(ManifestError::ObjectOrder { first, second });
            }
            if first == Arch::Any || second == Arch::Any {
                let other = if first == Arch::Any { second } else { first };
                return Err(ManifestError::AnyNotAlone { other });
            }
        }
        for object in &self.objects {
            if object.size_bytes > OBJECT_BYTES_MAX as u64 {
                let (arch, bytes, bytes_max) = (object.arch, object.size_bytes, OBJECT_BYTES_MAX);
                return Err(ManifestError::ObjectSize {
                    arch,
                    bytes,
                    bytes_max,
                });
            }
        }
        Ok(())
    }

    fn map_names(&self) -> BTreeSet<&str> {
        self.maps.iter().map(|map| map.name.as_str()).collect()
    }

    fn check_events(&self) -> Result<(), ManifestError> {
        let maps = self.map_names();
        let mut last: Option<&str> = None;
        for event in &self.events {
            let map = event.map.as_str();
            if !maps.contains(map) {
                return Err(ManifestError::EventMap {
                    map: map.to_owned(),
                });
            }
            match last {
                Some(last) if last == map => {
                    return Err(ManifestError::EventTwice {
                        map: map.to_owned(),
                    });
                }
                Some(last) if last > map => {
                    let (first, second) = (last.to_owned(), map.to_owned());
                    return Err(ManifestError::EventOrder { first, second });
                }
                _ => last = Some(map),
            }
        }
        Ok(())
    }

    fn check_globals(&self) -> Result<(), ManifestError> {
        for global in &self.globals {
            let Some(default) = &global.default else {
                continue;
            };
            let hex = default
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !hex || default.len() as u64 != 2 * u64::from(global.size_bytes) {
                let (name, size_bytes) = (global.name.clone(), global.size_bytes);
                let default = default.clone();
                return Err(ManifestError::GlobalDefault {
                    name,
                    default,
                    size_bytes,
                });
            }
        }
        Ok(())
    }
}

/// Whether `url` has the form of a link that a page may show: a web scheme, a host, and printable
/// ASCII without quotes, angle brackets or spaces (RFC 3986, section 2, leaves those out).
fn is_web_url(url: &str) -> bool {
    let Some(rest) = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
    else {
        return false;
    };
    rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

/// Whether `license` has only the characters of an SPDX licence expression (SPDX 2.3, annex D).
fn is_license_expression(license: &str) -> bool {
    license.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '(')
        && license
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b" .-+():".contains(&byte))
}

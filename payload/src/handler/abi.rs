//! The custom section `handler-abi`: what an SDK writes about the handler it is built into, such as
//! `world=1.0.0;sdk=c/1;schema=1;accepts=1,2`. Read by `handler`.
//! Must never accept a second spelling of what it says, nor a key that it does not know.

use std::fmt;

use wasm_encoder::{CustomSection, Encode as _, Section as _};

use crate::limits::{ABI_BYTES_MAX, ACCEPTS_MAX, SDK_BYTES_MAX};
use crate::name::{Excerpt, NameError, Version};

/// The name of the section.
pub const SECTION: &str = "handler-abi";

/// What a handler was built for and with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abi {
    /// Version of the world `marrow:handler`.
    pub world: Version,
    /// The SDK and its version, such as `c/1`.
    pub sdk: Option<String>,
    /// What the bytes of its state mean; 0 where nothing is said.
    pub schema: u32,
    /// Other schemas whose state it goes on with, ascending.
    pub accepts: Vec<u32>,
}

/// Why the section is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AbiError {
    /// Longer than it may be.
    #[error("{bytes} bytes, at most {max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Bytes that are no printable ASCII.
    #[error("byte {found:#04x} at {at} is not printable ASCII")]
    NotText {
        /// The byte.
        found: u8,
        /// Where in the section.
        at: usize,
    },
    /// A part that is no `key=value`.
    #[error("{part:?} is not of the form key=value")]
    Part {
        /// Its beginning.
        part: Excerpt,
    },
    /// A key that is not known.
    #[error("unknown key {key:?}; world, sdk, schema and accepts are known")]
    Key {
        /// Its beginning.
        key: Excerpt,
    },
    /// A key that comes again, or behind one that follows it.
    #[error("{key} stands twice or out of order: world, sdk, schema, accepts")]
    Order {
        /// The key.
        key: &'static str,
    },
    /// No version of the world.
    #[error("world is missing")]
    NoWorld,
    /// A version of the world that is none.
    #[error("world: {0}")]
    World(#[from] NameError),
    /// A name of an SDK with other letters than it may have.
    #[error("sdk: {found:?} is not 1 to {SDK_BYTES_MAX} of [a-zA-Z0-9._/+-]")]
    Sdk {
        /// What was given.
        found: Excerpt,
    },
    /// Not a number that fits.
    #[error(
        "{key}: {found:?} is not a number from 0 to {}, in digits alone",
        u32::MAX
    )]
    Number {
        /// The key.
        key: &'static str,
        /// What was given.
        found: Excerpt,
    },
    /// Numbers that are not ascending.
    #[error("accepts: {second} after {first}, the order is ascending and each stands once")]
    Accepts {
        /// What comes first.
        first: u32,
        /// What follows it.
        second: u32,
    },
    /// More schemas than are kept.
    #[error("accepts: more than {max} numbers")]
    TooMany {
        /// The bound.
        max: usize,
    },
}

/// The keys, in the order in which they stand.
const KEYS: [&str; 4] = ["world", "sdk", "schema", "accepts"];

impl Abi {
    /// Reads the bytes of the section.
    ///
    /// # Errors
    /// [`AbiError`]: the rule that is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, AbiError> {
        if bytes.len() > ABI_BYTES_MAX {
            let (bytes, max) = (bytes.len(), ABI_BYTES_MAX);
            return Err(AbiError::TooLong { bytes, max });
        }
        let mut text = String::with_capacity(bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            if !matches!(byte, b' '..=b'~') {
                return Err(AbiError::NotText { found: *byte, at });
            }
            text.push(char::from(*byte));
        }
        let mut values: [Option<&str>; KEYS.len()] = [None; KEYS.len()];
        let mut next = 0;
        for part in text.split(';') {
            let (key, value) = part.split_once('=').ok_or_else(|| AbiError::Part {
                part: Excerpt::of(part),
            })?;
            let at = KEYS.iter().position(|known| *known == key);
            let at = at.ok_or_else(|| AbiError::Key {
                key: Excerpt::of(key),
            })?;
            if at < next {
                return Err(AbiError::Order { key: KEYS[at] });
            }
            next = at + 1;
            values[at] = Some(value);
        }
        let [world, sdk, schema, accepts] = values;
        Ok(Self {
            world: world.ok_or(AbiError::NoWorld)?.parse()?,
            sdk: sdk.map(sdk_of).transpose()?,
            schema: schema.map_or(Ok(0), |schema| number("schema", schema))?,
            accepts: accepts.map_or(Ok(Vec::new()), accepts_of)?,
        })
    }

    /// The whole section, to be put at the end of a module or component.
    #[must_use]
    pub fn to_section(&self) -> Vec<u8> {
        let section = CustomSection {
            name: SECTION.into(),
            data: self.to_string().into_bytes().into(),
        };
        let mut bytes = vec![section.id()];
        section.encode(&mut bytes);
        bytes
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "world={}", self.world)?;
        if let Some(sdk) = &self.sdk {
            write!(f, ";sdk={sdk}")?;
        }
        let accepts: Vec<String> = self.accepts.iter().map(u32::to_string).collect();
        write!(f, ";schema={};accepts={}", self.schema, accepts.join(","))
    }
}

fn sdk_of(text: &str) -> Result<String, AbiError> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._/+-".contains(&byte);
    if text.is_empty() || text.len() > SDK_BYTES_MAX || !text.bytes().all(letter) {
        let found = Excerpt::of(text);
        return Err(AbiError::Sdk { found });
    }
    Ok(text.to_owned())
}

/// Numbers with commas between them, and what a C macro leaves of the spaces behind those.
fn accepts_of(text: &str) -> Result<Vec<u32>, AbiError> {
    let mut accepts: Vec<u32> = Vec::new();
    if text.is_empty() {
        return Ok(accepts);
    }
    for part in text.split(',') {
        let second = number("accepts", part.trim_matches(' '))?;
        if let Some(&first) = accepts.last().filter(|first| **first >= second) {
            return Err(AbiError::Accepts { first, second });
        }
        if accepts.len() == ACCEPTS_MAX {
            return Err(AbiError::TooMany { max: ACCEPTS_MAX });
        }
        accepts.push(second);
    }
    Ok(accepts)
}

fn number(key: &'static str, text: &str) -> Result<u32, AbiError> {
    // `parse` takes a plus sign and leading zeros.
    let parsed = text.parse::<u32>().ok();
    parsed
        .filter(|number| number.to_string() == text)
        .ok_or_else(|| AbiError::Number {
            key,
            found: Excerpt::of(text),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Abi::parse(text.as_bytes())
            .expect_err("must be refused")
            .to_string()
    }

    #[test]
    fn what_an_sdk_writes_is_read() {
        let abi = Abi::parse(b"world=1.0.0;sdk=c/1;schema=7;accepts=1,2").unwrap();
        assert_eq!(abi.world.as_str(), "1.0.0");
        assert_eq!(abi.sdk.as_deref(), Some("c/1"));
        assert_eq!((abi.schema, abi.accepts), (7, vec![1, 2]));
        let least = Abi::parse(b"world=1.2.0-rc.1").unwrap();
        assert_eq!(
            (least.sdk, least.schema, least.accepts),
            (None, 0, Vec::new())
        );
        // What `#__VA_ARGS__` gives for `1, 2` and for nothing.
        assert_eq!(
            Abi::parse(b"world=1.0.0;accepts=1, 2").unwrap().accepts,
            [1, 2]
        );
        assert_eq!(
            Abi::parse(b"world=1.0.0;accepts=").unwrap().accepts,
            Vec::<u32>::new()
        );
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for text in [
            "world=1.0.0;sdk=c/1;schema=7;accepts=1,2",
            "world=1.0.0-a;schema=0;accepts=",
        ] {
            let abi = Abi::parse(text.as_bytes()).unwrap();
            assert_eq!(abi.to_string(), text);
            let wasm = [b"\0asm\x01\0\0\0", abi.to_section().as_slice()].concat();
            assert_eq!(crate::handler::inspect(&wasm).unwrap().abi, Some(abi));
        }
    }

    #[test]
    fn everything_else_is_refused_by_its_rule() {
        for (text, says) in [
            ("", "\"\" is not of the form key=value"),
            ("world=1.0.0;", "\"\" is not of the form key=value"),
            ("world=1.0.0;colour=1", "unknown key \"colour\""),
            ("world =1.0.0", "unknown key \"world \""),
            ("sdk=c/1", "world is missing"),
            ("world=1", "world: "),
            ("world=1.0.0+b", "world: "),
            ("world=1.0.0;world=1.0.0", "world stands twice"),
            (
                "world=1.0.0;schema=1;sdk=c/1",
                "sdk stands twice or out of order",
            ),
            ("world=1.0.0;sdk=", "sdk: \"\""),
            ("world=1.0.0;sdk=c 1", "sdk: \"c 1\""),
            ("world=1.0.0;schema=", "schema: \"\""),
            ("world=1.0.0;schema=01", "schema: \"01\""),
            ("world=1.0.0;schema=+1", "schema: \"+1\""),
            ("world=1.0.0;schema=-1", "schema: \"-1\""),
            ("world=1.0.0;schema=4294967296", "from 0 to 4294967295"),
            ("world=1.0.0;accepts=1,,2", "accepts: \"\""),
            ("world=1.0.0;accepts=2,1", "accepts: 1 after 2"),
            ("world=1.0.0;accepts=1,1", "accepts: 1 after 1"),
            ("world=1.0.0\n", "byte 0x0a at 11"),
            ("world=1.0.0\0", "byte 0x00 at 11"),
            ("world=1.0.0;sdk=ä", "byte 0xc3 at 16"),
        ] {
            let said = refused(text);
            assert!(said.contains(says), "{text:?}: says {said:?}");
        }
        let many: Vec<String> = (0..=ACCEPTS_MAX).map(|number| number.to_string()).collect();
        assert!(refused(&format!("world=1.0.0;accepts={}", many.join(","))).contains("more than"));
        assert!(refused(&"x".repeat(ABI_BYTES_MAX + 1)).contains("1025 bytes"));
        let sdk = format!("world=1.0.0;sdk={}", "s".repeat(SDK_BYTES_MAX + 1));
        assert!(refused(&sdk).contains("sdk: "));
    }
}

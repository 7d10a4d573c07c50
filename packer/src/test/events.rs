//! Recorded events: JSON lines of `node record` as a ring would hold them. A part of `test`.
//! Must never take a line that says less than ring, time and bytes.

use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

use crate::failure::{Class, Classed};
use crate::files::{self, FileError};

/// Bytes of a file of records.
const BYTES_MAX: usize = 1 << 30;
/// Bytes of records that a handler is given at once, and the record that passes it.
const BATCH_BYTES_MAX: usize = 64 * 1024;

/// Records that can't be read.
#[derive(Debug, Error)]
pub(crate) enum EventsError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is none of a record.
    #[error("{file}, line {line}: {reason}")]
    Line {
        file: String,
        line: usize,
        reason: String,
    },
    /// A record of a ring that the object does not have.
    #[error("{file}, line {line}: ring {ring:?} is none of the object's: {has}")]
    Ring {
        file: String,
        line: usize,
        ring: String,
        has: String,
    },
}

impl Classed for EventsError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Line { .. } | Self::Ring { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        None
    }
}

/// Records of one ring that were read at about the same time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// The ring's number.
    pub(super) ring: usize,
    /// When they were read, microseconds since 1970.
    pub(super) read_us: u64,
    /// As the kernel keeps them.
    pub(super) records: Vec<u8>,
    /// The line of the first one, from 1.
    pub(super) line: usize,
}

/// All records, in order.
pub(super) struct Batches(Vec<Batch>);

#[derive(Deserialize)]
struct Line {
    ring: String,
    read_us: u64,
    event: Raw,
}

#[derive(Deserialize)]
struct Raw {
    raw: String,
}

impl Batches {
    /// Reads a file, `-` for standard input; `rings` are the names of the object's.
    pub(super) fn read(path: &Path, rings: &[String]) -> Result<Self, EventsError> {
        let text = if path.as_os_str() == "-" {
            files::read_standard_input(BYTES_MAX)?
        } else {
            files::read(path, BYTES_MAX)?
        };
        Self::of(&text, &path.display().to_string(), rings)
    }

    fn of(text: &[u8], file: &str, rings: &[String]) -> Result<Self, EventsError> {
        let mut batches: Vec<Batch> = Vec::new();
        for (index, text) in text.split(|byte| *byte == b'\n').enumerate() {
            if text.is_empty() {
                continue;
            }
            let line = index + 1;
            let wrong = |reason: String| EventsError::Line {
                file: file.to_owned(),
                line,
                reason,
            };
            let read: Line =
                serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
            let ring = rings.iter().position(|name| *name == read.ring);
            let ring = ring.ok_or_else(|| EventsError::Ring {
                file: file.to_owned(),
                line,
                ring: read.ring.clone(),
                has: rings.join(", "),
            })?;
            let record = bytes(&read.event.raw)
                .ok_or_else(|| wrong("field event.raw: no hexadecimal bytes".to_owned()))?;
            let same = |batch: &&mut Batch| {
                batch.ring == ring
                    && batch.read_us == read.read_us
                    && batch.records.len() < BATCH_BYTES_MAX
            };
            if let Some(batch) = batches.last_mut().filter(same) {
                append(&mut batch.records, &record);
                continue;
            }
            let mut records = Vec::new();
            append(&mut records, &record);
            batches.push(Batch {
                ring,
                read_us: read.read_us,
                records,
                line,
            });
        }
        Ok(Self(batches))
    }

    /// When the first one was read.
    pub(super) fn began_us(&self) -> u64 {
        self.0.first().map_or(0, |batch| batch.read_us)
    }

    pub(super) fn all(self) -> impl Iterator<Item = Batch> {
        self.0.into_iter()
    }
}

/// A record as a ring holds it: length, a word that is the kernel's, content, padding to eight bytes.
fn append(records: &mut Vec<u8>, record: &[u8]) {
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    records.extend(length.to_le_bytes());
    records.extend([0; 4]);
    records.extend(record);
    records.resize(records.len().next_multiple_of(8), 0);
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = hex.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Batch>, String> {
        let rings = ["a".to_owned(), "b".to_owned()];
        let read = Batches::of(text.as_bytes(), "f", &rings);
        read.map(|batches| batches.0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn records_of_one_ring_and_time_come_at_once() {
        let line = |ring: &str, at: u64, raw: &str| {
            format!(
                "{{\"ring\":\"{ring}\",\"read_us\":{at},\"position\":0,\"event\":{{\"raw\":\"{raw}\"}}}}\n"
            )
        };
        let text = [
            line("a", 1, "01ff"),
            line("a", 1, ""),
            line("b", 1, "00"),
            line("a", 2, "00"),
        ];
        let read = of(&text.concat()).unwrap();
        assert_eq!(read.len(), 3);
        let expected = [
            2, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(read[0].records, expected);
        assert_eq!((read[1].ring, read[1].line), (1, 3));
        assert_eq!((read[2].read_us, read[2].line), (2, 4));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = of("\n{\"ring\":\"c\",\"read_us\":1,\"event\":{\"raw\":\"\"}}\n").unwrap_err();
        assert_eq!(error, "f, line 2: ring \"c\" is none of the object's: a, b");
        let error = of("{\"ring\":\"a\",\"read_us\":1,\"event\":{\"raw\":\"0\"}}").unwrap_err();
        assert!(error.contains("line 1: field event.raw"), "{error}");
        assert!(
            of("{\"ring\":\"a\",\"event\":{\"pid\":1}}")
                .unwrap_err()
                .contains("line 1")
        );
    }
}

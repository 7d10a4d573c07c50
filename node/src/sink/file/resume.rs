//! How a file of lines is gone on with after a crash. Called when a file sink opens its file, and
//! when lines come that it may hold already. Must never touch a whole line, nor take a line of
//! another life of the instance for one of this.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use serde::Deserialize;

/// Bytes looked at at once, from the end backwards.
const BLOCK_BYTES: usize = 64 * 1024;

/// Where a line came from.
///
/// The last whole line is all that must be known to go on exactly, however large a span is, so that
/// no more than a block of a file is ever in memory. The reader hands out one span at a time and
/// gives it back before the next, of whichever ring; what was not given back comes before anything
/// else in the next daemon (`replay` in `instance/reader.rs`). So lines that may come again are the
/// last ones of the file, in order and without a gap: either the last line is one of them, and it
/// and those before it are not written again, or none of them is there.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct LinePlace {
    generation: u64,
    ring: String,
    position: u64,
    /// When its span was read. Generations and positions begin anew when an instance is started
    /// again, and files go on: this tells the lives apart.
    read_us: u64,
}

impl LinePlace {
    /// How much of these lines is written already, this being the place of the last line that is:
    /// bytes and lines.
    pub(super) fn written_of(&self, lines: &[u8]) -> (usize, u64) {
        let (mut bytes, mut count) = (0, 0);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(place) if self.is_of_span_of(&place) && place.position <= self.position => {
                    bytes += line.len();
                    count += 1;
                }
                _ => break,
            }
        }
        (bytes, count)
    }

    fn is_of_span_of(&self, other: &Self) -> bool {
        let span = |place: &Self| (place.generation, place.read_us);
        span(self) == span(other) && self.ring == other.ring
    }
}

/// Where the last whole line came from; `None` where there is none, or none of an event.
pub(super) fn last_place(file: &File) -> io::Result<Option<LinePlace>> {
    let end = end_of_last_line(file, file.metadata()?.len())?;
    let start = end_of_last_line(file, end.saturating_sub(1))?;
    let mut file = file;
    file.seek(SeekFrom::Start(start))?;
    // Its event is passed over while it is read: it may be as large as a ring.
    let line = BufReader::new(file.take(end - start));
    match serde_json::from_reader(line) {
        Ok(place) => Ok(Some(place)),
        Err(error) if error.is_io() => Err(error.into()),
        Err(_no_event) => Ok(None),
    }
}

/// Cuts off what follows the last newline. Returns the bytes that are left.
pub(super) fn cut_half_line(file: &File) -> io::Result<u64> {
    let bytes = file.metadata()?.len();
    let whole = end_of_last_line(file, bytes)?;
    if whole < bytes {
        file.set_len(whole)?;
    }
    Ok(whole)
}

fn end_of_last_line(file: &File, bytes: u64) -> io::Result<u64> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut end = bytes;
    while end > 0 {
        let length = usize::try_from(end).unwrap_or(usize::MAX).min(BLOCK_BYTES);
        let start = end - u64::try_from(length).unwrap_or(0);
        let block = block.get_mut(..length).unwrap_or_default();
        file.read_exact_at(block, start)?;
        if let Some(last) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + u64::try_from(last).unwrap_or(0) + 1);
        }
        end = start;
    }
    Ok(0)
}

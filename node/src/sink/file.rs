//! A file of JSON lines as a sink, rotated by size, a bounded number of files kept. Made by whoever
//! was configured to keep events. Must never leave half a line in a file, nor stop trying because a
//! disk was full once.

mod resume;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Delivery, Sink, SinkError};
use resume::{LinePlace, cut_half_line, last_place};

/// Most files that are kept, the one being written counted.
pub(crate) const FILES_MAX: u32 = 1000;

/// When a file has enough, and how many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// A file that would become larger is put aside. Only a single line that is longer on its own
    /// makes a larger file.
    pub(crate) file_bytes_max: u64,
    /// Files kept, the one being written counted: 1 to [`FILES_MAX`].
    pub(crate) files_max: u32,
}

/// Appends to `path`; `path.1` is the file before, the highest number the oldest.
pub(crate) struct FileSink {
    path: PathBuf,
    rotation: Rotation,
    /// Missing after a new file could not be made; tried again with the next lines.
    file: Option<File>,
    /// Bytes of whole lines in the file.
    bytes: u64,
    /// There may be more in the file than whole lines.
    torn: bool,
    /// Where the last line came from that was there when the file was opened.
    last: Option<LinePlace>,
}

impl FileSink {
    /// Goes on at the end of the file, whose last line is cut off if it is only half a one.
    ///
    /// # Errors
    /// The file cannot be opened or made, or another sink writes to it.
    pub(crate) fn open(path: &Path, rotation: Rotation) -> Result<Self, SinkError> {
        let files_max = rotation.files_max.clamp(1, FILES_MAX);
        let mut sink = Self {
            path: path.to_owned(),
            rotation: Rotation {
                files_max,
                ..rotation
            },
            file: None,
            bytes: 0,
            torn: false,
            last: None,
        };
        let opened = sink
            .resume()
            .and_then(|()| sink.find_last())
            .and_then(|()| sink.drop_surplus());
        match opened {
            Ok(()) => Ok(sink),
            Err(source) => Err(SinkError {
                sink: format!("file {}", path.display()),
                source,
            }),
        }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    /// Opens the file that is being written.
    fn resume(&mut self) -> io::Result<()> {
        // Command lines and addresses are nobody else's business.
        let mut options = File::options();
        let file = options
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)?;
        // Two writers would each rotate the other's file away.
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                io::Error::new(ErrorKind::ResourceBusy, "another sink writes to this file")
            }
            fs::TryLockError::Error(error) => error,
        })?;
        self.bytes = cut_half_line(&file)?;
        self.torn = false;
        self.file = Some(file);
        Ok(())
    }

    /// Finds where the last line came from; it is in the file before where this one is still empty.
    fn find_last(&mut self) -> io::Result<()> {
        self.last = match &self.file {
            Some(file) if self.bytes > 0 => last_place(file)?,
            _ => match File::open(self.numbered(1)) {
                Ok(before) => last_place(&before)?,
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        Ok(())
    }

    /// Removes files beyond the number kept: the number may have been larger before.
    fn drop_surplus(&self) -> io::Result<()> {
        for number in self.rotation.files_max..=FILES_MAX {
            if !remove(&self.numbered(number))? {
                break;
            }
        }
        Ok(())
    }

    /// Puts the file aside and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let kept_aside = self.rotation.files_max - 1;
        if kept_aside == 0 {
            let file = self.file.as_ref().ok_or(ErrorKind::NotFound)?;
            file.set_len(0)?;
            self.bytes = 0;
            return Ok(());
        }
        // From the oldest on; a crash in between leaves a gap, which is no harm.
        for number in (0..kept_aside).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = None;
        self.resume()
    }

    /// Writes some whole lines from the front of `lines`. Returns their bytes.
    fn put(&mut self, lines: &[u8]) -> io::Result<usize> {
        if self.file.is_none() {
            self.resume()?;
        }
        if self.torn {
            let file = self.file.as_ref().ok_or(ErrorKind::NotFound)?;
            file.set_len(self.bytes)?;
            self.torn = false;
        }
        let max = self.rotation.file_bytes_max;
        let mut fit = whole_lines(lines, max.saturating_sub(self.bytes));
        if fit == 0 && self.bytes > 0 {
            self.rotate()?;
            fit = whole_lines(lines, max);
        }
        if fit == 0 {
            fit = first_line(lines);
        }
        self.append(lines.get(..fit).unwrap_or_default())
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else {
            return Err(ErrorKind::NotFound.into());
        };
        let mut written = 0;
        let mut failed = None;
        while let Some(left @ [_, ..]) = lines.get(written..) {
            match file.write(left) {
                Ok(0) => failed = Some(ErrorKind::WriteZero.into()),
                Ok(some) => written += some,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => failed = Some(error),
            }
            if failed.is_some() {
                break;
            }
        }
        let Some(error) = failed else {
            self.bytes += u64::try_from(written).unwrap_or(0);
            return Ok(written);
        };
        // What was written of a line that did not fit is taken back.
        let whole = whole_lines(lines, u64::try_from(written).unwrap_or(0));
        self.bytes += u64::try_from(whole).unwrap_or(0);
        self.torn = file.set_len(self.bytes).is_err();
        if whole > 0 { Ok(whole) } else { Err(error) }
    }
}

/// Bytes of the whole lines within the first `room` bytes.
fn whole_lines(lines: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX).min(lines.len());
    let within = lines.get(..room).unwrap_or_default();
    within
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1)
}

fn first_line(lines: &[u8]) -> usize {
    lines
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(lines.len(), |end| end + 1)
}

/// Removes a file; false if there is none.
fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Sink for FileSink {
    fn deliver(&mut self, lines: &[u8], count: u64) -> Delivery {
        let mut left = lines;
        while !left.is_empty() {
            // What fails now is tried again with the next lines: these are lost, and counted.
            let Ok(put) = self.put(left) else { break };
            left = left.get(put..).unwrap_or_default();
        }
        let lost: u64 = left.iter().map(|byte| u64::from(*byte == b'\n')).sum();
        let lost = lost.min(count);
        Delivery {
            delivered: count - lost,
            lost_in_sink: lost,
            lost_in_queue: 0,
        }
    }

    /// Leaves out what the file has already. Lines are written in order and what fails takes the
    /// rest of its batch with it, so those are the first ones, up to the last line of the file.
    fn replay(&mut self, lines: &[u8], count: u64) -> Delivery {
        let (bytes, written) = match &self.last {
            Some(last) => last.written_of(lines),
            None => (0, 0),
        };
        let written = written.min(count);
        let left = lines.get(bytes..).unwrap_or_default();
        let mut delivery = self.deliver(left, count - written);
        delivery.delivered += written;
        delivery
    }
}

impl Drop for FileSink {
    /// A process that is being started may have the descriptor for a moment, and with it the lock.
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // The last descriptor that is closed lets go of it, too.
            let _unlocked = file.unlock();
        }
    }
}

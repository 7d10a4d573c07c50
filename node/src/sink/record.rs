//! Records as they are, a JSON line each, for `packer test`: into a file or on standard output. Made by
//! `node record`. Must never end within a line, nor keep more than it was asked for.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;

use super::{Delivery, Sink};

/// Keeps the first lines that come.
pub(crate) struct RecordSink {
    out: BufWriter<Box<dyn Write + Send>>,
    /// Lines that are still to be kept.
    left: u64,
    /// Told when there are enough, or no more can be kept.
    enough: Arc<Notify>,
}

impl RecordSink {
    /// Keeps up to `lines_max` lines, in a new file or on standard output.
    ///
    /// # Errors
    /// The file can't be made.
    pub(crate) fn open(
        path: Option<&Path>,
        lines_max: Option<u64>,
        enough: Arc<Notify>,
    ) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = match path {
            Some(path) => Box::new(File::create(path)?),
            None => Box::new(io::stdout()),
        };
        Ok(Self {
            out: BufWriter::new(out),
            left: lines_max.unwrap_or(u64::MAX),
            enough,
        })
    }
}

impl Sink for RecordSink {
    fn deliver(&mut self, lines: &[u8], count: u64) -> Delivery {
        let mut delivered = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if self.left == 0 {
                break;
            }
            if self.out.write_all(line).is_err() {
                self.left = 0;
                break;
            }
            self.left -= 1;
            delivered += 1;
        }
        if self.left == 0 {
            self.flush();
            self.enough.notify_one();
        }
        Delivery {
            delivered,
            lost_in_sink: count.saturating_sub(delivered),
            ..Delivery::default()
        }
    }

    fn flush(&mut self) {
        if self.out.flush().is_err() {
            self.left = 0;
            self.enough.notify_one();
        }
    }
}

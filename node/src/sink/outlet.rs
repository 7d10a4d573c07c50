//! A descriptor that somebody else may close at any moment: standard output. Used by the sinks that
//! print. Must never glue a line to half of another, nor go on writing to nobody.

use std::io::{ErrorKind, Write};
use std::time::Duration;

/// Between two tries to write to a descriptor that takes nothing and must not block (a shell may
/// have made it so).
const FULL_PAUSE: Duration = Duration::from_millis(5);
/// Tries before what is to be written counts as lost: ten seconds.
const FULL_TRIES_MAX: u32 = 2000;

/// Called once, when nobody reads any more.
pub(crate) type OnClosed = Box<dyn FnOnce() + Send>;

/// Where lines are written to, and what became of the last ones.
pub(super) struct Outlet<W> {
    out: W,
    /// Half a line was written last.
    torn: bool,
    /// Taken when the other end was found closed.
    on_closed: Option<OnClosed>,
    closed: bool,
}

impl<W: Write> Outlet<W> {
    pub(super) fn new(out: W, on_closed: OnClosed) -> Self {
        Self {
            out,
            torn: false,
            on_closed: Some(on_closed),
            closed: false,
        }
    }

    /// Writes whole lines. Returns how many bytes of them were written before something failed.
    pub(super) fn put(&mut self, lines: &[u8]) -> usize {
        if self.closed || (self.torn && !self.end_torn_line()) {
            return 0;
        }
        let written = self.write(lines);
        self.torn = lines
            .get(..written)
            .is_some_and(|done| !matches!(done, [] | [.., b'\n']));
        written
    }

    fn end_torn_line(&mut self) -> bool {
        self.torn = self.write(b"\n") == 0;
        !self.torn
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        let mut full = 0;
        while let Some(left @ [_, ..]) = bytes.get(written..) {
            match self.out.write(left) {
                Ok(0) => break,
                Ok(some) => {
                    written += some;
                    full = 0;
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock if full < FULL_TRIES_MAX => {
                        full += 1;
                        std::thread::sleep(FULL_PAUSE);
                    }
                    ErrorKind::BrokenPipe => {
                        self.closed = true;
                        if let Some(tell) = self.on_closed.take() {
                            tell();
                        }
                        break;
                    }
                    // A full disk, for one: the next lines may fit again.
                    _ => break,
                },
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn nobody() -> OnClosed {
        Box::new(|| {})
    }

    #[test]
    fn a_closed_reader_is_told_of_once_and_written_to_no_more() {
        let (reader, writer) = std::io::pipe().unwrap();
        let told = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&told);
        let mut outlet = Outlet::new(
            writer,
            Box::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
        );
        assert_eq!(outlet.put(b"a\n"), 2);
        drop(reader);
        assert_eq!(outlet.put(b"b\n"), 0);
        assert_eq!(outlet.put(b"c\n"), 0);
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_full_disk_takes_nothing_and_is_asked_again() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut outlet = Outlet::new(full, nobody());
        assert_eq!(outlet.put(b"a\n"), 0);
        assert_eq!(outlet.put(b"b\n"), 0);
        assert!(!outlet.closed);
    }

    /// Takes so many bytes, then one error, then everything.
    struct Stumbling<W>(usize, W);

    impl<W: Write> Write for Stumbling<W> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let some = bytes.len().min(self.0);
            if some == 0 {
                self.0 = usize::MAX;
                return Err(ErrorKind::StorageFull.into());
            }
            self.0 -= some;
            self.1.write(&bytes[..some])
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn half_a_line_is_ended_before_the_next_one() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut outlet = Outlet::new(Stumbling(4, writer), nobody());
        assert_eq!(outlet.put(b"a\nbcd\n"), 4);
        assert_eq!(outlet.put(b"e\n"), 2);
        drop(outlet);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\nbc\ne\n");
    }
}

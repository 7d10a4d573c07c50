//! Archives in the format `newc`, which the kernel unpacks as its first root.
//! Called by `initramfs`. Must never write a folder after what is in it.
//! Source: the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::io::{Result, Write};

/// Kinds of entries, with their permissions: as in `st_mode`.
pub(super) const FOLDER: u32 = 0o040_755;
pub(super) const FILE: u32 = 0o100_644;
pub(super) const PROGRAM: u32 = 0o100_755;

/// The name after the last entry.
const END: &str = "TRAILER!!!";
/// What stands before a name.
const HEADER_BYTES: usize = 110;
/// Names and bytes begin at multiples of this many bytes.
const ALIGNMENT: usize = 4;

/// Writes entries, each with a number of its own; all of them are root's.
pub(super) struct Archive<W: Write> {
    out: W,
    entries: u32,
}

impl<W: Write> Archive<W> {
    /// An archive without entries.
    pub(super) fn new(out: W) -> Self {
        Self { out, entries: 0 }
    }

    /// Adds one entry: a path without `/` before it, and the bytes of a file.
    ///
    /// # Errors
    /// When writing fails, or the name or the bytes are longer than the format can say.
    pub(super) fn add(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        self.entries += 1;
        let length = |len: usize| u32::try_from(len).map_err(std::io::Error::other);
        let (inode, size, name) = (self.entries, length(bytes.len())?, length(path.len() + 1)?);
        // Between them: user, group, links, time; two halves each of two device numbers. Then a sum.
        let fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0];
        write!(self.out, "070701")?;
        for field in fields {
            write!(self.out, "{field:08X}")?;
        }
        self.out.write_all(path.as_bytes())?;
        self.out.write_all(&[0])?;
        self.pad(HEADER_BYTES + path.len() + 1)?;
        self.out.write_all(bytes)?;
        self.pad(bytes.len())
    }

    /// Adds the last entry and gives back what was written to.
    ///
    /// # Errors
    /// When writing fails.
    pub(super) fn finish(mut self) -> Result<W> {
        self.add(END, 0, &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn pad(&mut self, written: usize) -> Result<()> {
        let missing = written.next_multiple_of(ALIGNMENT) - written;
        self.out.write_all(&[0; ALIGNMENT][..missing])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_names_and_bytes_are_aligned() {
        let mut archive = Archive::new(Vec::new());
        archive.add("a", FOLDER, &[]).unwrap();
        archive.add("a/word", FILE, b"hello").unwrap();
        let bytes = archive.finish().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let starts: Vec<usize> = text.match_indices("070701").map(|(at, _)| at).collect();
        assert_eq!(starts, [0, 112, 240]);
        assert_eq!(&text[6..22], "00000001000041ED");
        assert_eq!(&text[112 + 54..112 + 62], "00000005");
        assert_eq!(&text[222..228], "a/word");
        assert_eq!(&text[232..240], "hello\0\0\0");
        assert_eq!(text.len() % ALIGNMENT, 0);
    }
}

//! How a file of lines is gone on with after a crash. Called when a file sink opens its file.
//! Must never touch a whole line.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes looked at at once, from the end backwards.
const BLOCK_BYTES: usize = 64 * 1024;

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

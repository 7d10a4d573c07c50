//! zlib (RFC 1950) of generation 2, inflated no further than declared.
//! Called by the reader of generation 2.
//! Must never make room for more than `OBJECT_BYTES_MAX`, whatever the document declares.

use flate2::{Decompress, FlushDecompress, Status};

use super::error::{LegacyError, Rule};
use super::path::Path;
use crate::limits::OBJECT_BYTES_MAX;

/// Bytes of output that one step makes room for.
const STEP_BYTES: usize = 1 << 20;

/// Inflates `compressed`, which must give `declared` bytes, no more and no less.
/// `data` and `size` are the places of the two fields, `field` the data's name.
pub(super) fn inflate(
    compressed: &[u8],
    declared: i128,
    data: &Path,
    size: &Path,
    field: &'static str,
) -> Result<Vec<u8>, LegacyError> {
    // A declared size that no object can have is refused with both sizes where the data stays below
    // the cap.
    let bytes_max = match usize::try_from(declared) {
        Ok(declared) => declared.min(OBJECT_BYTES_MAX),
        Err(_) => OBJECT_BYTES_MAX,
    };
    let mut stream = Decompress::new(true);
    let mut inflated = Vec::new();
    loop {
        let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = compressed.get(consumed..).unwrap_or_default();
        // One byte more than allowed shows that the stream goes on.
        let room = STEP_BYTES.min(bytes_max + 1 - inflated.len());
        inflated.reserve_exact(room);
        let before = (stream.total_in(), inflated.len());
        let status = stream.decompress_vec(rest, &mut inflated, FlushDecompress::None);
        if inflated.len() > bytes_max {
            let rule = Rule::InflatesToMore {
                declared,
                field,
                bytes_max,
            };
            return Err(size.error(rule));
        }
        let broken = |reason: &str| {
            data.error(Rule::NotZlib {
                inflated: inflated.len(),
                reason: reason.to_owned(),
            })
        };
        match status {
            Ok(Status::StreamEnd) => break,
            Ok(_) if before == (stream.total_in(), inflated.len()) => {
                return Err(broken("it ends before its last block"));
            }
            Ok(_) => {}
            Err(error) => return Err(broken(&error.to_string())),
        }
    }
    let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
    if consumed != compressed.len() {
        let trailing = compressed.len().saturating_sub(consumed);
        return Err(data.error(Rule::TrailingBytes {
            stream: consumed,
            trailing,
        }));
    }
    if inflated.len() as i128 != declared {
        return Err(size.error(Rule::SizeDiffers {
            declared,
            field,
            decoded: inflated.len(),
        }));
    }
    Ok(inflated)
}

//! Bytes to server-sent events (WHATWG HTML, section 9.2.6 "Interpreting an event stream").
//! Used by `sse` only.
//! Must never keep a line or an event longer than the bound.

use hyper::body::Bytes;

use crate::client::ClientError;

/// The longest event that is read, in bytes, its line breaks and field names included.
pub(super) const EVENT_BYTES_MAX: usize = 1 << 20;

/// One event of the stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::client) struct Frame {
    /// The `event` field; empty for the default kind.
    pub(in crate::client) kind: String,
    /// The `id` field.
    pub(in crate::client) id: String,
    /// The `data` fields, joined by line breaks.
    pub(in crate::client) data: String,
}

/// Holds what has come but was not taken yet: at most one chunk and one incomplete event.
#[derive(Debug, Default)]
pub(super) struct Parser {
    chunk: Bytes,
    line: Vec<u8>,
    frame: Frame,
    has_data: bool,
    frame_bytes: usize,
}

impl Parser {
    /// Takes in the next chunk. The one before must have been used up by `next_frame`.
    pub(super) fn push(&mut self, chunk: Bytes) {
        debug_assert!(
            self.chunk.is_empty(),
            "a chunk is taken in when the last one is used up"
        );
        self.chunk = chunk;
    }

    /// The next whole event, or `None` when more bytes are needed.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        while !self.chunk.is_empty() {
            let end = self.chunk.iter().position(|&byte| byte == b'\n');
            let part = self
                .chunk
                .split_to(end.map_or(self.chunk.len(), |end| end + 1));
            self.frame_bytes += part.len();
            if self.frame_bytes > EVENT_BYTES_MAX {
                return Err(ClientError::TooLong {
                    limit_bytes: EVENT_BYTES_MAX,
                });
            }
            self.line.extend_from_slice(&part);
            if end.is_some()
                && let Some(frame) = self.take_line()
            {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Interprets the line that is complete; gives the event that an empty line ends.
    fn take_line(&mut self) -> Option<Frame> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            self.frame_bytes = 0;
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.frame.kind),
            "id" => value.clone_into(&mut self.frame.id),
            "data" => {
                if self.has_data {
                    self.frame.data.push('\n');
                }
                self.has_data = true;
                self.frame.data.push_str(value);
            }
            // A comment (an empty field name) or a field that is not for us.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(chunks: &[&[u8]]) -> Vec<Frame> {
        let mut parser = Parser::default();
        let mut frames = Vec::new();
        for chunk in chunks {
            parser.push(Bytes::copy_from_slice(chunk));
            while let Some(frame) = parser.next_frame().unwrap() {
                frames.push(frame);
            }
        }
        frames
    }

    const STREAM: &[u8] =
        b": hello\n\nid: 1\ndata: {\"a\":1}\n\nid:2\r\nevent: lost\r\ndata: x\r\n\
        data:y\r\n\r\nevent: nothing\n\ndata: unfinished";

    #[test]
    fn fields_comments_and_line_ends_are_understood() {
        let found = frames(&[STREAM]);
        let first = Frame {
            kind: String::new(),
            id: "1".into(),
            data: "{\"a\":1}".into(),
        };
        let second = Frame {
            kind: "lost".into(),
            id: "2".into(),
            data: "x\ny".into(),
        };
        assert_eq!(found, [first, second]);
    }

    #[test]
    fn where_the_chunks_end_does_not_matter() {
        let whole = frames(&[STREAM]);
        for at in 0..STREAM.len() {
            assert_eq!(
                frames(&[&STREAM[..at], &STREAM[at..]]),
                whole,
                "split at {at}"
            );
        }
        let single: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(frames(&single), whole);
    }

    #[test]
    fn an_event_that_never_ends_is_refused() {
        let mut parser = Parser::default();
        let mut result = Ok(None);
        for _ in 0..=EVENT_BYTES_MAX / 4096 {
            parser.push(Bytes::from(vec![b'x'; 4096]));
            result = parser.next_frame();
        }
        assert!(matches!(result, Err(ClientError::TooLong { .. })));
    }
}

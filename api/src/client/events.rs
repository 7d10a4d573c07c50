//! The event stream of an instance. Opened by `Client::events`, read by `node events` and tests.
//! Must never hide that events are missing.

use super::ClientError;
use super::peer::{Peer, PeerKind};
use super::sse::{Frame, Frames};
use crate::node::Lost;

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At the oldest event that the node still has.
    Oldest,
    /// Where an earlier stream stopped.
    Cursor(u64),
    /// At the next event.
    Now,
}

/// One thing the stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An event.
    Event {
        /// Where to go on after this one: the `cursor` of a later call.
        cursor: u64,
        /// The event, one JSON object without a line break.
        json: String,
    },
    /// Events that the node no longer has: the reader was slower than the window allows.
    Lost {
        /// Where to go on.
        cursor: u64,
        /// How many are missing here.
        count: u64,
    },
    /// The instance was stopped; nothing follows.
    Stopped,
}

/// An open stream. Dropping it closes the connection.
#[derive(Debug)]
pub struct Events(Frames);

impl Events {
    pub(super) async fn open(peer: &Peer, path: &str) -> Result<Self, ClientError> {
        Frames::open(peer, path).await.map(Self)
    }

    /// The next thing the stream tells; `None` when the node ended it.
    ///
    /// # Errors
    /// The connection broke or fell silent, or an event is longer than the bound.
    pub async fn next(&mut self) -> Result<Option<Told>, ClientError> {
        while let Some(frame) = self.0.next().await? {
            if let Some(told) = told(&frame)? {
                return Ok(Some(told));
            }
        }
        Ok(None)
    }
}

/// What a frame means; `None` for kinds that this client doesn't know.
fn told(frame: &Frame) -> Result<Option<Told>, ClientError> {
    let no_cursor = || ClientError::NotUnderstood {
        peer: PeerKind::Node,
        reason: format!("the id of an event is {:?}, not a cursor", frame.id),
    };
    let told = match frame.kind.as_str() {
        "" | "message" | "event" => {
            let cursor = frame.id.parse().map_err(|_| no_cursor())?;
            Told::Event {
                cursor,
                json: frame.data.clone(),
            }
        }
        "lost" => {
            let lost: Lost =
                serde_json::from_str(&frame.data).map_err(|error| ClientError::NotUnderstood {
                    peer: PeerKind::Node,
                    reason: error.to_string(),
                })?;
            let cursor = frame.id.parse().map_err(|_| no_cursor())?;
            Told::Lost {
                cursor,
                count: lost.lost,
            }
        }
        "stopped" => Told::Stopped,
        _ => return Ok(None),
    };
    Ok(Some(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: &str, id: &str, data: &str) -> Frame {
        Frame {
            kind: kind.to_owned(),
            id: id.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn each_kind_of_event_is_told() {
        let event = told(&frame("", "8", "{}")).unwrap();
        assert_eq!(
            event,
            Some(Told::Event {
                cursor: 8,
                json: "{}".to_owned()
            })
        );
        let lost = told(&frame("lost", "9", r#"{"lost":3}"#)).unwrap();
        assert_eq!(
            lost,
            Some(Told::Lost {
                cursor: 9,
                count: 3
            })
        );
        assert_eq!(
            told(&frame("stopped", "", "{}")).unwrap(),
            Some(Told::Stopped)
        );
        assert_eq!(told(&frame("later-kind", "", "")).unwrap(), None);
    }

    #[test]
    fn an_event_without_a_cursor_is_an_error() {
        assert!(told(&frame("", "x", "{}")).is_err());
        assert!(told(&frame("lost", "1", "[]")).is_err());
    }
}

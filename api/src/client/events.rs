//! The event stream of an instance: server-sent events, read line by line.
//! Opened by `Client::events`, read by `node events`, `packer` and tests.
//! Must never keep more than one event in memory, nor wait for ever on a dead connection.

mod parser;

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};

use super::connection::{self, Driver};
use super::{ANSWER_TIMEOUT, Address, ClientError};
use crate::node::Lost;
use parser::{Frame, Parser};

/// The node sends a comment when nothing happened for a while; silence beyond this is a dead
/// connection.
pub const SILENCE_MAX: Duration = Duration::from_mins(1);

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
pub struct Events {
    address: Address,
    body: Incoming,
    parser: Parser,
    _driver: Driver,
}

impl Events {
    pub(super) async fn open(address: &Address, path: &str) -> Result<Self, ClientError> {
        let answer = connection::open(address, Method::GET, path, "", Vec::new());
        let (response, driver) =
            connection::within(address, ANSWER_TIMEOUT, "answer", answer).await??;
        if response.status() != StatusCode::OK {
            let rest = connection::read(address, response);
            let reply = connection::within(address, ANSWER_TIMEOUT, "answer", rest).await??;
            let problem = Box::new(connection::problem_of(&reply));
            return Err(ClientError::Refused { problem });
        }
        Ok(Self {
            address: address.clone(),
            body: response.into_body(),
            parser: Parser::default(),
            _driver: driver,
        })
    }

    /// The next thing the stream tells; `None` when the node ended it.
    ///
    /// # Errors
    /// The connection broke or fell silent, or an event is longer than the bound.
    pub async fn next(&mut self) -> Result<Option<Told>, ClientError> {
        loop {
            if let Some(frame) = self.parser.next_frame()? {
                if let Some(told) = told(&frame)? {
                    return Ok(Some(told));
                }
                continue;
            }
            let frame = connection::within(
                &self.address,
                SILENCE_MAX,
                "send anything",
                self.body.frame(),
            );
            match frame.await? {
                None => return Ok(None),
                Some(Err(error)) => return Err(connection::broken(&self.address, &error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.parser.push(bytes);
                    }
                }
            }
        }
    }
}

/// What a frame means; `None` for kinds that this client doesn't know.
fn told(frame: &Frame) -> Result<Option<Told>, ClientError> {
    let no_cursor = || ClientError::NotUnderstood {
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

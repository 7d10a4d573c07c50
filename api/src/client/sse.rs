//! A stream of server-sent events, frame by frame. Used by the event stream of a node's instance and
//! by the doorbell of a registry.
//! Must never keep more than one event in memory, nor wait for ever on a dead connection.

mod parser;

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::connection::{self, Call, Driver};
use super::peer::Peer;
use super::{ANSWER_TIMEOUT, ClientError};
pub(super) use parser::Frame;
use parser::Parser;

/// A server sends a comment when nothing happened for a while; silence beyond this is a dead
/// connection.
pub const SILENCE_MAX: Duration = Duration::from_mins(1);

/// An open stream. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Frames {
    peer: Peer,
    body: Incoming,
    parser: Parser,
    _driver: Driver,
}

impl Frames {
    pub(super) async fn open(peer: &Peer, path: &str) -> Result<Self, ClientError> {
        let answer = connection::open(peer, Call::get(path));
        let (response, driver) =
            connection::within(peer, ANSWER_TIMEOUT, "answer", answer).await??;
        if response.status() != StatusCode::OK {
            let rest = connection::read(peer, response);
            let reply = connection::within(peer, ANSWER_TIMEOUT, "answer", rest).await??;
            return Err(connection::refusal_of(&reply));
        }
        Ok(Self {
            peer: peer.clone(),
            body: response.into_body(),
            parser: Parser::default(),
            _driver: driver,
        })
    }

    /// What the next event of a kind says; others may come with a newer server. `None` when it ended
    /// the stream.
    pub(super) async fn next_of<T: DeserializeOwned>(
        &mut self,
        kind: &str,
    ) -> Result<Option<T>, ClientError> {
        while let Some(frame) = self.next().await? {
            if frame.kind == kind {
                let told = serde_json::from_str(&frame.data);
                return told.map(Some).map_err(|error| ClientError::NotUnderstood {
                    peer: self.peer.kind,
                    reason: error.to_string(),
                });
            }
        }
        Ok(None)
    }

    /// The next event; `None` when the server ended the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, ClientError> {
        loop {
            if let Some(frame) = self.parser.next_frame()? {
                return Ok(Some(frame));
            }
            let frame =
                connection::within(&self.peer, SILENCE_MAX, "send anything", self.body.frame());
            match frame.await? {
                None => return Ok(None),
                Some(Err(error)) => return Err(connection::broken(&self.peer, &error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.parser.push(bytes);
                    }
                }
            }
        }
    }
}

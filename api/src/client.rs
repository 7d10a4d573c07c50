//! A typed client of the node's local API, over its unix socket or loopback TCP; below it the one
//! of the registry's. Used by both command lines, by the node's daemon and by tests; one connection
//! a call. Must never read more than it was told to, nor wait longer.

mod connection;
mod error;
pub mod events;
mod legacy;
mod maps;
mod peer;
pub mod registry;
mod sse;
mod steps;
mod tls;

use std::path::Path;
use std::time::Duration;

use hyper::Method;
use serde::de::DeserializeOwned;

use crate::node::{
    Applied, Following, Health, Instance, Instances, Proof, Proofs, Settings, Timing,
};

use connection::Call;
use peer::Peer;

pub use error::{Class, ClientError};
pub use maps::MapQuery;
pub use peer::{Address, PeerKind};
pub use sse::SILENCE_MAX;
pub use tls::TlsError;

/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take. A large program keeps the verifier busy for many seconds.
pub const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);
/// The longest answer that is read. A verifier's log can be megabytes.
pub const ANSWER_BYTES_MAX: usize = 32 << 20;

/// The longest path that a unix socket may have, bytes: `sun_path` of `linux/un.h` holds 108, the
/// last of them a zero.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// An answer as it came: for callers that speak a protocol this client doesn't type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`, empty when there was none.
    pub media_type: String,
    /// The `ETag`, where there was one.
    pub etag: Option<String>,
    /// The seconds of `Retry-After`, where there was one.
    pub retry_after_s: Option<u64>,
    /// The `Content-Length`, where there was one: of what a `GET` would give, after a `HEAD`.
    pub length_bytes: Option<u64>,
    /// The body, at most [`ANSWER_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
}

/// A client of one node.
#[derive(Debug, Clone)]
pub struct Client {
    peer: Peer,
}

impl Client {
    /// A client of the node that listens on this unix socket.
    #[must_use]
    pub fn unix(path: &Path) -> Self {
        Self {
            peer: Peer::node(Address::Unix(path.to_owned())),
        }
    }

    /// A client of the node at `HOST:PORT`.
    #[must_use]
    pub fn tcp(host_and_port: &str) -> Self {
        Self {
            peer: Peer::node(Address::Tcp(host_and_port.to_owned())),
        }
    }

    /// The same with another bound than [`ANSWER_TIMEOUT`] on how long an answer may take.
    #[must_use]
    pub fn waiting(mut self, answer_timeout: Duration) -> Self {
        self.peer.answer_timeout = answer_timeout;
        self
    }

    /// Where it connects to.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.peer.address
    }

    /// `GET /healthz`: whether a node answers there.
    ///
    /// # Errors
    /// As every call: nobody listens, no answer in time, or one that is not understood.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.ask(Method::GET, "/healthz").await
    }

    /// `GET /api/v1/instances`, by id.
    ///
    /// # Errors
    /// As every call.
    pub async fn instances(&self) -> Result<Vec<Instance>, ClientError> {
        Ok(self
            .ask::<Instances>(Method::GET, "/api/v1/instances")
            .await?
            .instances)
    }

    /// `GET /api/v1/registry`.
    ///
    /// # Errors
    /// `Refused` with status 404 when the node follows no registry; as every call.
    pub async fn following(&self) -> Result<Following, ClientError> {
        self.ask(Method::GET, "/api/v1/registry").await
    }

    /// `GET /api/v1/instances/{name}`.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name; as every call.
    pub async fn instance(&self, name: &str) -> Result<Instance, ClientError> {
        self.ask(Method::GET, &path_of(name, "")?).await
    }

    /// `PUT /api/v1/instances/{name}`: starts the instance or hot-updates it. `file` is a payload,
    /// a BPF object or legacy JSON; the node tells them apart by their bytes.
    ///
    /// # Errors
    /// `Refused` with status 422 when the file or the kernel's verifier says no (then nothing
    /// changed, and the problem has the verifier's log), 403 when no door is open; as every call.
    pub async fn put(
        &self,
        name: &str,
        file: Vec<u8>,
        settings: &Settings,
        timing: Timing,
    ) -> Result<Applied, ClientError> {
        let reply = self
            .exchange(
                Method::PUT,
                &path_of(name, &settings.to_query_with(timing))?,
                "application/octet-stream",
                file,
            )
            .await?;
        read_json(PeerKind::Node, reply)
    }

    /// `POST /api/v1/instances`: as [`Client::put`], under the name that the file itself asks for.
    ///
    /// # Errors
    /// As [`Client::put`].
    pub async fn post(
        &self,
        file: Vec<u8>,
        settings: &Settings,
        timing: Timing,
    ) -> Result<Applied, ClientError> {
        let reply = self
            .exchange(
                Method::POST,
                &format!("/api/v1/instances{}", settings.to_query_with(timing)),
                "application/octet-stream",
                file,
            )
            .await?;
        read_json(PeerKind::Node, reply)
    }

    /// `DELETE /api/v1/instances/{name}`: stops the instance and removes what it attached.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name; as every call.
    pub async fn stop(&self, name: &str) -> Result<(), ClientError> {
        let reply = self
            .exchange(Method::DELETE, &path_of(name, "")?, "", Vec::new())
            .await?;
        read_nothing(reply)
    }

    /// `POST /api/v1/instances/{name}/pause`: no program of it runs until it is resumed.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name; as every call.
    pub async fn pause(&self, name: &str) -> Result<Instance, ClientError> {
        self.ask(Method::POST, &path_of(name, "/pause")?).await
    }

    /// `POST /api/v1/instances/{name}/resume`.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name; as every call.
    pub async fn resume(&self, name: &str) -> Result<Instance, ClientError> {
        self.ask(Method::POST, &path_of(name, "/resume")?).await
    }

    /// `GET /api/v1/instances/{name}/proofs`, oldest first.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name; as every call.
    pub async fn proofs(&self, name: &str) -> Result<Vec<Proof>, ClientError> {
        Ok(self
            .ask::<Proofs>(Method::GET, &path_of(name, "/proofs")?)
            .await?
            .proofs)
    }

    /// `GET /api/v1/instances/{name}/iterators/{program}`: runs an iterator; what it wrote.
    ///
    /// # Errors
    /// `Refused` with status 404 when there is no such instance or iterator; as every call.
    pub async fn iterate(&self, name: &str, program: &str) -> Result<Vec<u8>, ClientError> {
        if !is_plain(program) {
            return Err(ClientError::Name {
                name: program.to_owned(),
            });
        }
        let path = path_of(name, &format!("/iterators/{program}"))?;
        let reply = self.exchange(Method::GET, &path, "", Vec::new()).await?;
        Ok(accepted(reply)?.body)
    }

    /// `GET /metrics`, in Prometheus' text format.
    ///
    /// # Errors
    /// As every call.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let reply = accepted(
            self.exchange(Method::GET, "/metrics", "", Vec::new())
                .await?,
        )?;
        String::from_utf8(reply.body).map_err(|_| ClientError::NotUnderstood {
            peer: PeerKind::Node,
            reason: "the text is not UTF-8".to_owned(),
        })
    }

    /// `GET /api/v1/instances/{name}/events`.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name; as every call.
    pub async fn events(
        &self,
        name: &str,
        from: events::From,
    ) -> Result<events::Events, ClientError> {
        let query = match from {
            events::From::Oldest => String::new(),
            events::From::Cursor(cursor) => format!("?cursor={cursor}"),
            events::From::Now => "?cursor=now".to_owned(),
        };
        let path = format!("{}{query}", path_of(name, "/events")?);
        events::Events::open(&self.peer, &path).await
    }

    /// One request with a body, the answer as it came.
    ///
    /// # Errors
    /// Nobody listens, no answer in time, or one that is too long or not HTTP. A status of
    /// refusal is not an error here.
    pub async fn exchange(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<Reply, ClientError> {
        let call = Call::new(method, path).with_body(media_type, body);
        connection::exchange(&self.peer, call).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, ClientError> {
        read_json(
            PeerKind::Node,
            self.exchange(method, path, "", Vec::new()).await?,
        )
    }
}

fn path_of(name: &str, rest: &str) -> Result<String, ClientError> {
    if !is_plain(name) {
        return Err(ClientError::Name {
            name: name.to_owned(),
        });
    }
    Ok(format!("/api/v1/instances/{name}{rest}"))
}

/// Whether a name needs no escaping in a path; anything else would be another path.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}

fn read_json<T: DeserializeOwned>(peer: PeerKind, reply: Reply) -> Result<T, ClientError> {
    let reply = accepted(reply)?;
    serde_json::from_slice(&reply.body).map_err(|error| ClientError::NotUnderstood {
        peer,
        reason: error.to_string(),
    })
}

fn read_nothing(reply: Reply) -> Result<(), ClientError> {
    accepted(reply).map(|_| ())
}

fn accepted(reply: Reply) -> Result<Reply, ClientError> {
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    Err(connection::refusal_of(&reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_to_another_path() {
        for name in ["", "..", ".x", "a/b", "a?b", "a%2fb", "a b", "a\r\nb", "é"] {
            assert!(
                matches!(path_of(name, ""), Err(ClientError::Name { .. })),
                "{name:?}"
            );
        }
        assert_eq!(
            path_of("a_b.c-1", "/pause").unwrap(),
            "/api/v1/instances/a_b.c-1/pause"
        );
    }
}

//! What a client asks between two generations: going back, staging, flipping, the history.
//! A part of the node's client. Must never wait longer than any other call.

use hyper::Method;

use super::peer::PeerKind;
use super::{Client, ClientError, path_of, read_json, read_nothing};
use crate::node::{Applied, Flipped, History, Instance, Settings, Timing};

impl Client {
    /// `POST /api/v1/instances/{name}/rollback`: puts the generation before in charge again.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name, 409 when there is nothing to go
    /// back to; as every call.
    pub async fn roll_back(&self, name: &str) -> Result<Applied, ClientError> {
        self.ask(Method::POST, &path_of(name, "/rollback")?).await
    }

    /// `GET /api/v1/instances/{name}/history`, oldest first; also of a name that nothing runs under
    /// any more.
    ///
    /// # Errors
    /// `Refused` with status 404 when nothing ever ran under this name; as every call.
    pub async fn history(&self, name: &str) -> Result<History, ClientError> {
        self.ask(Method::GET, &path_of(name, "/history")?).await
    }

    /// `PUT /api/v1/instances/{name}/staged`: loads and verifies a file without putting it in
    /// charge.
    ///
    /// # Errors
    /// `Refused` as [`Client::put`]; 404 when no instance has this name; as every call.
    pub async fn stage(
        &self,
        name: &str,
        file: Vec<u8>,
        settings: &Settings,
        timing: Timing,
    ) -> Result<Instance, ClientError> {
        let path = path_of(name, &format!("/staged{}", settings.to_query_with(timing)))?;
        let media_type = "application/octet-stream";
        let reply = self.exchange(Method::PUT, &path, media_type, file).await?;
        read_json(PeerKind::Node, reply)
    }

    /// `POST /api/v1/instances/{name}/flip`: puts what is staged in charge, now or at a time,
    /// milliseconds since 1970.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name, 409 when nothing is staged; as
    /// every call.
    pub async fn flip(&self, name: &str, at_ms: Option<u64>) -> Result<Flipped, ClientError> {
        let timing = Timing {
            at_ms,
            ..Timing::default()
        };
        let query = Settings::default().to_query_with(timing);
        self.ask(Method::POST, &path_of(name, &format!("/flip{query}"))?)
            .await
    }

    /// `DELETE /api/v1/instances/{name}/staged`.
    ///
    /// # Errors
    /// As [`Client::flip`].
    pub async fn unstage(&self, name: &str) -> Result<(), ClientError> {
        let path = path_of(name, "/staged")?;
        let reply = self.exchange(Method::DELETE, &path, "", Vec::new()).await?;
        read_nothing(reply)
    }
}

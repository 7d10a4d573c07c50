//! The call that the predecessor's client of 2022 made, for nodes of both ages.
//! Used by `packer push` and by tests.
//! Must never be needed to talk to a Marrow node: the typed calls say more.

use hyper::Method;

use super::peer::PeerKind;
use super::{Client, ClientError, accepted};

impl Client {
    /// `POST /start`: legacy JSON of any generation, wrapped or bare, as `text/plain`. Gives the
    /// id of the instance that now runs.
    ///
    /// # Errors
    /// `Refused` when the node says no, `NotUnderstood` when the answer is not
    /// `["status","ok","id",N]`; as every call.
    pub async fn start_2022(&self, json: Vec<u8>) -> Result<u64, ClientError> {
        let reply = self
            .exchange(Method::POST, "/start", "text/plain", json)
            .await?;
        let reply = accepted(reply)?;
        let not_understood = |reason: String| ClientError::NotUnderstood {
            peer: PeerKind::Node,
            reason,
        };
        let (status, ok, id, number): (String, String, String, u64) =
            serde_json::from_slice(&reply.body)
                .map_err(|error| not_understood(error.to_string()))?;
        if (status.as_str(), ok.as_str(), id.as_str()) == ("status", "ok", "id") {
            Ok(number)
        } else {
            Err(not_understood(format!(
                "[{status:?},{ok:?},{id:?},{number}]"
            )))
        }
    }
}

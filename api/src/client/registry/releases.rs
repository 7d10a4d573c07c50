//! Calls about releases, channels, floors and legacy input. See `registry`.
//! Must never alter an envelope: its text goes out as it was given.

use hyper::Method;
use serde::Serialize;

use super::{RegistryClient, page, part, payload_part};
use crate::client::connection::Call;
use crate::client::{ClientError, PeerKind, read_json};
use crate::registry::{
    Channel, Floor, PREFIX, Payload, Payloads, PublishRelease, Reason, Release, SetChannel,
    SetEnvelope,
};

impl RegistryClient {
    /// `PUT /payloads/{namespace}/{name}/versions/{version}`; whether it is new.
    ///
    /// # Errors
    /// `Refused`: 409 when the version is there with another digest, 422 when file or signature
    /// break a rule; as every call.
    pub async fn publish(
        &self,
        payload: &str,
        version: &str,
        release: &PublishRelease,
    ) -> Result<(bool, Release), ClientError> {
        let path = version_path(payload, version, "")?;
        let (status, release) = self.send(Method::PUT, &path, release).await?;
        Ok((status == 201, release))
    }

    /// `GET /payloads/{namespace}/{name}/versions/{version}`.
    ///
    /// # Errors
    /// `Refused` with 404 where there is none; as every call.
    pub async fn release(&self, payload: &str, version: &str) -> Result<Release, ClientError> {
        self.get(&version_path(payload, version, "")?).await
    }

    /// `GET /payloads`, one page.
    ///
    /// # Errors
    /// As every call.
    pub async fn payloads(&self, after: Option<&str>) -> Result<Payloads, ClientError> {
        self.get(&page("/payloads", after)?).await
    }

    /// `GET /payloads/{namespace}/{name}`.
    ///
    /// # Errors
    /// `Refused` with 404 where there is none; as every call.
    pub async fn payload(&self, payload: &str) -> Result<Payload, ClientError> {
        self.get(&payload_part(payload)?).await
    }

    /// `POST …/versions/{version}/signatures`: joins the signatures of another envelope over the
    /// same bytes, or makes a signed release of an unsigned one.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn add_signatures(
        &self,
        payload: &str,
        version: &str,
        envelope: &SetEnvelope,
    ) -> Result<Release, ClientError> {
        self.to_release(payload, version, "/signatures", envelope)
            .await
    }

    /// `POST …/versions/{version}/yank`.
    ///
    /// # Errors
    /// As every call.
    pub async fn yank(
        &self,
        payload: &str,
        version: &str,
        reason: &Reason,
    ) -> Result<Release, ClientError> {
        self.to_release(payload, version, "/yank", reason).await
    }

    /// `POST …/versions/{version}/unyank`.
    ///
    /// # Errors
    /// As every call.
    pub async fn unyank(
        &self,
        payload: &str,
        version: &str,
        reason: &Reason,
    ) -> Result<Release, ClientError> {
        self.to_release(payload, version, "/unyank", reason).await
    }

    /// `POST …/versions/{version}/revoke`.
    ///
    /// # Errors
    /// As every call.
    pub async fn revoke(
        &self,
        payload: &str,
        version: &str,
        reason: &Reason,
    ) -> Result<Release, ClientError> {
        self.to_release(payload, version, "/revoke", reason).await
    }

    /// Posts to a route below a release, which answers with the release.
    async fn to_release(
        &self,
        payload: &str,
        version: &str,
        rest: &str,
        body: &impl Serialize,
    ) -> Result<Release, ClientError> {
        let path = version_path(payload, version, rest)?;
        Ok(self.send(Method::POST, &path, body).await?.1)
    }

    /// `PUT /payloads/{namespace}/{name}/channels/{channel}`.
    ///
    /// # Errors
    /// `Refused`: 404 for an unknown version, 409 for one that is yanked, revoked or below the
    /// floor; as every call.
    pub async fn set_channel(
        &self,
        payload: &str,
        channel: &str,
        version: &str,
    ) -> Result<Channel, ClientError> {
        let path = format!("{}/channels/{}", payload_part(payload)?, part(channel)?);
        let body = SetChannel {
            version: version.to_owned(),
        };
        Ok(self.send(Method::PUT, &path, &body).await?.1)
    }

    /// `DELETE /payloads/{namespace}/{name}/channels/{channel}`.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_channel(&self, payload: &str, channel: &str) -> Result<(), ClientError> {
        let path = format!("{}/channels/{}", payload_part(payload)?, part(channel)?);
        self.delete(&path).await
    }

    /// `PUT /payloads/{namespace}/{name}/floor`.
    ///
    /// # Errors
    /// `Refused`: 409 when its serial is not above the one that is set; as every call.
    pub async fn set_floor(
        &self,
        payload: &str,
        envelope: &SetEnvelope,
    ) -> Result<Floor, ClientError> {
        let path = format!("{}/floor", payload_part(payload)?);
        Ok(self.send(Method::PUT, &path, envelope).await?.1)
    }

    /// `POST /legacy?name=&version=`: legacy JSON of any generation as an unsigned release.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn publish_legacy(
        &self,
        payload: &str,
        version: &str,
        json: Vec<u8>,
    ) -> Result<(bool, Release), ClientError> {
        payload_part(payload)?;
        let name = payload.replace('/', "%2F");
        let path = format!("{PREFIX}/legacy?name={name}&version={}", part(version)?);
        let call = Call::new(Method::POST, &path).with_body("application/json", json);
        let reply = self.exchange(call).await?;
        Ok((reply.status == 201, read_json(PeerKind::Registry, reply)?))
    }
}

fn version_path(payload: &str, version: &str, rest: &str) -> Result<String, ClientError> {
    let payload = payload_part(payload)?;
    Ok(format!("{payload}/versions/{}{rest}", part(version)?))
}

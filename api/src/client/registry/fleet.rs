//! Calls about deployments and nodes, from operators and from nodes themselves. See `registry`.
//! Must never take one node's desired state for another's.

use hyper::Method;
use hyper::header::IF_NONE_MATCH;
use sha2::{Digest, Sha256};

use super::{RegistryClient, page, part};
use crate::client::connection::Call;
use crate::client::sse::Frames;
use crate::client::{ClientError, PeerKind, accepted, read_json};
use crate::registry::{
    Deployment, DeploymentSpec, Deployments, Desired, Enrol, Enrolled, Explain, LiveEvents,
    NodeDetail, Nodes, PREFIX, Reports, Ring,
};

/// An open doorbell. Dropping it closes the connection.
#[derive(Debug)]
pub struct Doorbell(Frames);

impl Doorbell {
    /// The next ring; `None` when the registry ended the stream.
    ///
    /// # Errors
    /// The connection broke or fell silent for [`crate::client::SILENCE_MAX`].
    pub async fn next(&mut self) -> Result<Option<Ring>, ClientError> {
        self.0.next_of("ring").await
    }
}

/// Live events of an instance. Dropping it closes the connection.
#[derive(Debug)]
pub struct Viewed(Frames);

impl Viewed {
    /// What came next; `None` when the registry ended the stream, which it does after some minutes.
    ///
    /// # Errors
    /// As [`Doorbell::next`].
    pub async fn next(&mut self) -> Result<Option<LiveEvents>, ClientError> {
        self.0.next_of("events").await
    }
}

impl RegistryClient {
    /// `PUT /deployments/{deployment}`; whether it is new.
    ///
    /// # Errors
    /// `Refused`: 409 when another deployment wants the same instance on a node, 422 for a
    /// selector or a setting that breaks a rule; as every call.
    pub async fn put_deployment(
        &self,
        deployment: &str,
        spec: &DeploymentSpec,
    ) -> Result<(bool, Deployment), ClientError> {
        let path = format!("/deployments/{}", part(deployment)?);
        let (status, deployment) = self.send(Method::PUT, &path, spec).await?;
        Ok((status == 201, deployment))
    }

    /// `GET /deployments/{deployment}`.
    ///
    /// # Errors
    /// As every call.
    pub async fn deployment(&self, deployment: &str) -> Result<Deployment, ClientError> {
        self.get(&format!("/deployments/{}", part(deployment)?))
            .await
    }

    /// `GET /deployments`, one page.
    ///
    /// # Errors
    /// As every call.
    pub async fn deployments(&self, after: Option<&str>) -> Result<Deployments, ClientError> {
        self.get(&page("/deployments", after)?).await
    }

    /// `DELETE /deployments/{deployment}`: its nodes stop what it gave them.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_deployment(&self, deployment: &str) -> Result<(), ClientError> {
        self.delete(&format!("/deployments/{}", part(deployment)?))
            .await
    }

    /// `GET /nodes`, one page.
    ///
    /// # Errors
    /// As every call.
    pub async fn nodes(&self, after: Option<&str>) -> Result<Nodes, ClientError> {
        self.get(&page("/nodes", after)?).await
    }

    /// `GET /nodes/{node}`.
    ///
    /// # Errors
    /// As every call.
    pub async fn node(&self, node: &str) -> Result<NodeDetail, ClientError> {
        self.get(&node_path(node, "")?).await
    }

    /// `GET /nodes/{node}/explain`.
    ///
    /// # Errors
    /// As every call.
    pub async fn explain(&self, node: &str) -> Result<Explain, ClientError> {
        self.get(&node_path(node, "/explain")?).await
    }

    /// `DELETE /nodes/{node}`: its credential is not in force any more.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_node(&self, node: &str) -> Result<(), ClientError> {
        self.delete(&node_path(node, "")?).await
    }

    /// `POST /nodes/enrol`, with an enrolment token as bearer.
    ///
    /// # Errors
    /// `Refused` with 409 when a node of this name is enrolled; as every call.
    pub async fn enrol(&self, node: &Enrol) -> Result<Enrolled, ClientError> {
        Ok(self.send(Method::POST, "/nodes/enrol", node).await?.1)
    }

    /// `GET /nodes/{node}/desired`: what the node should run, with its `ETag`; `None` when that
    /// is what `etag` named already. The `ETag` is the digest of the body, so that one that was
    /// damaged or cut on its way is never taken for what should run.
    ///
    /// # Errors
    /// `NotUnderstood` when body and `ETag` differ; as every call.
    pub async fn desired(
        &self,
        node: &str,
        etag: Option<&str>,
    ) -> Result<Option<(Desired, String)>, ClientError> {
        let path = format!("{PREFIX}{}", node_path(node, "/desired")?);
        let mut call = Call::get(&path);
        if let Some(etag) = etag {
            call = call.with_header(IF_NONE_MATCH, etag);
        }
        let reply = self.exchange(call).await?;
        if reply.status == 304 {
            return Ok(None);
        }
        let reply = accepted(reply)?;
        let found = format!("\"{}\"", digest_of(&reply.body));
        if reply.etag.as_deref() != Some(found.as_str()) {
            return Err(ClientError::NotUnderstood {
                peer: PeerKind::Registry,
                reason: format!(
                    "the desired state has the digest {found}, its ETag says {}",
                    reply.etag.as_deref().unwrap_or("nothing")
                ),
            });
        }
        let desired: Desired = read_json(PeerKind::Registry, reply)?;
        if desired.node != node {
            return Err(ClientError::NotUnderstood {
                peer: PeerKind::Registry,
                reason: format!("the desired state is for {:?}, not {node:?}", desired.node),
            });
        }
        Ok(Some((desired, found)))
    }

    /// `GET /nodes/{node}/doorbell`.
    ///
    /// # Errors
    /// As every call.
    pub async fn doorbell(&self, node: &str) -> Result<Doorbell, ClientError> {
        let path = format!("{PREFIX}{}", node_path(node, "/doorbell")?);
        Frames::open(&self.peer, &path).await.map(Doorbell)
    }

    /// `POST /nodes/{node}/reports`.
    ///
    /// # Errors
    /// As every call; the same batch may be sent again.
    pub async fn report(&self, node: &str, reports: &Reports) -> Result<(), ClientError> {
        let path = node_path(node, "/reports")?;
        self.tell(Method::POST, &path, reports).await
    }

    /// `POST /nodes/{node}/events`.
    ///
    /// # Errors
    /// `Refused`: 410 when nobody views the instance; as every call.
    pub async fn pass_events(&self, node: &str, events: &LiveEvents) -> Result<(), ClientError> {
        let path = node_path(node, "/events")?;
        self.tell(Method::POST, &path, events).await
    }

    /// `GET /nodes/{node}/instances/{instance}/events`.
    ///
    /// # Errors
    /// `Refused`: 403 without `operate`, 404 when there is no such node or it does not run the
    /// instance, 409 when it does not share events; as every call.
    pub async fn view_events(&self, node: &str, instance: &str) -> Result<Viewed, ClientError> {
        let rest = format!("/instances/{}/events", part(instance)?);
        let path = format!("{PREFIX}{}", node_path(node, &rest)?);
        Frames::open(&self.peer, &path).await.map(Viewed)
    }
}

/// `sha256:<hex>` of bytes.
fn digest_of(bytes: &[u8]) -> String {
    use std::fmt::Write;

    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        // Writing to a text can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn node_path(node: &str, rest: &str) -> Result<String, ClientError> {
    Ok(format!("/nodes/{}{rest}", part(node)?))
}

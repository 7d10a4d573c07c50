//! Calls about rollouts and pins, from operators. See `registry`.
//! Must never take the answer about one rollout for another's.

use hyper::Method;

use super::{RegistryClient, page, part};
use crate::client::ClientError;
use crate::client::sse::Frames;
use crate::registry::{
    DryRun, PREFIX, Pin, Pins, Rollout, RolloutDetail, RolloutNodes, Rollouts, SetPin, StartRollout,
};

/// What is asked of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// To let no further node run the release for now.
    Pause,
    /// To go on.
    Resume,
    /// To pass the gate of its wave.
    Promote,
    /// To end; nodes stay with what they run.
    Abort,
    /// To take it back from every node.
    RollBack,
}

impl Ask {
    /// The last part of the path.
    fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::Abort => "abort",
            Self::RollBack => "rollback",
        }
    }
}

/// A rollout as it goes on. Dropping it closes the connection.
#[derive(Debug)]
pub struct RolloutEvents(Frames);

impl RolloutEvents {
    /// How it stands next; `None` when it has ended, or the registry ended the stream.
    ///
    /// # Errors
    /// The connection broke or fell silent for [`crate::client::SILENCE_MAX`].
    pub async fn next(&mut self) -> Result<Option<RolloutDetail>, ClientError> {
        self.0.next_of("rollout").await
    }
}

impl RegistryClient {
    /// `POST /rollouts`.
    ///
    /// # Errors
    /// `Refused`: 409 when another one of the deployment has not ended, or its nodes have that
    /// version already; 422 for a plan that breaks a rule; as every call.
    pub async fn start_rollout(&self, start: &StartRollout) -> Result<Rollout, ClientError> {
        Ok(self.send(Method::POST, "/rollouts", start).await?.1)
    }

    /// `POST /rollouts/dry-run`: nothing is changed.
    ///
    /// # Errors
    /// As [`Self::start_rollout`].
    pub async fn dry_run(&self, start: &StartRollout) -> Result<DryRun, ClientError> {
        Ok(self.send(Method::POST, "/rollouts/dry-run", start).await?.1)
    }

    /// `GET /rollouts`, one page, newest first: of one deployment where one is named.
    ///
    /// # Errors
    /// As every call.
    pub async fn rollouts(
        &self,
        deployment: Option<&str>,
        before: Option<u64>,
    ) -> Result<Rollouts, ClientError> {
        let before = before.unwrap_or(i64::MAX.unsigned_abs());
        let mut path = format!("/rollouts?before={before}");
        if let Some(deployment) = deployment {
            path.push_str("&deployment=");
            path.push_str(part(deployment)?);
        }
        self.get(&path).await
    }

    /// `GET /rollouts/{rollout}`.
    ///
    /// # Errors
    /// As every call.
    pub async fn rollout(&self, rollout: u64) -> Result<RolloutDetail, ClientError> {
        self.get(&format!("/rollouts/{rollout}")).await
    }

    /// `GET /rollouts/{rollout}/nodes`, one page, by name.
    ///
    /// # Errors
    /// As every call.
    pub async fn rollout_nodes(
        &self,
        rollout: u64,
        after: Option<&str>,
    ) -> Result<RolloutNodes, ClientError> {
        let path = format!("/rollouts/{rollout}/nodes");
        self.get(&page(&path, after)?).await
    }

    /// `POST /rollouts/{rollout}/…`.
    ///
    /// # Errors
    /// `Refused` with 409 when that is not possible where the rollout stands; as every call.
    pub async fn ask_rollout(&self, rollout: u64, ask: Ask) -> Result<Rollout, ClientError> {
        let path = format!("/rollouts/{rollout}/{}", ask.word());
        Ok(self.send(Method::POST, &path, &()).await?.1)
    }

    /// `GET /rollouts/{rollout}/events`.
    ///
    /// # Errors
    /// As every call.
    pub async fn rollout_events(&self, rollout: u64) -> Result<RolloutEvents, ClientError> {
        let path = format!("{PREFIX}/rollouts/{rollout}/events");
        Frames::open(&self.peer, &path).await.map(RolloutEvents)
    }

    /// `PUT /deployments/{deployment}/pins/{node}`.
    ///
    /// # Errors
    /// `Refused`: 422 where there is no such release; as every call.
    pub async fn set_pin(
        &self,
        deployment: &str,
        node: &str,
        pin: &SetPin,
    ) -> Result<Pin, ClientError> {
        let path = pin_path(deployment, node)?;
        Ok(self.send(Method::PUT, &path, pin).await?.1)
    }

    /// `DELETE /deployments/{deployment}/pins/{node}`.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_pin(&self, deployment: &str, node: &str) -> Result<(), ClientError> {
        self.delete(&pin_path(deployment, node)?).await
    }

    /// `GET /deployments/{deployment}/pins`, one page, by node.
    ///
    /// # Errors
    /// As every call.
    pub async fn pins(&self, deployment: &str, after: Option<&str>) -> Result<Pins, ClientError> {
        let path = format!("/deployments/{}/pins", part(deployment)?);
        self.get(&page(&path, after)?).await
    }
}

fn pin_path(deployment: &str, node: &str) -> Result<String, ClientError> {
    Ok(format!(
        "/deployments/{}/pins/{}",
        part(deployment)?,
        part(node)?
    ))
}

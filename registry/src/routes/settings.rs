//! The values that a deployment sets, tried on the release that it gives, before it is kept: a node
//! would refuse them. Called by the deployment routes, outside of the write.
//! Must never keep the writer waiting for a release's bytes.

use api::registry::{Release, Source};
use payload::digest::Digest;
use payload::name::{PayloadName, Version};
use payload::unsigned::Unsigned;

use super::path::named;
use super::refusal::Refusal;
use super::upload;
use crate::db;
use crate::fleet::order::{self, Order, OrderError};
use crate::state::State;

/// Tries the values of a deployment that is new or changed. The digest of the release on which they
/// were tried; `None` where there is nothing to try.
///
/// # Errors
/// 422 for the first value that its variable can't have.
pub(crate) async fn tried(state: &State, ordered: &Order) -> Result<Option<String>, Refusal> {
    let mut reader = state.db.reader().await?;
    let before = db::deployment::by_name(&mut reader, &ordered.deployment).await?;
    drop(reader);
    if before.is_some_and(|before| before.spec == ordered.spec) {
        return Ok(None);
    }
    tried_now(state, ordered).await
}

/// The same also for a deployment that is there already, just so.
///
/// # Errors
/// 422 for the first value that its variable can't have.
pub(crate) async fn tried_now(state: &State, ordered: &Order) -> Result<Option<String>, Refusal> {
    if ordered.spec.globals.is_empty() {
        return Ok(None);
    }
    let Some(release) = given(state, ordered).await? else {
        return Ok(None);
    };
    let digest: Digest = named("digest", &release.digest)?;
    let place = upload::check_place(state).await?;
    let file = state.blobs.read(&digest).await?;
    let file = file.ok_or_else(|| Refusal::broken(format!("the blob {digest} is gone")))?;
    let spec = ordered.spec.clone();
    let tried = tokio::task::spawn_blocking(move || {
        let payload = Unsigned::from_payload(&file).map_err(|error| error.to_string())?;
        Ok::<_, String>(order::check_values(&spec, &payload))
    });
    let tried = tried.await.map_err(|error| error.to_string());
    drop(place);
    match tried.and_then(|tried| tried) {
        Ok(checked) => {
            checked.map_err(|error: OrderError| Refusal::rule(error.field(), error.to_string()))?;
            Ok(Some(release.digest))
        }
        Err(error) => Err(Refusal::broken(format!("reading {digest}: {error}"))),
    }
}

/// The release that a deployment would give, as far as there is one.
async fn given(state: &State, ordered: &Order) -> Result<Option<Release>, Refusal> {
    let mut reader = state.db.reader().await?;
    let name: PayloadName = named("payload", &ordered.spec.payload)?;
    let version = match &ordered.spec.source {
        Source::Version(version) => Some(version.clone()),
        Source::Channel(channel) => {
            let all = db::channel::all(&mut reader, &name).await?;
            let named = all.into_iter().find(|one| one.channel == *channel);
            named.map(|one| one.version)
        }
    };
    let Some(version) = version else {
        return Ok(None);
    };
    let version: Version = named("version", &version)?;
    Ok(db::release::find(&mut reader, &name, &version).await?)
}

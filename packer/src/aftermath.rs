//! What a version that may not run any more leaves behind: the channels that name it, and the
//! deployments with nothing to give. Called by `withdraw` and `floor`, once the deed is done.
//! Must never fail: what was done is done, and only telling of it may go wrong.

use api::registry::{Deployment, DeploymentState, Payload};

use crate::output;
use crate::registry::{Registry, RegistryError};

/// Tells which channels of the payload name a version that `gone` holds for, and which deployments
/// of the payload give nothing.
pub(crate) fn tell(registry: &Registry, payload: &str, gone: impl Fn(&str) -> bool) {
    match asked(registry, payload) {
        Ok((payload, deployments)) => {
            for line in lines(&payload, &deployments, gone) {
                output::note(&line);
            }
        }
        Err(error) => output::note(&format!(
            "it is done; what it leaves without a release could not be asked: {error}"
        )),
    }
}

fn asked(registry: &Registry, payload: &str) -> Result<(Payload, Vec<Deployment>), RegistryError> {
    let deployments = registry.every(|after| async move {
        let page = registry.client().deployments(after.as_deref()).await?;
        Ok((page.deployments, page.next))
    })?;
    let payload = registry.ask(registry.client().payload(payload))?;
    Ok((payload, deployments))
}

fn lines(
    payload: &Payload,
    deployments: &[Deployment],
    gone: impl Fn(&str) -> bool,
) -> Vec<String> {
    let name = &payload.payload;
    let channels = payload.channels.iter().filter(|one| gone(&one.version));
    let channels = channels.map(|one| {
        let (channel, version) = (&one.channel, &one.version);
        format!("channel {channel} still names {version}: `packer channel {name} {channel} VERSION` moves it")
    });
    let deployments = deployments.iter().filter(|one| one.spec.payload == *name);
    let deployments = deployments.filter_map(|one| match &one.release {
        DeploymentState::Active { .. } => None,
        DeploymentState::Void { reason } => Some(format!(
            "deployment {} has nothing to give now (nodes it names: {}): {reason}",
            one.deployment, one.nodes
        )),
    });
    channels.chain(deployments).collect()
}

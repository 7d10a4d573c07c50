//! The rules for a deployment that is asked for. Called by the deployment routes: [`check`] before
//! anything is read, the others on what the database makes of it. Pure.
//! Must never let through a setting that the release does not declare settable.

use api::registry::{DeploymentSpec, ReleaseState, Source};
use payload::limits::{IDENTIFIER_BYTES_MAX, TARGET_BYTES_MAX};
use payload::manifest::Manifest;
use payload::name::{Excerpt, InstanceName, NameError, PayloadName, Version};
use payload::object::SettingError;
use payload::unsigned::Unsigned;
use rollout::PlanError;
use serde_json::Value;

use super::desired::{Standing, Void};
use super::selector::{Selector, SelectorError};

/// Globals, and targets, of one deployment.
const SETTINGS_MAX: usize = 256;

/// A deployment whose every text was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// Its name.
    pub(crate) deployment: String,
    /// What was asked for, `instance` filled in and `selector` as it is always written.
    pub(crate) spec: DeploymentSpec,
    /// The instance's name.
    pub(crate) instance: String,
}

/// Why a deployment is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// Not a name or a version.
    #[error("{field}: {reason}")]
    Name {
        /// Where.
        field: &'static str,
        /// Why.
        reason: NameError,
    },
    /// Not a selector.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// Not a plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A time that is past at the next move.
    #[error(
        "rollout.flip_at_ms is {flip_at_ms}: a template is for every move, so it has no time; say it \
         when a rollout is started"
    )]
    FlipAt {
        /// The time.
        flip_at_ms: u64,
    },
    /// More settings than the bound.
    #[error("{field} has {found} entries, at most {SETTINGS_MAX} are allowed")]
    TooMany {
        /// `globals` or `targets`.
        field: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A text longer than any manifest could match.
    #[error("{field} {text:?} has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// `globals` or `targets`.
        field: &'static str,
        /// The text.
        text: Excerpt,
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// A fixed version that is not there.
    #[error("{payload} has no release {version}")]
    NoRelease {
        /// The payload.
        payload: String,
        /// The version.
        version: String,
    },
    /// A new deployment of a release that is only for those that use it already.
    #[error("{payload} {version} is yanked: deployments that use it keep it, and no other may")]
    Yanked {
        /// The payload.
        payload: String,
        /// The version.
        version: String,
    },
    /// A release for nobody.
    #[error("{payload}: {reason}")]
    Void {
        /// The payload.
        payload: String,
        /// Why.
        reason: Void,
    },
    /// A global variable that the release has not, or does not let be set.
    #[error("globals.{name}: {}", settable(*there, version, "global variable", "value"))]
    Global {
        /// Its name.
        name: Excerpt,
        /// The version.
        version: String,
        /// Whether the release has it.
        there: bool,
    },
    /// A value that the variable can't have.
    #[error("globals.{name}: is {value}, {rule}")]
    Value {
        /// The variable.
        name: Excerpt,
        /// The value as JSON.
        value: Excerpt,
        /// What it should be.
        rule: String,
    },
    /// A program that the release has not, or whose target it does not let be set.
    #[error("targets.{name}: {}", settable(*there, version, "program", "target"))]
    Target {
        /// The program.
        name: Excerpt,
        /// The version.
        version: String,
        /// Whether the release has it.
        there: bool,
    },
}

fn settable(there: bool, version: &str, what: &str, part: &str) -> String {
    if there {
        format!("the manifest of {version} does not let the {part} of this {what} be set")
    } else {
        format!("{version} has no {what} of that name")
    }
}

impl OrderError {
    /// The field that breaks the rule.
    pub(crate) fn field(&self) -> String {
        match self {
            Self::Name { field, .. }
            | Self::TooMany { field, .. }
            | Self::TooLong { field, .. } => (*field).to_owned(),
            Self::Plan(error) => format!("rollout.{}", error.field()),
            Self::FlipAt { .. } => "rollout.flip_at_ms".to_owned(),
            Self::Selector(_) => "selector".to_owned(),
            Self::NoRelease { .. } | Self::Yanked { .. } | Self::Void { .. } => "source".to_owned(),
            Self::Global { name, .. } | Self::Value { name, .. } => format!("globals.{name}"),
            Self::Target { name, .. } => format!("targets.{name}"),
        }
    }

    /// Whether another state of the registry would let it through.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Yanked { .. } | Self::Void { .. })
    }
}

/// Reads every text of a deployment.
///
/// # Errors
/// What breaks a rule.
pub(crate) fn check(
    deployment: &InstanceName,
    mut spec: DeploymentSpec,
) -> Result<Order, OrderError> {
    let wrong = |field| move |reason| OrderError::Name { field, reason };
    let payload: PayloadName = spec.payload.parse().map_err(wrong("payload"))?;
    match &spec.source {
        Source::Version(version) => {
            let _: Version = version.parse().map_err(wrong("source.version"))?;
        }
        Source::Channel(channel) => {
            let _: InstanceName = channel.parse().map_err(wrong("source.channel"))?;
        }
    }
    let selector: Selector = spec.selector.parse()?;
    let instance = spec.instance.as_deref().unwrap_or(payload.name());
    let instance: InstanceName = instance.parse().map_err(wrong("instance"))?;
    for (field, found) in [
        ("globals", spec.globals.len()),
        ("targets", spec.targets.len()),
    ] {
        if found > SETTINGS_MAX {
            return Err(OrderError::TooMany { field, found });
        }
    }
    for name in spec.globals.keys() {
        short("globals", name, IDENTIFIER_BYTES_MAX)?;
    }
    for (name, target) in &spec.targets {
        short("targets", name, IDENTIFIER_BYTES_MAX)?;
        short("targets", target, TARGET_BYTES_MAX)?;
    }
    if let Some(plan) = &spec.rollout {
        let flips = plan
            .flip_at_ms
            .map(|flip_at_ms| OrderError::FlipAt { flip_at_ms });
        flips.map_or(Ok(()), Err)?;
        rollout::check(plan)?;
    }
    spec.selector = selector.to_string();
    spec.instance = Some(instance.to_string());
    Ok(Order {
        deployment: deployment.to_string(),
        spec,
        instance: instance.to_string(),
    })
}

fn short(field: &'static str, text: &str, bytes_max: usize) -> Result<(), OrderError> {
    let bytes = text.len();
    if bytes <= bytes_max {
        return Ok(());
    }
    let text = Excerpt::of(text);
    Err(OrderError::TooLong {
        field,
        text,
        bytes,
        bytes_max,
    })
}

/// Whether a deployment that is new, or names another release than `before`, may have what it
/// names. One that follows a channel may come before the channel.
///
/// # Errors
/// What breaks a rule.
pub(crate) fn check_given(new: &Standing, before: Option<&Standing>) -> Result<(), OrderError> {
    let spec = &new.spec;
    let names_the_same = |before: &Standing| {
        before.spec.payload == spec.payload && before.spec.source == spec.source
    };
    if before.is_some_and(names_the_same) {
        return Ok(());
    }
    let payload = spec.payload.clone();
    match &new.aim {
        Ok(offer) if offer.state == ReleaseState::Yanked => {
            let version = offer.version.to_string();
            Err(OrderError::Yanked { payload, version })
        }
        Ok(_) | Err(Void::NoChannel { .. } | Void::NotReached) => Ok(()),
        Err(Void::NoRelease { version }) => {
            let version = version.clone();
            Err(OrderError::NoRelease { payload, version })
        }
        Err(reason @ (Void::Revoked { .. } | Void::BelowFloor { .. })) => {
            let reason = reason.clone();
            Err(OrderError::Void { payload, reason })
        }
    }
}

/// Whether the release lets be set what the deployment sets.
///
/// # Errors
/// The first setting that it does not.
pub(crate) fn check_settings(
    spec: &DeploymentSpec,
    version: &str,
    manifest: &Manifest,
) -> Result<(), OrderError> {
    for name in spec.globals.keys() {
        let global = manifest.globals.iter().find(|global| global.name == *name);
        if !global.is_some_and(|global| global.settable) {
            let (name, there) = (Excerpt::of(name), global.is_some());
            let version = version.to_owned();
            return Err(OrderError::Global {
                name,
                version,
                there,
            });
        }
    }
    for name in spec.targets.keys() {
        let program = manifest
            .programs
            .iter()
            .find(|program| program.name == *name);
        if !program.is_some_and(|program| program.target_settable) {
            let (name, there) = (Excerpt::of(name), program.is_some());
            let version = version.to_owned();
            return Err(OrderError::Target {
                name,
                version,
                there,
            });
        }
    }
    Ok(())
}

/// Whether each settable variable of the release can have the value that the deployment sets, in
/// the object of every architecture.
///
/// # Errors
/// The first value that can't be.
pub(crate) fn check_values(spec: &DeploymentSpec, payload: &Unsigned) -> Result<(), OrderError> {
    let contents = payload.contents();
    for (name, value) in &spec.globals {
        let wrong = |rule: String| OrderError::Value {
            name: Excerpt::of(name),
            value: Excerpt::of(&value.to_string()),
            rule,
        };
        let settable = contents.manifest.globals.iter().filter(|one| one.settable);
        // One that is not there, or not settable, is for `check_settings` to refuse.
        let Some(global) = settable.into_iter().find(|one| one.name == *name) else {
            continue;
        };
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                let rule = "a number, true, false or a text is needed".to_owned();
                return Err(wrong(rule));
            }
        };
        let objects = contents.objects.iter();
        for object in objects.filter_map(|one| payload.inspected_for(one.arch)) {
            let set = object.set(&global.section, name, &text);
            set.map_err(|error| wrong(needed(&error)))?;
        }
    }
    Ok(())
}

fn needed(error: &SettingError) -> String {
    match error {
        SettingError::NotAValue { is, .. } => {
            format!("which is no value of the variable's type, {is}")
        }
        SettingError::NoVariable { .. } | SettingError::NotSettable { .. } => {
            format!("which cannot be set: {error}")
        }
    }
}

#[cfg(test)]
#[path = "order/tests.rs"]
mod tests;

//! One instance that the registry wants, read into the types of what it names.
//! Made of every answer of the registry and of what the node kept; used all over the fleet.
//! Must never be taken for true: what is signed is checked against it, not the other way round.

mod answer;

use std::collections::BTreeMap;

use api::node::{BAKE_DEFAULT_MS, BAKE_MAX_MS};
use api::registry::Wanted;
use payload::digest::Digest;
use payload::limits::{
    ENVELOPE_BYTES_MAX, GLOBALS_MAX, PAYLOAD_BYTES_MAX, PROGRAMS_MAX, TARGET_BYTES_MAX,
};
use payload::name::{InstanceName, PayloadName, Version};
use serde_json::Value;

pub(crate) use answer::{Answered, Asked, targets_of};

/// What is to run under a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// The instance.
    pub(crate) instance: InstanceName,
    /// The payload.
    pub(crate) payload: PayloadName,
    /// Its version.
    pub(crate) version: Version,
    /// The digest of its file.
    pub(crate) digest: Digest,
    /// All of it, as it came.
    pub(crate) wanted: Wanted,
}

/// What an answer asks for that can't be, by field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub(crate) struct NotATarget {
    /// Which field, such as `instances[2].digest`.
    pub(crate) field: String,
    /// The rule that is broken.
    pub(crate) rule: String,
}

impl Target {
    /// Reads what is wanted.
    ///
    /// # Errors
    /// The field that breaks a rule.
    pub(crate) fn of(wanted: Wanted) -> Result<Self, NotATarget> {
        let instance = field("instance", wanted.instance.parse())?;
        let _deployment: InstanceName = field("deployment", wanted.deployment.parse())?;
        let payload = field("payload", wanted.payload.parse())?;
        let version = field("version", wanted.version.parse())?;
        let digest = field("digest", wanted.digest.parse())?;
        let bytes = usize::try_from(wanted.size_bytes).unwrap_or(usize::MAX);
        within("size_bytes", bytes, PAYLOAD_BYTES_MAX)?;
        within(
            "envelope",
            wanted.envelope.as_deref().map_or(0, str::len),
            ENVELOPE_BYTES_MAX,
        )?;
        within("globals", wanted.globals.len(), GLOBALS_MAX)?;
        within("targets", wanted.targets.len(), PROGRAMS_MAX)?;
        let longest = wanted.targets.values().map(String::len).max();
        within("targets", longest.unwrap_or(0), TARGET_BYTES_MAX)?;
        Ok(Self {
            instance,
            payload,
            version,
            digest,
            wanted,
        })
    }

    /// Whether `other` would run the same: then nothing needs to be done.
    pub(crate) fn runs_as(&self, other: &Self) -> bool {
        self.instance == other.instance
            && self.payload == other.payload
            && self.version == other.version
            && self.digest == other.digest
            && self.wanted.globals == other.wanted.globals
            && self.wanted.targets == other.wanted.targets
    }

    /// Whether `other` asks for the same for the same reason: what was refused so is refused still.
    /// How long it is watched and when it takes over are no reason to try again.
    pub(crate) fn asks_as(&self, other: &Self) -> bool {
        self.runs_as(other)
            && self.wanted.deployment == other.wanted.deployment
            && self.wanted.size_bytes == other.wanted.size_bytes
            && self.wanted.envelope == other.wanted.envelope
            && self.rollout() == other.rollout()
    }

    /// The number of the rollout that brings it, where one does.
    pub(crate) fn rollout(&self) -> Option<u64> {
        self.wanted.rollout.map(|rollout| rollout.id)
    }

    /// How long it is to be watched once it runs, milliseconds.
    pub(crate) fn bake_ms(&self) -> u64 {
        let rollout = self.wanted.rollout;
        rollout.map_or(BAKE_DEFAULT_MS, |rollout| rollout.bake_ms.min(BAKE_MAX_MS))
    }

    /// When it is to take over, milliseconds since 1970, where a time is set.
    pub(crate) fn flip_at_ms(&self) -> Option<u64> {
        self.wanted.rollout?.flip_at_ms
    }

    /// The value of each global that the deployment sets, as text.
    ///
    /// # Errors
    /// A list or an object is no value of a variable.
    pub(crate) fn globals(&self) -> Result<BTreeMap<&str, String>, NotATarget> {
        let text = |(name, value): (&'_ String, &Value)| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(NotATarget {
                field: format!("globals.{name}"),
                rule: format!("is {value}; a number, true, false or a text is needed"),
            }),
        };
        let globals = self.wanted.globals.iter();
        globals
            .map(|entry| Ok((entry.0.as_str(), text(entry)?)))
            .collect()
    }
}

fn field<T, E: ToString>(field: &str, read: Result<T, E>) -> Result<T, NotATarget> {
    read.map_err(|error| NotATarget {
        field: field.to_owned(),
        rule: error.to_string(),
    })
}

fn within(field: &str, found: usize, max: usize) -> Result<(), NotATarget> {
    if found <= max {
        return Ok(());
    }
    Err(NotATarget {
        field: field.to_owned(),
        rule: format!("{found}, at most {max} are allowed"),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use api::registry::ByRollout;

    use super::*;

    /// `acme/NAME` in `version`, under NAME, its digest made of both.
    pub(crate) fn wanted(name: &str, version: &str) -> Wanted {
        Wanted {
            instance: name.to_owned(),
            deployment: format!("{name}-everywhere"),
            payload: format!("acme/{name}"),
            version: version.to_owned(),
            digest: Digest::of(format!("{name} {version}").as_bytes()).to_string(),
            size_bytes: 1000,
            envelope: None,
            globals: BTreeMap::new(),
            targets: BTreeMap::new(),
            rollout: None,
        }
    }

    #[test]
    fn another_rollout_asks_anew_and_loads_nothing_anew_another_bake_time_does_neither() {
        let by = |id, bake_ms, flip_at_ms| {
            let mut wanted = wanted("trace", "1.0.0");
            wanted.rollout = Some(ByRollout {
                id,
                bake_ms,
                flip_at_ms,
            });
            Target::of(wanted).unwrap()
        };
        let first = by(1, 10, None);
        assert!(first.runs_as(&by(2, 10, None)) && !first.asks_as(&by(2, 10, None)));
        assert!(first.asks_as(&by(1, 20, Some(5))));
        assert_eq!(by(1, u64::MAX, None).bake_ms(), BAKE_MAX_MS);
        let alone = Target::of(wanted("trace", "1.0.0")).unwrap();
        assert_eq!((alone.bake_ms(), alone.rollout()), (BAKE_DEFAULT_MS, None));
    }

    #[test]
    fn a_new_signature_or_deployment_is_no_reason_to_load_again_but_a_value_is() {
        let target = |change: fn(&mut Wanted)| {
            let mut wanted = wanted("trace", "1.0.0");
            change(&mut wanted);
            Target::of(wanted).unwrap()
        };
        let plain = target(|_| {});
        assert!(plain.runs_as(&target(|w| w.envelope = Some("{}".into()))));
        assert!(plain.runs_as(&target(|w| w.deployment = "other".into())));
        let with_value = target(|w| w.globals = [("level".into(), Value::from(3))].into());
        assert!(!plain.runs_as(&with_value));
        assert_eq!(with_value.globals().unwrap()["level"], "3");
        let list = target(|w| w.globals = [("level".into(), Value::from(vec![1]))].into());
        assert_eq!(list.globals().unwrap_err().field, "globals.level");
    }
}

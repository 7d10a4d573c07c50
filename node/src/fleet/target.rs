//! One instance that the registry wants, read into the types of what it names.
//! Made of every answer of the registry and of what the node kept; used all over the fleet.
//! Must never be taken for true: what is signed is checked against it, not the other way round.

use std::collections::{BTreeMap, BTreeSet};

use api::registry::{Desired, INSTANCES_MAX, Wanted};
use payload::digest::Digest;
use payload::limits::{
    ENVELOPE_BYTES_MAX, GLOBALS_MAX, PAYLOAD_BYTES_MAX, PROGRAMS_MAX, TARGET_BYTES_MAX,
};
use payload::name::{InstanceName, PayloadName, Version};
use serde_json::Value;

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

/// What an answer asks for, as far as it can be read.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// What should run.
    pub(crate) targets: Vec<Target>,
    /// For what the node can't say what should.
    pub(crate) unread: Unread,
    /// Why, by field: one for each instance that can't be read.
    pub(crate) refused: Vec<NotATarget>,
}

/// What an answer speaks about in words that can't be read: there the word of before holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Instances whose name can be read, and nothing more.
    names: BTreeSet<InstanceName>,
    /// Whether there are some of which not even the name can: each that is not named may be meant.
    nameless: bool,
}

impl Unread {
    /// Whether it may be this instance that the answer speaks about.
    pub(crate) fn may_be(&self, instance: &InstanceName) -> bool {
        self.nameless || self.names.contains(instance)
    }
}

#[cfg(test)]
impl From<&[&str]> for Unread {
    /// `*` is an instance without a name that can be read.
    fn from(names: &[&str]) -> Self {
        Self {
            names: names.iter().filter_map(|name| name.parse().ok()).collect(),
            nameless: names.contains(&"*"),
        }
    }
}

/// Reads a whole answer: it is for this node, bounded, and names each instance once. An instance
/// that breaks a rule is refused alone: a registry that errs about one is heard about the others.
///
/// # Errors
/// The answer is no set of instances for this node: nothing of it may be done.
pub(crate) fn targets_of(node: &str, desired: Desired) -> Result<Answered, NotATarget> {
    if desired.node != node {
        return Err(NotATarget {
            field: "node".to_owned(),
            rule: format!(
                "the answer is for node {:?}, this one is {node:?}",
                desired.node
            ),
        });
    }
    within("instances", desired.instances.len(), INSTANCES_MAX)?;
    let mut answered = Answered::default();
    let mut names: BTreeSet<InstanceName> = BTreeSet::new();
    for (index, wanted) in desired.instances.into_iter().enumerate() {
        let at = |error: NotATarget| NotATarget {
            field: format!("instances[{index}].{}", error.field),
            rule: error.rule,
        };
        let name: Option<InstanceName> = wanted.instance.parse().ok();
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            let rule = format!("{name} is wanted twice");
            let field = "instance".to_owned();
            return Err(at(NotATarget { field, rule }));
        }
        match Target::of(wanted) {
            Ok(target) => answered.targets.push(target),
            Err(error) => {
                answered.refused.push(at(error));
                answered.unread.nameless |= name.is_none();
                answered.unread.names.extend(name);
            }
        }
    }
    Ok(answered)
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

    fn desired(instances: Vec<Wanted>) -> Desired {
        Desired {
            node: "here".to_owned(),
            poll_ms: 1000,
            instances,
            staged: Vec::new(),
            floors: Vec::new(),
        }
    }

    #[test]
    fn each_field_that_can_not_be_is_named() {
        type Break = fn(&mut Wanted);
        let table: [(&str, Break); 10] = [
            ("instance", |w| w.instance = "../x".into()),
            ("instance", |w| w.instance = "<script>".into()),
            ("deployment", |w| w.deployment = "a\nb".into()),
            ("payload", |w| w.payload = "one-part".into()),
            ("version", |w| w.version = "1.0".into()),
            ("digest", |w| w.digest = "sha256:00".into()),
            ("size_bytes", |w| w.size_bytes = u64::MAX),
            ("envelope", |w| {
                w.envelope = Some("x".repeat(ENVELOPE_BYTES_MAX + 1));
            }),
            ("globals", |w| {
                w.globals = (0..=GLOBALS_MAX)
                    .map(|n| (n.to_string(), Value::Null))
                    .collect();
            }),
            ("targets", |w| {
                w.targets = [("p".into(), "x".repeat(TARGET_BYTES_MAX + 1))].into();
            }),
        ];
        for (field, break_it) in table {
            let mut broken = wanted("trace", "1.0.0");
            break_it(&mut broken);
            let answer = desired(vec![wanted("other", "1.0.0"), broken]);
            let answered = targets_of("here", answer).unwrap();
            let fields = answered.refused.iter().map(|error| error.field.as_str());
            assert!(fields.eq([format!("instances[1].{field}")]));
            assert_eq!(answered.targets.len(), 1, "the other one is heard");
            let may_be = |name: &str| answered.unread.may_be(&name.parse().unwrap());
            assert!(may_be("trace"));
            assert_eq!(may_be("other"), field == "instance");
        }
    }

    #[test]
    fn more_floors_than_instances_are_no_reason_to_refuse_an_answer() {
        let mut answer = desired(vec![wanted("trace", "1.0.0")]);
        answer.floors = vec![String::new(); 5000];
        let answered = targets_of("here", answer).unwrap();
        assert_eq!((answered.targets.len(), answered.refused.len()), (1, 0));
    }

    #[test]
    fn an_answer_for_another_node_or_with_a_name_twice_is_no_answer() {
        let one = || wanted("trace", "1.0.0");
        let error = targets_of("there", desired(vec![one()])).unwrap_err();
        assert_eq!(error.field, "node");
        let error = targets_of("here", desired(vec![one(), one()])).unwrap_err();
        assert_eq!(error.field, "instances[1].instance");
        let mut broken = one();
        broken.digest = String::new();
        let error = targets_of("here", desired(vec![broken, one()])).unwrap_err();
        assert_eq!(
            error.field, "instances[1].instance",
            "one that can't be read counts"
        );
        let many = (0..=INSTANCES_MAX).map(|n| wanted(&format!("n{n}"), "1.0.0"));
        let error = targets_of("here", desired(many.collect())).unwrap_err();
        assert_eq!(error.field, "instances");
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

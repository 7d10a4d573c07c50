//! A whole answer of the registry, read: what should run, and what should be staged. A part of `target`.
//! Must never let one that can't be read hold up the others, nor take a list for bounded.

use std::collections::BTreeSet;

use api::registry::{Desired, INSTANCES_MAX, Wanted};
use payload::name::InstanceName;

use super::{NotATarget, Target, within};

/// What an answer asks for, as far as it can be read.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// What should run.
    pub(crate) instances: Asked,
    /// What should be loaded and verified, and not run yet.
    pub(crate) staged: Asked,
    /// Why some can't be read, by field: one for each of them.
    pub(crate) refused: Vec<NotATarget>,
}

/// One list of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// What can be read.
    pub(crate) targets: Vec<Target>,
    /// For what the node can't say what should be.
    pub(crate) unread: Unread,
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

/// Reads a whole answer: it is for this node, bounded, and each list names an instance once. One
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
    let mut refused = Vec::new();
    Ok(Answered {
        instances: asked("instances", desired.instances, &mut refused)?,
        staged: asked("staged", desired.staged, &mut refused)?,
        refused,
    })
}

fn asked(
    list: &str,
    wanted: Vec<Wanted>,
    refused: &mut Vec<NotATarget>,
) -> Result<Asked, NotATarget> {
    within(list, wanted.len(), INSTANCES_MAX)?;
    let mut asked = Asked::default();
    let mut names: BTreeSet<InstanceName> = BTreeSet::new();
    for (index, wanted) in wanted.into_iter().enumerate() {
        let at = |error: NotATarget| NotATarget {
            field: format!("{list}[{index}].{}", error.field),
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
            Ok(target) => asked.targets.push(target),
            Err(error) => {
                refused.push(at(error));
                asked.unread.nameless |= name.is_none();
                asked.unread.names.extend(name);
            }
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use payload::limits::{ENVELOPE_BYTES_MAX, GLOBALS_MAX, TARGET_BYTES_MAX};
    use serde_json::Value;

    use super::super::tests::wanted;
    use super::*;

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
            let Asked { targets, unread } = answered.instances;
            assert_eq!(targets.len(), 1, "the other one is heard");
            let may_be = |name: &str| unread.may_be(&name.parse().unwrap());
            assert!(may_be("trace"));
            assert_eq!(may_be("other"), field == "instance");
        }
    }

    #[test]
    fn more_floors_than_instances_are_no_reason_to_refuse_an_answer() {
        let mut answer = desired(vec![wanted("trace", "1.0.0")]);
        answer.floors = vec![String::new(); 5000];
        let answered = targets_of("here", answer).unwrap();
        let heard = answered.instances.targets.len();
        assert_eq!((heard, answered.refused.len()), (1, 0));
    }

    #[test]
    fn what_is_to_be_staged_is_read_by_the_same_rules_beside_what_is_to_run() {
        let staging = |staged: Vec<Wanted>| {
            let mut answer = desired(vec![wanted("trace", "1.0.0")]);
            answer.staged = staged;
            targets_of("here", answer)
        };
        let mut broken = wanted("other", "1.0.0");
        broken.digest = String::new();
        let answered = staging(vec![wanted("trace", "1.1.0"), broken]).unwrap();
        assert_eq!(answered.instances.targets.len(), 1);
        assert_eq!(answered.staged.targets.len(), 1, "the same name in both");
        assert_eq!(answered.refused[0].field, "staged[1].digest");
        assert!(answered.staged.unread.may_be(&"other".parse().unwrap()));
        assert!(!answered.instances.unread.may_be(&"other".parse().unwrap()));
        let one = || wanted("trace", "1.1.0");
        let error = staging(vec![one(), one()]).unwrap_err();
        assert_eq!(error.field, "staged[1].instance");
        let many = (0..=INSTANCES_MAX).map(|n| wanted(&format!("n{n}"), "1.0.0"));
        assert_eq!(staging(many.collect()).unwrap_err().field, "staged");
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
}

//! What `GET /nodes/{node}` shows: what a node is, what it runs and why, what happened there. Made by
//! its route.
//! Must never hold markup, nor a rate that nobody measured.

mod happened;
mod instance;
mod proof;

use api::node::Measured;
use api::registry::{Facts, Node};
use askama::Template;

use super::format::{Moment, grouped, moment};
use super::visible::visible;
use super::{Frame, Mistake};
pub(crate) use happened::Happened;
pub(crate) use instance::{InstanceDetail, PinTyped, PinView};

/// The page.
#[derive(Template)]
#[template(path = "node.html")]
pub(crate) struct OneNode {
    pub(crate) frame: Frame,
    pub(crate) node: NodeHead,
    pub(crate) instances: Vec<InstanceDetail>,
    /// Pins of deployments that have nothing to do with its instances now.
    pub(crate) other_pins: Vec<PinView>,
    pub(crate) outcomes: Vec<Happened>,
    pub(crate) mistake: Mistake,
}

impl OneNode {
    /// What is wrong with no field of a form that is shown.
    fn unplaced(&self) -> Option<&str> {
        let forms = self.instances.iter().filter_map(InstanceDetail::fields);
        self.mistake.beside(&forms.flatten().collect::<Vec<_>>())
    }
}

/// What a node is.
pub(crate) struct NodeHead {
    name: String,
    presence: &'static str,
    shares_events: bool,
    settled: bool,
    seen: Moment,
    enrolled: Moment,
    facts: Vec<(&'static str, String)>,
    labels: Vec<String>,
}

impl NodeHead {
    /// A node as it is now.
    pub(crate) fn of(node: &Node, now_ms: u64) -> Self {
        let labels = node.facts.labels.iter();
        Self {
            name: node.node.clone(),
            presence: node.presence.as_str(),
            shares_events: node.facts.shares_events,
            settled: node.settled,
            seen: moment(node.seen_ms, now_ms),
            enrolled: moment(node.enrolled_ms, now_ms),
            facts: facts(&node.facts),
            labels: labels
                .map(|(key, value)| visible(&format!("{key}={value}")))
                .collect(),
        }
    }
}

impl NodeHead {
    /// The command that explains it.
    fn explain(&self) -> String {
        format!("packer explain {}", self.name)
    }

    /// The command that shows it.
    fn show(&self) -> String {
        format!("packer nodes {}", self.name)
    }
}

fn facts(facts: &Facts) -> Vec<(&'static str, String)> {
    let btf = if facts.btf { "with BTF" } else { "without BTF" };
    let rows = [
        ("Kernel", format!("{}, {}, {btf}", facts.kernel, facts.arch)),
        ("System", facts.os.clone()),
        ("CPUs", facts.cpus.to_string()),
        ("Node daemon", facts.version.clone()),
    ];
    let said = rows.into_iter().filter(|(_, text)| !text.is_empty());
    said.map(|(word, text)| (word, visible(&text))).collect()
}

/// A count that may be beyond knowing.
fn measured(count: Measured) -> String {
    match count {
        Measured::Known(count) => grouped(count),
        Measured::Unknown => "unknown".to_owned(),
    }
}

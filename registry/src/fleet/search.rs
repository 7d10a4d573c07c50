//! Nodes that somebody looks for: by name, by selector, by what they run and how they stand. Called
//! by `fleet` for lists. Must never show more than a page of what it counts.

use std::ops::Bound;

use api::registry::{Node, Presence};

use super::memory::{Known, Memory};
use super::selector::{Candidate, Selector};

/// Which nodes; without anything, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// What is somewhere in their name.
    pub(crate) named: String,
    /// What holds for them.
    pub(crate) selector: Option<Selector>,
    /// How lately they were heard.
    pub(crate) presence: Option<Presence>,
    /// Whether they run what they should.
    pub(crate) settled: Option<bool>,
    /// A payload that they say they run.
    pub(crate) payload: Option<String>,
    /// The version of that payload, or of any.
    pub(crate) version: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// How many, on all pages.
    pub(crate) matches: u64,
    /// Those of one page, by name.
    pub(crate) nodes: Vec<Node>,
}

impl Search {
    fn holds(&self, memory: &Memory, node: &str, known: &Known, now_ms: u64) -> bool {
        let facts = &known.facts;
        node.contains(&self.named)
            && self
                .presence
                .is_none_or(|presence| presence == memory.presence(known, now_ms))
            && self.settled.is_none_or(|settled| settled == known.settled)
            && self.runs(known)
            && self
                .selector
                .as_ref()
                .is_none_or(|selector| selector.matches(Candidate { node, facts }))
    }

    fn runs(&self, known: &Known) -> bool {
        if self.payload.is_none() && self.version.is_none() {
            return true;
        }
        known.instances.iter().any(|report| {
            let payload = self.payload.as_ref();
            let payload = payload.is_none_or(|payload| *payload == report.payload);
            payload && (self.version.is_none() || self.version == report.version)
        })
    }
}

impl Memory {
    /// How many nodes are looked for, and at most `limit` of them behind a name.
    pub(super) fn search(&self, search: &Search, after: &str, limit: u32, now_ms: u64) -> Found {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_all = *search == Search::default();
        if is_all {
            let behind = (Bound::Excluded(after), Bound::Unbounded);
            let page = self.nodes.range::<str, _>(behind).take(limit);
            return Found {
                matches: self.nodes.len() as u64,
                nodes: page
                    .map(|(node, known)| self.shown(node, known, now_ms))
                    .collect(),
            };
        }
        let (mut matches, mut nodes) = (0, Vec::new());
        for (node, known) in &self.nodes {
            if !search.holds(self, node, known, now_ms) {
                continue;
            }
            matches += 1;
            if nodes.len() < limit && node.as_str() > after {
                nodes.push(self.shown(node, known, now_ms));
            }
        }
        Found { matches, nodes }
    }
}

//! The page of a new rollout: what it would do, before anybody asks for it. Called by its route.
//! Must never show that as done.

use api::registry::{DryRun, Reach, RolloutPlan, StartRollout};
use askama::Template;

use super::draft::Draft;
use super::plan::reach;
use crate::fleet::Census;
use crate::page::format::{grouped, nodes_text};
use crate::page::{Frame, command};

/// Nodes of a wave, or that are left out, that are named.
const NAMED_MAX: usize = 50;
/// Nodes that are named as a sample.
const SAMPLE_MAX: usize = 8;

/// `GET /rollouts/new`.
#[derive(Template)]
#[template(path = "rollout_new.html")]
pub(crate) struct NewRolloutPage {
    /// What is around it.
    pub(crate) frame: Frame,
    /// Names of deployments to choose from.
    pub(crate) deployments: Vec<String>,
    /// Why the one that was chosen is none.
    pub(crate) mistake: Option<String>,
    /// The form, where a deployment is chosen.
    pub(crate) chosen: Option<Chosen>,
}

/// `GET /rollouts/new/preview`: the part of the page that follows the form.
#[derive(Template)]
#[template(path = "rollout_new_preview.html")]
pub(crate) struct PreviewPart {
    /// What it would do.
    pub(crate) preview: Preview,
}

/// A form for one deployment.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) draft: Draft,
    pub(crate) payload: String,
    /// `channel stable`, `version 1.0.0`.
    pub(crate) source: String,
    pub(crate) versions: Vec<Choice>,
    /// Whether the deployment has a template, which the form began with.
    pub(crate) has_template: bool,
    /// The rollout that has not ended.
    pub(crate) active: Option<u64>,
    pub(crate) preview: Preview,
}

/// A version to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) version: String,
    pub(crate) says: String,
    pub(crate) is_chosen: bool,
}

/// What a rollout would do.
#[derive(Debug, Default)]
pub(crate) struct Preview {
    pub(crate) selector: String,
    /// Nodes that the selector names.
    pub(crate) nodes: String,
    pub(crate) online: String,
    pub(crate) mistakes: Vec<String>,
    pub(crate) moves: Option<String>,
    pub(crate) sample: Vec<String>,
    pub(crate) waves: Vec<PreviewWave>,
    pub(crate) left_out: Vec<(String, String)>,
    pub(crate) left_out_count: String,
    pub(crate) left_out_more: usize,
    /// The nodes that a start would move; absent where it would be refused, or where who looks may not
    /// start it.
    pub(crate) start: Option<String>,
    /// The same, by command.
    pub(crate) command: Option<String>,
}

/// One wave of it.
#[derive(Debug)]
pub(crate) struct PreviewWave {
    pub(crate) number: usize,
    pub(crate) reach: String,
    pub(crate) count: String,
    pub(crate) online: String,
    pub(crate) nodes: Vec<String>,
    pub(crate) more: u64,
}

impl Preview {
    /// Of the nodes that a selector names.
    pub(crate) fn named(selector: &str, census: &Census) -> Self {
        Self {
            selector: selector.to_owned(),
            nodes: nodes_text(census.nodes),
            online: grouped(census.online),
            ..Self::default()
        }
    }

    /// The command that asks for the same.
    pub(crate) fn command(asked: &StartRollout, template: Option<&RolloutPlan>) -> String {
        command::start(asked, template)
    }

    /// Adds the button that starts it, once a dry run says how many nodes that moves.
    pub(crate) fn startable(mut self, dry: &DryRun) -> Self {
        self.start = Some(nodes_text(dry.waves.iter().map(|wave| wave.count).sum()));
        self
    }

    /// Adds what a dry run says; `reaches` are those of the plan, as they were typed.
    pub(crate) fn with(mut self, dry: DryRun, reaches: &[Reach]) -> Self {
        let from = dry.from.as_deref().unwrap_or("nothing");
        self.moves = Some(format!("{from} → {}", dry.to));
        let all = dry.waves.iter().flat_map(|wave| &wave.nodes);
        self.sample = all.take(SAMPLE_MAX).cloned().collect();
        let named = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let waves = dry.waves.into_iter().enumerate();
        self.waves = waves
            .map(|(index, mut wave)| {
                wave.nodes.truncate(NAMED_MAX);
                PreviewWave {
                    number: index + 1,
                    reach: reaches
                        .get(index)
                        .map(|one| reach(*one))
                        .unwrap_or_default(),
                    count: grouped(wave.count),
                    online: grouped(wave.online),
                    more: wave.count.saturating_sub(named(wave.nodes.len())),
                    nodes: wave.nodes,
                }
            })
            .collect();
        self.left_out_count = grouped(named(dry.left_out.len()));
        self.left_out_more = dry.left_out.len().saturating_sub(NAMED_MAX);
        self.left_out = dry.left_out.into_iter().take(NAMED_MAX).collect();
        self
    }
}

//! What handlers of payloads may ask for: `[policy.handler]` of the configuration. Asked by the policy.
//! Must never grant more than both the manifest asks for and the node allows.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use handler::grant::{Grant, Limits};
use payload::handler::Lane;
use payload::limits;
use payload::manifest::{Access, Handler};
use payload::name::PayloadName;
use serde::Deserialize;

use super::pattern::{self, Pattern};
use super::refusal::list;

/// What the names of the host's functions begin with, the rest of their version behind it.
const HOST: &str = "marrow:handler/host@1.";
/// The versions of the world that this node runs.
const WORLD: &str = "marrow:handler@1.";

/// `[policy.handler]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HandlerPolicy {
    /// Whether payloads may have handlers.
    allowed: bool,
    /// Their lanes.
    lanes: BTreeSet<Lane>,
    /// Functions of the host by their names, such as `emit`, others with their module.
    imports: Vec<Pattern>,
    /// Maps that they may look up, as `NAMESPACE/NAME:MAP`.
    maps_readable: Vec<Pattern>,
    /// Maps that they may write, and look up.
    maps_writable: Vec<Pattern>,
    memory_bytes_max: u64,
    call_ms_max: NonZeroU32,
    state_ms_max: NonZeroU32,
    state_bytes_max: u32,
    emits_per_s_max: u32,
    emit_bytes_per_s_max: u32,
    log_lines_per_s_max: u32,
    /// Series of all metrics together.
    series_max: u32,
}

impl Default for HandlerPolicy {
    fn default() -> Self {
        Self {
            allowed: true,
            lanes: [Lane::Core, Lane::Component].into(),
            imports: vec![Pattern::anything()],
            maps_readable: vec![Pattern::anything()],
            // What a program reads from its maps, a filter for instance, is its publisher's to say, and
            // the node's who of them may have it changed while it runs.
            maps_writable: Vec::new(),
            memory_bytes_max: 64 << 20,
            call_ms_max: at_least_one(100),
            state_ms_max: at_least_one(1_000),
            state_bytes_max: 16 << 20,
            emits_per_s_max: 100_000,
            emit_bytes_per_s_max: 64 << 20,
            log_lines_per_s_max: 100,
            series_max: 10_000,
        }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// Why the policy refuses a handler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandlerRefusal {
    /// No handler may run here.
    #[error("it has a handler, and policy.handler.allowed is false")]
    NotAllowed,
    /// A world of tomorrow.
    #[error("its handler is written for {world}; this node runs {WORLD}x")]
    World {
        /// As the manifest says.
        world: String,
    },
    /// A lane that is closed here.
    #[error("its handler is of the {} lane; policy.handler.lanes allows {}", lane.as_str(), list(allowed))]
    Lane {
        /// Its lane.
        lane: Lane,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// A function that handlers may not call here.
    #[error(
        "its handler imports {import}; policy.handler.imports allows {}",
        list(allowed)
    )]
    Import {
        /// The function.
        import: String,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// A map that handlers may not have that way.
    #[error(
        "its handler asks to {verb} {full}; policy.handler.{rule} allows {}",
        list(allowed)
    )]
    Map {
        /// `read` or `write`.
        verb: &'static str,
        /// `NAMESPACE/NAME:MAP`.
        full: String,
        /// The rule.
        rule: &'static str,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// More than handlers may use up here.
    #[error("its handler asks for {name} = {asked}; policy.handler.{name} is {cap}")]
    Limit {
        /// The limit, in the manifest and in the policy.
        name: &'static str,
        /// What is asked for.
        asked: u64,
        /// The most.
        cap: u64,
    },
}

impl HandlerRefusal {
    /// The field of the release that is at fault.
    pub(super) fn field(&self) -> String {
        match self {
            Self::NotAllowed | Self::Lane { .. } => "handler".to_owned(),
            Self::World { .. } => "handler.world".to_owned(),
            Self::Import { .. } => "handler.imports".to_owned(),
            Self::Map { .. } => "handler.maps".to_owned(),
            Self::Limit { name, .. } => format!("handler.{name}"),
        }
    }
}

impl HandlerPolicy {
    /// What a handler gets: what its manifest asks for, where all of that is allowed. `lane` is that of
    /// its bytes.
    ///
    /// # Errors
    /// The rule that says no, and both values.
    pub(super) fn grant(
        &self,
        name: &PayloadName,
        asked: &Handler,
        lane: Lane,
    ) -> Result<Grant, HandlerRefusal> {
        if !self.allowed {
            return Err(HandlerRefusal::NotAllowed);
        }
        if !asked.world.starts_with(WORLD) {
            let world = asked.world.clone();
            return Err(HandlerRefusal::World { world });
        }
        if !self.lanes.contains(&lane) {
            let allowed = self.lanes.iter().map(|lane| lane.as_str().to_owned());
            let allowed = allowed.collect();
            return Err(HandlerRefusal::Lane { lane, allowed });
        }
        for import in &asked.imports {
            self.judge_import(import)?;
        }
        for wish in &asked.maps {
            self.judge_map(format!("{name}:{}", wish.map), wish.access)?;
        }
        self.judge_series(asked)?;
        Ok(Grant {
            limits: self.limits_in_force(asked)?,
            ..Grant::asked(asked)
        })
    }

    fn judge_import(&self, import: &str) -> Result<(), HandlerRefusal> {
        let of_host = import
            .strip_prefix(HOST)
            .and_then(|rest| rest.split_once('#'));
        let import = of_host.map_or(import, |(_, function)| function);
        if pattern::any(&self.imports, import) {
            return Ok(());
        }
        let (import, allowed) = (import.to_owned(), pattern::shown(&self.imports));
        Err(HandlerRefusal::Import { import, allowed })
    }

    /// Whoever may write a map may look it up.
    fn judge_map(&self, full: String, access: Access) -> Result<(), HandlerRefusal> {
        let writable = pattern::any(&self.maps_writable, &full);
        let (verb, rule, patterns) = match access {
            Access::Write => ("write", "maps_writable", &self.maps_writable),
            Access::Read => ("read", "maps_readable", &self.maps_readable),
        };
        if writable || access == Access::Read && pattern::any(patterns, &full) {
            return Ok(());
        }
        let allowed = pattern::shown(patterns);
        Err(HandlerRefusal::Map {
            verb,
            full,
            rule,
            allowed,
        })
    }

    fn judge_series(&self, asked: &Handler) -> Result<(), HandlerRefusal> {
        let series = asked.metrics.iter().map(|metric| {
            // One without labels has one.
            let labelled = !metric.labels.is_empty();
            u64::from(if labelled { metric.series_max.0 } else { 1 })
        });
        let (asked, cap) = (series.sum(), self.series_max.into());
        if asked <= cap {
            return Ok(());
        }
        let name = "series_max";
        Err(HandlerRefusal::Limit { name, asked, cap })
    }

    /// The limits of a handler: what its manifest asks for, refused where that is more than the cap. One
    /// that stands at its default is no wish: a lower cap takes its place.
    fn limits_in_force(&self, asked: &Handler) -> Result<Limits, HandlerRefusal> {
        let small = |name, asked: u32, default: u32, cap: u32| {
            let limit = in_force(name, asked.into(), default.into(), cap.into())?;
            Ok(u32::try_from(limit).unwrap_or(cap))
        };
        Ok(Limits {
            memory_bytes_max: in_force(
                "memory_bytes_max",
                asked.memory_bytes_max,
                limits::HANDLER_MEMORY_BYTES_DEFAULT,
                self.memory_bytes_max,
            )?,
            call_ms_max: small(
                "call_ms_max",
                asked.call_ms_max,
                limits::HANDLER_CALL_MS_DEFAULT,
                self.call_ms_max.get(),
            )?,
            state_ms_max: small(
                "state_ms_max",
                asked.state_ms_max.0,
                limits::HANDLER_STATE_MS_DEFAULT,
                self.state_ms_max.get(),
            )?,
            state_bytes_max: small(
                "state_bytes_max",
                asked.state_bytes_max.0,
                limits::HANDLER_STATE_BYTES_DEFAULT,
                self.state_bytes_max,
            )?,
            emits_per_s_max: small(
                "emits_per_s_max",
                asked.emits_per_s_max.0,
                limits::HANDLER_EMITS_PER_S_DEFAULT,
                self.emits_per_s_max,
            )?,
            emit_bytes_per_s_max: small(
                "emit_bytes_per_s_max",
                asked.emit_bytes_per_s_max.0,
                limits::HANDLER_EMIT_BYTES_PER_S_DEFAULT,
                self.emit_bytes_per_s_max,
            )?,
            log_lines_per_s_max: small(
                "log_lines_per_s_max",
                asked.log_lines_per_s_max.0,
                limits::HANDLER_LOG_LINES_PER_S_DEFAULT,
                self.log_lines_per_s_max,
            )?,
        })
    }
}

fn in_force(name: &'static str, asked: u64, default: u64, cap: u64) -> Result<u64, HandlerRefusal> {
    if asked <= cap {
        Ok(asked)
    } else if asked == default {
        Ok(cap)
    } else {
        Err(HandlerRefusal::Limit { name, asked, cap })
    }
}

#[cfg(test)]
#[path = "handler/tests.rs"]
mod tests;

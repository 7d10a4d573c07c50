//! The node's own policy: what a payload may contain, and what a deployment may set, whoever signed
//! it. Read from the configuration; asked before anything from a registry is loaded; pure.
//! Must never let pass what no rule allows, nor refuse without naming the rule.

mod footprint;
mod handler;
mod pattern;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};

use ::handler::grant::Grant;
use payload::file::Contents;
use payload::handler::Lane;
use payload::legacy::Preset;
use payload::manifest::Manifest;
use payload::object::{Kind, Object, Program};
use serde::Deserialize;

pub(crate) use handler::HandlerRefusal;
pub(crate) use pattern::Pattern;
pub(crate) use refusal::PolicyError;

use crate::admit::UnsignedDoor;
use handler::HandlerPolicy;

/// Map bytes that a payload may have where the configuration says nothing.
const MAP_BYTES_MAX: u64 = 256 << 20;
/// Helpers that a payload may not call where the configuration says nothing: they write user
/// memory, change what functions return, and make system calls.
const HELPERS_DENIED: [&str; 3] = ["override_return", "probe_write_user", "sys_bpf"];

/// What payloads from a registry may contain and be set to: `[policy]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Policy {
    /// Kinds of programs; absent: all.
    program_kinds: Option<BTreeSet<Kind>>,
    /// Helpers and kernel functions, without `bpf_`; absent: all that are not denied.
    helpers: Option<BTreeSet<String>>,
    /// Helpers and kernel functions that are never allowed.
    helpers_denied: BTreeSet<String>,
    /// Hooks, as `KIND/TARGET`.
    hooks: Vec<Pattern>,
    /// Bytes of all maps together.
    map_bytes_max: u64,
    /// Globals that deployments may set where the manifest lets them, as `NAMESPACE/NAME:GLOBAL`.
    settable_globals: Vec<Pattern>,
    /// Targets that deployments may set where the manifest lets them, as `KIND/TARGET`.
    settable_targets: Vec<Pattern>,
    /// Whether releases without signature may run.
    unsigned: AllowUnsignedReleases,
    /// What handlers may ask for.
    handler: HandlerPolicy,
}

/// Whether releases that nobody signed may run when a registry wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AllowUnsignedReleases {
    Never,
    Always,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            program_kinds: None,
            helpers: None,
            helpers_denied: HELPERS_DENIED.map(str::to_owned).into(),
            hooks: vec![Pattern::anything()],
            map_bytes_max: MAP_BYTES_MAX,
            settable_globals: vec![Pattern::anything()],
            settable_targets: vec![Pattern::anything()],
            unsigned: AllowUnsignedReleases::Never,
            handler: HandlerPolicy::default(),
        }
    }
}

/// What a deployment sets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked<'a> {
    /// Values of globals as text, by name.
    pub(crate) globals: BTreeMap<&'a str, String>,
    /// Attach targets, by program.
    pub(crate) targets: BTreeMap<&'a str, &'a str>,
}

/// Whether only what the manifest declares may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// It is: the publisher says what may be changed.
    Needed,
    /// There is no manifest but the one that was computed.
    NotNeeded,
}

/// The policy's yes to a payload, with what is set in it.
#[derive(Debug)]
pub(crate) struct Allowed {
    /// Values of globals.
    pub(crate) presets: Vec<Preset>,
    /// Attach targets, by program.
    pub(crate) targets: BTreeMap<String, String>,
    /// What the handler gets, where there is one.
    pub(crate) grant: Option<Grant>,
}

impl Policy {
    /// Judges a payload and what a deployment sets in it. `cpus` counts the CPUs that maps may have
    /// a value for.
    ///
    /// # Errors
    /// The rule that says no, and both values.
    pub(crate) fn judge(
        &self,
        contents: &Contents,
        object: &Object,
        asked: &Asked<'_>,
        cpus: u32,
    ) -> Result<Allowed, PolicyError> {
        let manifest = &contents.manifest;
        let allowed = Allowed {
            presets: self.presets(manifest, &asked.globals, Declared::Needed)?,
            targets: self.targets(manifest, object, &asked.targets, Declared::Needed)?,
            grant: self.grant(contents)?,
        };
        for program in object.programs.iter().filter(|program| program.autoload) {
            self.judge_program(program, allowed.targets.get(&program.name))?;
        }
        let needs = object.needs();
        for function in needs.helpers.into_iter().chain(needs.kfuncs) {
            self.judge_function(function)?;
        }
        let bytes = footprint::map_bytes(object, cpus);
        if bytes > self.map_bytes_max {
            let bytes_max = self.map_bytes_max;
            return Err(PolicyError::MapBytes { bytes, bytes_max });
        }
        Ok(allowed)
    }

    /// What the handler gets; none where there is none.
    fn grant(&self, contents: &Contents) -> Result<Option<Grant>, PolicyError> {
        let listed = contents.manifest.handler.as_ref();
        let lane = contents.handler.as_deref().and_then(Lane::of);
        let Some((asked, lane)) = listed.zip(lane) else {
            return Ok(None);
        };
        let name = &contents.manifest.name;
        Ok(Some(self.handler.grant(name, asked, lane)?))
    }

    /// What a caller of a local door may set: whatever the manifest declares, or anything in what has
    /// no manifest of its own. A handler gets all that it asks for.
    ///
    /// # Errors
    /// It is not declared, or not there.
    pub(crate) fn of_door(
        manifest: &Manifest,
        object: &Object,
        asked: &Asked<'_>,
        declared: Declared,
    ) -> Result<Allowed, PolicyError> {
        let policy = Self::default();
        Ok(Allowed {
            presets: policy.presets(manifest, &asked.globals, declared)?,
            targets: policy.targets(manifest, object, &asked.targets, declared)?,
            grant: manifest.handler.as_ref().map(Grant::asked),
        })
    }

    /// The door for a release that nobody signed.
    ///
    /// # Errors
    /// It is shut, as it is unless the configuration opens it.
    pub(crate) fn unsigned_door(&self) -> Result<UnsignedDoor, PolicyError> {
        match self.unsigned {
            AllowUnsignedReleases::Always => Ok(UnsignedDoor::opened_by_configuration()),
            AllowUnsignedReleases::Never => Err(PolicyError::Unsigned),
        }
    }

    fn judge_program(&self, program: &Program, set: Option<&String>) -> Result<(), PolicyError> {
        let (name, kind) = (program.name.clone(), program.kind);
        if let Some(kinds) = &self.program_kinds
            && !kinds.contains(&kind)
        {
            let allowed = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
            return Err(PolicyError::Kind {
                program: name,
                kind,
                allowed,
            });
        }
        let target = set.map(String::as_str).or(program.target.as_deref());
        let hook = hook(kind, target.unwrap_or_default());
        if !pattern::any(&self.hooks, &hook) {
            return Err(PolicyError::Hook {
                program: name,
                hook,
                allowed: pattern::shown(&self.hooks),
            });
        }
        Ok(())
    }

    fn judge_function(&self, function: String) -> Result<(), PolicyError> {
        if self.helpers_denied.contains(&function) {
            return Err(PolicyError::HelperDenied { function });
        }
        match &self.helpers {
            Some(allowed) if !allowed.contains(&function) => {
                let allowed = allowed.iter().cloned().collect();
                Err(PolicyError::Helper { function, allowed })
            }
            _ => Ok(()),
        }
    }

    fn presets(
        &self,
        manifest: &Manifest,
        globals: &BTreeMap<&str, String>,
        declared: Declared,
    ) -> Result<Vec<Preset>, PolicyError> {
        let all = declared == Declared::NotNeeded;
        let preset = |(name, value): (&&str, &String)| {
            let global = (*name).to_owned();
            let mut declared = manifest
                .globals
                .iter()
                .filter(|entry| entry.settable || all);
            let Some(entry) = declared.clone().find(|entry| entry.name == *name) else {
                let settable = declared.by_ref().map(|entry| entry.name.clone()).collect();
                return Err(PolicyError::GlobalNotDeclared { global, settable });
            };
            let full = format!("{}:{name}", manifest.name);
            if !pattern::any(&self.settable_globals, &full) {
                let allowed = pattern::shown(&self.settable_globals);
                return Err(PolicyError::GlobalNotAllowed { full, allowed });
            }
            Ok(Preset {
                section: entry.section.clone(),
                path: format!("globals.{name}"),
                variable: global,
                value: value.clone(),
            })
        };
        globals.iter().map(preset).collect()
    }

    fn targets(
        &self,
        manifest: &Manifest,
        object: &Object,
        targets: &BTreeMap<&str, &str>,
        declared: Declared,
    ) -> Result<BTreeMap<String, String>, PolicyError> {
        let all = declared == Declared::NotNeeded;
        let set = |(name, target): (&&str, &&str)| {
            let program = (*name).to_owned();
            let declared = manifest
                .programs
                .iter()
                .filter(|entry| entry.target_settable || all);
            let is_declared = declared.clone().any(|entry| entry.name == *name);
            let found = object.program(name).filter(|_| is_declared);
            let Some(found) = found else {
                let settable = declared.map(|entry| entry.name.clone()).collect();
                return Err(PolicyError::TargetNotDeclared { program, settable });
            };
            let hook = hook(found.kind, target);
            if !pattern::any(&self.settable_targets, &hook) {
                return Err(PolicyError::TargetNotAllowed {
                    program,
                    hook,
                    allowed: pattern::shown(&self.settable_targets),
                });
            }
            Ok((program, (*target).to_owned()))
        };
        targets.iter().map(set).collect()
    }
}

fn hook(kind: Kind, target: &str) -> String {
    format!("{kind}/{target}")
}

#[cfg(test)]
mod tests;

//! A rollout that is being asked for: the texts of the form, and what they come to. Filled from a plan or
//! from what a browser sent; read by the template, mistakes beside their fields. Pure.
//! Must never take a text for something that was not typed, nor lose one that was.

use std::time::UNIX_EPOCH;

use api::registry::{Compare, OnFailure, Reach, RolloutPlan, StartRollout, Wave};

use crate::page::command::time;
use crate::page::format::moment;

/// Waves of one rollout.
const WAVES_MAX: usize = 16;

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) mistake: Option<String>,
}

/// The inputs of one wave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaveFields {
    pub(crate) number: usize,
    pub(crate) reach: Field,
    pub(crate) bake: Field,
    pub(crate) deadline: Field,
    pub(crate) approval: Field,
}

/// All inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) deployment: String,
    pub(crate) version: Field,
    pub(crate) waves: Vec<WaveFields>,
    pub(crate) preflight: Field,
    pub(crate) failures: Field,
    pub(crate) on_failure: Field,
    pub(crate) lost_ppm: Field,
    pub(crate) faults: Field,
    pub(crate) run_time: Field,
    pub(crate) samples: Field,
    pub(crate) wait: Field,
    pub(crate) start_at: Field,
    pub(crate) flip_at: Field,
    pub(crate) supersede: Field,
    /// Mistakes that belong to none of these.
    pub(crate) others: Vec<String>,
}

/// What a browser sent.
#[derive(Debug, Clone, Copy)]
struct Sent<'a>(&'a [(String, String)]);

impl Sent<'_> {
    fn text(&self, name: &str) -> String {
        let found = self.0.iter().find(|(sent, _)| sent == name);
        found
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    }

    fn field(&self, name: &str) -> Field {
        Field {
            name: name.to_owned(),
            value: self.text(name),
            mistake: None,
        }
    }
}

fn field(name: &str, value: impl Into<String>) -> Field {
    Field {
        name: name.to_owned(),
        value: value.into(),
        mistake: None,
    }
}

impl WaveFields {
    fn of(number: usize, wave: Option<&Wave>) -> Self {
        let name = |what: &str| format!("{what}{number}");
        let wave_time = |of: fn(&Wave) -> u64| wave.map(of).map(time).unwrap_or_default();
        let reach = wave.map(|wave| match wave.reach {
            Reach::Percent(percent) => format!("{percent}%"),
            Reach::Nodes(count) => count.to_string(),
        });
        let approval = wave.is_some_and(|wave| wave.approval);
        Self {
            number,
            reach: field(&name("reach"), reach.unwrap_or_default()),
            bake: field(&name("bake"), wave_time(|wave| wave.bake_ms)),
            deadline: field(&name("deadline"), wave_time(|wave| wave.deadline_ms)),
            approval: field(&name("approval"), if approval { "on" } else { "" }),
        }
    }

    fn sent(number: usize, sent: Sent<'_>) -> Self {
        let field = |what: &str| sent.field(&format!("{what}{number}"));
        Self {
            number,
            reach: field("reach"),
            bake: field("bake"),
            deadline: field("deadline"),
            approval: field("approval"),
        }
    }
}

impl Draft {
    /// A plan as texts, with a row for one wave more.
    pub(crate) fn of_plan(deployment: &str, version: &str, plan: &RolloutPlan) -> Self {
        let rows = (plan.waves.len() + 1).min(WAVES_MAX);
        let waves = (0..rows).map(|index| WaveFields::of(index + 1, plan.waves.get(index)));
        let compare = &plan.compare;
        let bound = |bound: Option<u32>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        let back = match plan.on_failure {
            OnFailure::All => "all",
            OnFailure::Wave => "wave",
            OnFailure::Pause => "pause",
        };
        let flip_at = plan.flip_at_ms.map(|at_ms| moment(at_ms, at_ms).iso);
        let flip_at = flip_at.unwrap_or_default();
        Self {
            deployment: deployment.to_owned(),
            version: field("version", version),
            waves: waves.collect(),
            preflight: field("preflight", time(plan.preflight_ms)),
            failures: field("failures", plan.failures_max.to_string()),
            on_failure: field("on_failure", back),
            lost_ppm: field("lost_ppm", bound(compare.lost_ppm_max)),
            faults: field("faults", bound(compare.faults_per_mille_max)),
            run_time: field("run_time", bound(compare.run_time_percent_max)),
            samples: field("samples", compare.samples_min.to_string()),
            wait: field("wait", time(compare.wait_ms)),
            start_at: field("start_at", ""),
            flip_at: field("flip_at", flip_at.trim_end_matches('Z')),
            supersede: field("supersede", ""),
            others: Vec::new(),
        }
    }

    /// What a browser sent for a deployment; `None` where it is not the whole form, but a link to it.
    pub(crate) fn of_pairs(deployment: &str, pairs: &[(String, String)]) -> Option<Self> {
        let sent = Sent(pairs);
        let rows: usize = sent.text("rows").parse().ok()?;
        let more = usize::from(!sent.text("add").is_empty());
        let rows = rows.saturating_add(more).clamp(1, WAVES_MAX);
        Some(Self {
            deployment: deployment.to_owned(),
            version: sent.field("version"),
            waves: (1..=rows).map(|row| WaveFields::sent(row, sent)).collect(),
            preflight: sent.field("preflight"),
            failures: sent.field("failures"),
            on_failure: sent.field("on_failure"),
            lost_ppm: sent.field("lost_ppm"),
            faults: sent.field("faults"),
            run_time: sent.field("run_time"),
            samples: sent.field("samples"),
            wait: sent.field("wait"),
            start_at: sent.field("start_at"),
            flip_at: sent.field("flip_at"),
            supersede: sent.field("supersede"),
            others: Vec::new(),
        })
    }

    /// What the texts come to; else each mistake stands at its field.
    pub(crate) fn asked(&mut self) -> Option<StartRollout> {
        let plan = self.plan();
        let start_at_ms = at_time(&mut self.start_at);
        if self.has_mistakes() {
            return None;
        }
        Some(StartRollout {
            deployment: self.deployment.clone(),
            version: Some(self.version.value.clone()).filter(|version| !version.is_empty()),
            plan,
            start_at_ms,
            supersede: !self.supersede.value.is_empty(),
        })
    }

    fn plan(&mut self) -> Option<RolloutPlan> {
        let waves = self
            .waves
            .iter_mut()
            .filter(|wave| !wave.reach.value.is_empty());
        let waves: Vec<Option<Wave>> = waves.map(wave).collect();
        let preflight_ms = long(&mut self.preflight);
        let failures_max = number(&mut self.failures);
        let on_failure = on_failure(&mut self.on_failure);
        let lost_ppm_max = bound(&mut self.lost_ppm);
        let faults_per_mille_max = bound(&mut self.faults);
        let run_time_percent_max = bound(&mut self.run_time);
        let samples_min = number(&mut self.samples);
        let wait_ms = long(&mut self.wait);
        let flip_at_ms = at_time(&mut self.flip_at);
        Some(RolloutPlan {
            waves: waves.into_iter().collect::<Option<Vec<Wave>>>()?,
            preflight_ms: preflight_ms?,
            failures_max: failures_max?,
            on_failure: on_failure?,
            compare: Compare {
                lost_ppm_max,
                faults_per_mille_max,
                run_time_percent_max,
                samples_min: samples_min?,
                wait_ms: wait_ms?,
            },
            flip_at_ms,
        })
    }

    /// Puts what the registry says to where it belongs: `field` is a path of the API's body.
    pub(crate) fn blame(&mut self, path: Option<&str>, says: &str) {
        let path = path.unwrap_or_default();
        match self.field_of(path) {
            Some(field) => field.mistake = Some(says.to_owned()),
            None => self.others.push(says.to_owned()),
        }
    }

    fn field_of(&mut self, path: &str) -> Option<&mut Field> {
        if let Some(rest) = path.strip_prefix("plan.waves[") {
            let (index, part) = rest.split_once(']')?;
            let index: usize = index.parse().ok()?;
            let mut rows = self.waves.iter_mut();
            // Rows without a reach are no waves.
            let mut row = rows.by_ref().filter(|row| !row.reach.value.is_empty());
            let row = row.nth(index)?;
            return match part {
                ".bake_ms" => Some(&mut row.bake),
                ".deadline_ms" => Some(&mut row.deadline),
                _ => Some(&mut row.reach),
            };
        }
        match path {
            "version" | "source" => Some(&mut self.version),
            "plan.waves" => self.waves.first_mut().map(|row| &mut row.reach),
            "plan.preflight_ms" => Some(&mut self.preflight),
            "plan.failures_max" => Some(&mut self.failures),
            "plan.compare.lost_ppm_max" => Some(&mut self.lost_ppm),
            "plan.compare.faults_per_mille_max" => Some(&mut self.faults),
            "plan.compare.run_time_percent_max" => Some(&mut self.run_time),
            "plan.compare.samples_min" => Some(&mut self.samples),
            "plan.compare.wait_ms" => Some(&mut self.wait),
            "plan.flip_at_ms" => Some(&mut self.flip_at),
            "start_at_ms" => Some(&mut self.start_at),
            "deployment" => Some(&mut self.supersede),
            _ => None,
        }
    }

    /// Every mistake, in the order of the form.
    pub(crate) fn mistakes(&self) -> Vec<&str> {
        let of_waves = self
            .waves
            .iter()
            .flat_map(|wave| [&wave.reach, &wave.bake, &wave.deadline, &wave.approval].into_iter());
        let first = [&self.version].into_iter();
        let rest = [
            &self.preflight,
            &self.failures,
            &self.on_failure,
            &self.lost_ppm,
            &self.faults,
            &self.run_time,
            &self.samples,
            &self.wait,
            &self.start_at,
            &self.flip_at,
            &self.supersede,
        ];
        let fields = first.chain(of_waves).chain(rest);
        let at_fields = fields.filter_map(|field| field.mistake.as_deref());
        let others = self.others.iter().map(String::as_str);
        others.chain(at_fields).collect()
    }

    fn has_mistakes(&self) -> bool {
        !self.mistakes().is_empty()
    }
}

fn wave(row: &mut WaveFields) -> Option<Wave> {
    let (reach, bake_ms) = (reach(&mut row.reach), long_or(&mut row.bake, "1m"));
    let deadline_ms = long_or(&mut row.deadline, "10m");
    Some(Wave {
        reach: reach?,
        bake_ms: bake_ms?,
        deadline_ms: deadline_ms?,
        approval: !row.approval.value.is_empty(),
    })
}

/// As `packer` reads it: `5` nodes, or `10%`.
fn reach(field: &mut Field) -> Option<Reach> {
    let text = field.value.as_str();
    let found = match text.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse().ok().map(Reach::Percent),
        None => text.parse().ok().map(Reach::Nodes),
    };
    or_mistake(
        field,
        found,
        "is a number of nodes, such as 5, or a part, such as 10%",
    )
}

/// What a new row says nothing about is as `packer` has it.
fn long_or(field: &mut Field, usual: &str) -> Option<u64> {
    if field.value.is_empty() {
        usual.clone_into(&mut field.value);
    }
    long(field)
}

fn long(field: &mut Field) -> Option<u64> {
    let found = humantime::parse_duration(&field.value).ok();
    let found = found.and_then(|span| u64::try_from(span.as_millis()).ok());
    or_mistake(field, found, "is a time, such as 90s, 10m or 2h")
}

fn number<T: std::str::FromStr>(field: &mut Field) -> Option<T> {
    let found = field.value.parse().ok();
    or_mistake(field, found, "is a whole number")
}

/// A bound; nothing where nothing is typed.
fn bound(field: &mut Field) -> Option<u32> {
    if field.value.is_empty() {
        return None;
    }
    let number = field.value.trim_end_matches('%').parse().ok();
    or_mistake(field, number, "is a whole number, or nothing for no bound")
}

fn on_failure(field: &mut Field) -> Option<OnFailure> {
    let found = match field.value.as_str() {
        "all" => Some(OnFailure::All),
        "wave" => Some(OnFailure::Wave),
        "pause" => Some(OnFailure::Pause),
        _ => None,
    };
    or_mistake(field, found, "is all, wave or pause")
}

/// A time of day in UTC, as a browser's input sends it; nothing where nothing is typed.
fn at_time(field: &mut Field) -> Option<u64> {
    if field.value.is_empty() {
        return None;
    }
    let text = field.value.trim_end_matches(['Z', 'z']);
    let has_seconds = text.matches(':').count() > 1;
    let text = if has_seconds {
        text.to_owned()
    } else {
        format!("{text}:00")
    };
    let at = humantime::parse_rfc3339_weak(&text).ok();
    let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let found = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    or_mistake(field, found, "is a time in UTC, such as 2026-01-31T12:00")
}

fn or_mistake<T>(field: &mut Field, found: Option<T>, rule: &str) -> Option<T> {
    if found.is_none() {
        let typed: String = field.value.chars().take(40).collect();
        field.mistake = Some(format!("{typed:?} does not fit: this {rule}"));
    }
    found
}

#[cfg(test)]
#[path = "draft/tests.rs"]
mod tests;

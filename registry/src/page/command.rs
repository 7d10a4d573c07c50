//! Commands of `packer` that do what a page shows, to be copied. Called by the views of deployments and
//! of new rollouts.
//! Must never hold a word that a shell would read as anything but that word, nor lead to another plan
//! than the page's: the examples of `commands.txt` are read by the tests of `packer`, too.

use api::registry::{Compare, DeploymentSpec, OnFailure, Reach, RolloutPlan, Source, StartRollout};

use super::format::moment;

/// What a shell takes for itself without quotes.
const PLAIN: &str = "_-./:@%+=,";

/// One word of a shell (POSIX, section 2.2).
pub(super) fn word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || PLAIN.contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `packer rollout start` that asks for the same, where the deployment has this template.
pub(crate) fn start(asked: &StartRollout, template: Option<&RolloutPlan>) -> String {
    let mut words = vec!["packer rollout start".to_owned(), word(&asked.deployment)];
    if let Some(version) = &asked.version {
        words.push(format!("--version {}", word(version)));
    }
    if let Some(at_ms) = asked.start_at_ms {
        words.push(format!("--start-at {}", moment(at_ms, at_ms).iso));
    }
    if asked.supersede {
        words.push("--supersede".to_owned());
    }
    let Some(plan) = &asked.plan else {
        return words.join(" ");
    };
    if is_uneven(plan) {
        words.push("--plan -".to_owned());
        // A plan always has a JSON form, and none of its lines is the mark.
        let json = serde_json::to_string_pretty(plan).unwrap_or_default();
        return format!("{} <<'PLAN'\n{json}\nPLAN", words.join(" "));
    }
    words.extend(options(plan, template.is_some()));
    words.join(" ")
}

/// `packer deploy` that makes the same deployment.
pub(crate) fn deploy(deployment: &str, spec: &DeploymentSpec) -> String {
    let mut words = vec![
        "packer deploy".to_owned(),
        word(deployment),
        format!("--payload {}", word(&spec.payload)),
        match &spec.source {
            Source::Version(version) => format!("--version {}", word(version)),
            Source::Channel(channel) => format!("--channel {}", word(channel)),
        },
        format!("--selector {}", word(&spec.selector)),
    ];
    if let Some(instance) = &spec.instance {
        words.push(format!("--instance {}", word(instance)));
    }
    for (name, value) in &spec.globals {
        words.push(format!("--set {}", word(&format!("{name}={value}"))));
    }
    for (program, target) in &spec.targets {
        words.push(format!("--target {}", word(&format!("{program}={target}"))));
    }
    let Some(plan) = &spec.rollout else {
        return words.join(" ");
    };
    words.push("--by-rollout".to_owned());
    if is_uneven(plan) {
        words.push("--plan -".to_owned());
        let json = serde_json::to_string_pretty(plan).unwrap_or_default();
        return format!("{} <<'PLAN'\n{json}\nPLAN", words.join(" "));
    }
    words.extend(options(plan, true));
    words.join(" ")
}

/// Whether its waves have times of their own, or it flips at a time between two seconds: options say one
/// for all.
fn is_uneven(plan: &RolloutPlan) -> bool {
    let mut pairs = plan.waves.windows(2);
    let is_uneven = pairs
        .any(|two| two[0].bake_ms != two[1].bake_ms || two[0].deadline_ms != two[1].deadline_ms);
    is_uneven || plan.waves.is_empty() || plan.flip_at_ms.is_some_and(|at_ms| at_ms % 1000 != 0)
}

/// Options of a plan: those that are not the default, or all where something else would be.
struct Said {
    all: bool,
    options: Vec<String>,
}

impl Said {
    fn say(&mut self, differs: bool, option: String) {
        if self.all || differs {
            self.options.push(option);
        }
    }

    fn waves(&mut self, plan: &RolloutPlan, usual: &RolloutPlan) {
        let reaches = |plan: &RolloutPlan| -> Vec<Reach> {
            plan.waves.iter().map(|wave| wave.reach).collect()
        };
        let differs = reaches(plan) != reaches(usual) || plan.flip_at_ms.is_some();
        self.say(differs, format!("--waves {}", waves(plan)));
        if let (Some(wave), Some(usual)) = (plan.waves.first(), usual.waves.first()) {
            let (bake, deadline) = (time(wave.bake_ms), time(wave.deadline_ms));
            self.say(wave.bake_ms != usual.bake_ms, format!("--bake {bake}"));
            let differs = wave.deadline_ms != usual.deadline_ms;
            self.say(differs, format!("--deadline {deadline}"));
        }
        let waits = plan.waves.iter().any(|wave| wave.approval);
        self.say(waits, format!("--approve {}", approvals(plan)));
    }

    fn bounds(&mut self, compare: &Compare, usual: &Compare) {
        let (lost, faults) = (compare.lost_ppm_max, compare.faults_per_mille_max);
        let time_of_run = compare.run_time_percent_max;
        let bounds = [
            ("lost-ppm", lost, usual.lost_ppm_max, ""),
            ("faults", faults, usual.faults_per_mille_max, ""),
            ("run-time", time_of_run, usual.run_time_percent_max, "%"),
        ];
        for (option, bound, usual, unit) in bounds {
            let text = bound.map_or_else(|| "off".to_owned(), |bound| format!("{bound}{unit}"));
            self.say(bound != usual, format!("--{option} {text}"));
        }
        let samples = compare.samples_min;
        self.say(samples != usual.samples_min, format!("--samples {samples}"));
        let wait = time(compare.wait_ms);
        self.say(compare.wait_ms != usual.wait_ms, format!("--wait {wait}"));
    }
}

fn options(plan: &RolloutPlan, all: bool) -> Vec<String> {
    let usual = RolloutPlan::default();
    let options = Vec::new();
    let mut said = Said { all, options };
    said.waves(plan, &usual);
    let preflight = time(plan.preflight_ms);
    let differs = plan.preflight_ms != usual.preflight_ms;
    said.say(differs, format!("--preflight {preflight}"));
    let failures = plan.failures_max;
    said.say(
        failures != usual.failures_max,
        format!("--failures {failures}"),
    );
    let back = match plan.on_failure {
        OnFailure::All => "all",
        OnFailure::Wave => "wave",
        OnFailure::Pause => "pause",
    };
    let differs = plan.on_failure != usual.on_failure;
    said.say(differs, format!("--on-failure {back}"));
    said.bounds(&plan.compare, &usual.compare);
    if let Some(at_ms) = plan.flip_at_ms {
        let at = moment(at_ms, at_ms).iso;
        said.say(true, format!("--flip-at {at}"));
    }
    said.options
}

/// `1,10%,100%`.
fn waves(plan: &RolloutPlan) -> String {
    let waves = plan.waves.iter().map(|wave| match wave.reach {
        Reach::Percent(percent) => format!("{percent}%"),
        Reach::Nodes(count) => count.to_string(),
    });
    waves.collect::<Vec<String>>().join(",")
}

fn approvals(plan: &RolloutPlan) -> String {
    let numbers = plan.waves.iter().enumerate();
    let numbers = numbers.filter(|(_, wave)| wave.approval);
    let numbers: Vec<String> = numbers.map(|(index, _)| (index + 1).to_string()).collect();
    match numbers.len() {
        0 => "none".to_owned(),
        count if count == plan.waves.len() => "each".to_owned(),
        _ => numbers.join(","),
    }
}

/// As `humantime` reads it.
pub(super) fn time(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    let exact = UNITS
        .iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    match exact {
        Some((unit, word)) => format!("{}{word}", ms / unit),
        None if ms == 0 => "0s".to_owned(),
        None => format!("{ms}ms"),
    }
}

#[cfg(test)]
#[path = "command/tests.rs"]
mod tests;

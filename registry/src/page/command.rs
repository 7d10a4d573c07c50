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

/// The options of a plan: those that are not the default, or all where something else would be.
fn options(plan: &RolloutPlan, all: bool) -> Vec<String> {
    let usual = RolloutPlan::default();
    let mut options = Vec::new();
    let mut say = |differs: bool, option: String| {
        if all || differs {
            options.push(option);
        }
    };
    let reaches =
        |plan: &RolloutPlan| -> Vec<Reach> { plan.waves.iter().map(|wave| wave.reach).collect() };
    let (wave, usual_wave) = (plan.waves.first(), usual.waves.first());
    say(
        reaches(plan) != reaches(&usual) || plan.flip_at_ms.is_some(),
        format!("--waves {}", waves(plan)),
    );
    if let (Some(wave), Some(usual)) = (wave, usual_wave) {
        say(
            wave.bake_ms != usual.bake_ms,
            format!("--bake {}", time(wave.bake_ms)),
        );
        say(
            wave.deadline_ms != usual.deadline_ms,
            format!("--deadline {}", time(wave.deadline_ms)),
        );
    }
    say(
        plan.waves.iter().any(|wave| wave.approval),
        format!("--approve {}", approvals(plan)),
    );
    say(
        plan.preflight_ms != usual.preflight_ms,
        format!("--preflight {}", time(plan.preflight_ms)),
    );
    say(
        plan.failures_max != usual.failures_max,
        format!("--failures {}", plan.failures_max),
    );
    let back = match plan.on_failure {
        OnFailure::All => "all",
        OnFailure::Wave => "wave",
        OnFailure::Pause => "pause",
    };
    say(
        plan.on_failure != usual.on_failure,
        format!("--on-failure {back}"),
    );
    options.extend(bounds(&plan.compare, all));
    if let Some(at_ms) = plan.flip_at_ms {
        options.push(format!("--flip-at {}", moment(at_ms, at_ms).iso));
    }
    options
}

/// Those of what its gates compare.
fn bounds(compare: &Compare, all: bool) -> Vec<String> {
    let usual = Compare::default();
    let mut options = Vec::new();
    let mut say = |differs: bool, option: String| {
        if all || differs {
            options.push(option);
        }
    };
    let bounds = [
        ("lost-ppm", compare.lost_ppm_max, usual.lost_ppm_max, ""),
        (
            "faults",
            compare.faults_per_mille_max,
            usual.faults_per_mille_max,
            "",
        ),
        (
            "run-time",
            compare.run_time_percent_max,
            usual.run_time_percent_max,
            "%",
        ),
    ];
    for (option, bound, usual, unit) in bounds {
        let text = bound.map_or_else(|| "off".to_owned(), |bound| format!("{bound}{unit}"));
        say(bound != usual, format!("--{option} {text}"));
    }
    say(
        compare.samples_min != usual.samples_min,
        format!("--samples {}", compare.samples_min),
    );
    say(
        compare.wait_ms != usual.wait_ms,
        format!("--wait {}", time(compare.wait_ms)),
    );
    options
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

//! One instance on a node: what runs, what should, why, how fast it counts, who pinned it. Made by the
//! page of a node. Must never promise more than the explanation says.

use api::node::{InstanceState, Measured, Trust};
use api::registry::{Explanation, InstanceRate, InstanceReport, Pin, Wanted};

use super::super::format::{Moment, grouped, moment};
use super::super::visible::visible;
use super::measured;

/// An instance.
pub(crate) struct InstanceDetail {
    pub(super) name: String,
    pub(super) runs: Option<Runs>,
    pub(super) given: Option<Given>,
    /// Sentences.
    pub(super) because: Vec<String>,
    /// The verifier's own words about what it was to run.
    pub(super) log: Option<String>,
    pub(super) pin: Option<PinView>,
    /// The form that pins it, where a deployment gives it something.
    pub(super) form: Option<PinForm>,
}

/// What runs.
pub(super) struct Runs {
    pub(super) payload: String,
    pub(super) version: Option<String>,
    pub(super) digest: String,
    pub(super) generation: u64,
    pub(super) state: &'static str,
    /// What else is to be known of it: a class and a word.
    pub(super) marks: Vec<(&'static str, &'static str)>,
    pub(super) started: Moment,
    /// Words and numbers.
    pub(super) counts: Vec<(&'static str, String)>,
    pub(super) rate: String,
    pub(super) is_losing: bool,
    /// A release of this registry has a page.
    pub(super) is_release: bool,
}

/// What it should run.
pub(super) struct Given {
    pub(super) payload: String,
    pub(super) version: String,
    pub(super) deployment: String,
    pub(super) rollout: Option<u64>,
}

/// A pin.
pub(crate) struct PinView {
    pub(super) deployment: String,
    pub(super) version: String,
    pub(super) reason: String,
    pub(super) set: Moment,
    pub(super) by: String,
}

/// The form that pins a node.
pub(super) struct PinForm {
    pub(super) deployment: String,
    pub(super) version: String,
    pub(super) reason: String,
    /// What a mistake calls its fields.
    pub(super) version_field: String,
    pub(super) reason_field: String,
    pub(super) is_open: bool,
}

/// What was typed into it.
#[derive(Debug, Default)]
pub(crate) struct PinTyped {
    /// For which deployment.
    pub(crate) deployment: String,
    pub(crate) version: String,
    pub(crate) reason: String,
}

impl InstanceDetail {
    /// What is said of an instance, with how fast it counts and the pins of its node.
    pub(crate) fn of(
        explanation: Explanation,
        rates: &[InstanceRate],
        pins: &[Pin],
        typed: &PinTyped,
        now_ms: u64,
    ) -> Self {
        let Explanation {
            instance,
            wanted,
            running,
            latest,
            because,
        } = explanation;
        let rate = rates.iter().find(|rate| rate.instance == instance);
        let deployment = wanted.as_ref().map(|wanted| wanted.deployment.clone());
        let pin = deployment.as_ref().and_then(|deployment| {
            let mut pins = pins.iter();
            pins.find(|pin| pin.deployment == *deployment)
        });
        Self {
            runs: running.map(|report| Runs::of(&report, rate, now_ms)),
            given: wanted.map(Given::of),
            because: because.iter().map(|sentence| visible(sentence)).collect(),
            log: latest.and_then(|latest| latest.problem?.log.as_deref().map(visible)),
            pin: pin.map(|pin| PinView::of(pin, now_ms)),
            form: deployment.map(|deployment| PinForm::of(deployment, typed)),
            name: visible(&instance),
        }
    }

    /// What a mistake calls the fields of its form.
    pub(super) fn fields(&self) -> Option<[&str; 2]> {
        let form = self.form.as_ref()?;
        Some([&form.version_field, &form.reason_field])
    }

    /// Whether a pin is shown with it.
    pub(crate) fn has_pin(&self, pin: &Pin) -> bool {
        let shown = self.pin.as_ref();
        shown.is_some_and(|shown| shown.deployment == pin.deployment)
    }
}

impl Runs {
    fn of(report: &InstanceReport, rate: Option<&InstanceRate>, now_ms: u64) -> Self {
        let since = &report.since_flip;
        let mut counts = vec![
            ("events", grouped(report.counts.accepted)),
            ("decoded", grouped(report.counts.decoded)),
            ("malformed", grouped(report.counts.malformed)),
            ("lost in the kernel", measured(report.counts.kernel_lost)),
            ("since the flip", grouped(since.accepted)),
            ("handler faults since then", grouped(since.handler_faults)),
        ];
        if let Some(mean_ns) = since.run_ns.checked_div(since.runs) {
            counts.push((
                "mean run of its programs",
                format!("{} ns", grouped(mean_ns)),
            ));
        }
        let marks = [
            (report.watched, ("badge", "watched")),
            (!report.managed, ("badge", "started on the node")),
            (
                !matches!(report.trust, Trust::Signed),
                ("state unsigned", "unsigned"),
            ),
        ];
        let marks = marks.into_iter().filter(|(is_so, _)| *is_so);
        let marks = marks.map(|(_, mark)| mark).collect();
        Self {
            rate: match rate {
                Some(rate) => measured_rate(rate),
                None => mean_rate(report, now_ms),
            },
            is_losing: rate.is_some_and(|rate| {
                !matches!(rate.kernel_lost, Measured::Known(0) | Measured::Unknown)
            }),
            is_release: report.managed && report.version.is_some(),
            payload: visible(&report.payload),
            version: report.version.as_deref().map(visible),
            digest: visible(&report.digest),
            generation: report.generation,
            state: match report.state {
                InstanceState::Running => "running",
                InstanceState::Paused => "paused",
            },
            marks,
            started: moment(report.started_ms, now_ms),
            counts,
        }
    }
}

/// What came between its last two reports.
fn measured_rate(rate: &InstanceRate) -> String {
    let events = per_second(rate.accepted, rate.over_ms);
    let over_s = rate.over_ms.div_ceil(1000);
    let lost = match rate.kernel_lost {
        Measured::Known(0) => "none lost".to_owned(),
        Measured::Known(lost) => format!("{} a second lost", per_second(lost, rate.over_ms)),
        Measured::Unknown => "losses unknown".to_owned(),
    };
    format!("{events} events a second between its last two reports, {over_s} s apart; {lost}")
}

/// Where there is nothing to compare yet.
fn mean_rate(report: &InstanceReport, now_ms: u64) -> String {
    let run_ms = now_ms.saturating_sub(report.started_ms);
    if run_ms < 1000 {
        return "not known yet".to_owned();
    }
    let events = per_second(report.counts.accepted, run_ms);
    format!("{events} events a second on the mean since it was started")
}

/// With one digit behind the point where there are few.
fn per_second(count: u64, over_ms: u64) -> String {
    let tenths = u128::from(count) * 10_000 / u128::from(over_ms.max(1));
    let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
    if tenths == 0 && count > 0 {
        return "fewer than 0.1".to_owned();
    }
    if tenths >= 1000 || tenths.is_multiple_of(10) {
        return grouped(tenths / 10);
    }
    format!("{}.{}", tenths / 10, tenths % 10)
}

impl Given {
    fn of(wanted: Wanted) -> Self {
        Self {
            payload: wanted.payload,
            version: wanted.version,
            deployment: wanted.deployment,
            rollout: wanted.rollout.map(|by| by.id),
        }
    }
}

impl PinView {
    /// A pin as it is now.
    pub(crate) fn of(pin: &Pin, now_ms: u64) -> Self {
        Self {
            deployment: pin.deployment.clone(),
            version: pin.version.clone(),
            reason: visible(&pin.reason),
            set: moment(pin.set_ms, now_ms),
            by: pin.set_by.clone(),
        }
    }
}

impl PinForm {
    fn of(deployment: String, typed: &PinTyped) -> Self {
        let is_open = typed.deployment == deployment;
        let kept = |text: &String| {
            if is_open { text.clone() } else { String::new() }
        };
        Self {
            version: kept(&typed.version),
            reason: kept(&typed.reason),
            version_field: format!("{deployment}-version"),
            reason_field: format!("{deployment}-reason"),
            is_open,
            deployment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_digit_behind_the_point_where_they_are_small() {
        for (count, over_ms, text) in [
            (0, 30_000, "0"),
            (1, 300_000, "fewer than 0.1"),
            (3, 30_000, "0.1"),
            (45, 30_000, "1.5"),
            (60, 30_000, "2"),
            (3_000_000, 30_000, "100\u{202f}000"),
            (
                u64::MAX,
                0,
                "1\u{202f}844\u{202f}674\u{202f}407\u{202f}370\u{202f}955\u{202f}161",
            ),
        ] {
            assert_eq!(per_second(count, over_ms), text, "{count} in {over_ms} ms");
        }
    }
}

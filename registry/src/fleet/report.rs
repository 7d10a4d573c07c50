//! The rules for what a node tells: bounds of facts, labels, instances and outcomes; and how it is
//! written where it is kept. Called by the routes of nodes before anything is kept.
//! Must never change what was told but for shortening a log.

use api::registry::{Facts, INSTANCES_MAX, OUTCOMES_MAX, Outcome, Reports};
use payload::digest::{Digest, DigestError};
use payload::name::{Excerpt, InstanceName, NameError};
use serde::Serialize;

use super::selector::{OWN_KEYS, is_key};
use crate::limits::{LABEL_BYTES_MAX, NODE_LABELS_MAX};

/// One text of the facts, a version or the name of a payload, bytes.
const TEXT_BYTES_MAX: usize = 256;
/// The log of a refusal, bytes; the end of a verifier's log says what is wrong.
const LOG_BYTES_MAX: usize = 32 << 10;
/// An outcome as JSON, its log shortened, bytes.
const OUTCOME_BYTES_MAX: usize = 256 << 10;

/// Why something a node tells is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// More than the bound.
    #[error("{field} has {found} entries, at most {max} are allowed")]
    TooMany {
        /// Which list.
        field: &'static str,
        /// How many there are.
        found: usize,
        /// The bound.
        max: usize,
    },
    /// A text that is too long or acts on a terminal.
    #[error(
        "{field} is {text:?} ({bytes} bytes): at most {bytes_max} bytes without control characters are allowed"
    )]
    Text {
        /// Which text.
        field: String,
        /// What was given.
        text: Excerpt,
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// A label's name that no selector could name.
    #[error("label {key:?} is not 1 to {LABEL_BYTES_MAX} of [A-Za-z0-9._/-]")]
    LabelKey {
        /// The name.
        key: Excerpt,
    },
    /// A label that would pass for the node's own.
    #[error(
        "label {key:?}: a selector reads that of the node itself, so no label may be called so"
    )]
    OwnKey {
        /// The name.
        key: Excerpt,
    },
    /// Not the name of an instance.
    #[error("{field}: {reason}")]
    Instance {
        /// Where.
        field: String,
        /// Why.
        reason: NameError,
    },
    /// Not a digest.
    #[error("{field}: {reason}")]
    Digest {
        /// Where.
        field: String,
        /// Why.
        reason: DigestError,
    },
    /// Not what JSON can say.
    #[error("{field} can't be written as JSON: {reason}")]
    Json {
        /// Where.
        field: String,
        /// Why.
        reason: serde_json::Error,
    },
    /// Larger than the bound.
    #[error("{field} has {bytes} bytes as JSON, at most {OUTCOME_BYTES_MAX} are allowed")]
    OutcomeTooLong {
        /// Where.
        field: String,
        /// Its length.
        bytes: usize,
    },
}

/// A batch that keeps the rules. Its texts are made here, since many batches come at one time, and
/// are kept one after the other.
#[derive(Debug, PartialEq)]
pub(crate) struct Checked {
    /// What was told, its logs shortened.
    pub(crate) reports: Reports,
    /// Its facts as JSON.
    pub(crate) facts: String,
    /// Its instances as JSON.
    pub(crate) instances: String,
    /// Each of its outcomes as JSON.
    pub(crate) outcomes: Vec<String>,
}

impl ReportError {
    /// The path of the field that breaks the rule.
    pub(crate) fn field(&self) -> &str {
        match self {
            Self::TooMany { field, .. } => field,
            Self::Text { field, .. }
            | Self::Instance { field, .. }
            | Self::Digest { field, .. }
            | Self::Json { field, .. }
            | Self::OutcomeTooLong { field, .. } => field,
            Self::LabelKey { .. } | Self::OwnKey { .. } => "facts.labels",
        }
    }
}

/// Checks facts.
///
/// # Errors
/// What breaks a rule.
pub(crate) fn check_facts(facts: &Facts) -> Result<(), ReportError> {
    for (field, value) in [
        ("facts.kernel", &facts.kernel),
        ("facts.arch", &facts.arch),
        ("facts.os", &facts.os),
        ("facts.version", &facts.version),
    ] {
        text(field, value, TEXT_BYTES_MAX)?;
    }
    at_most("facts.labels", facts.labels.len(), NODE_LABELS_MAX)?;
    for (key, value) in &facts.labels {
        if key.is_empty() || key.len() > LABEL_BYTES_MAX || !key.chars().all(is_key) {
            return Err(ReportError::LabelKey {
                key: Excerpt::of(key),
            });
        }
        if OWN_KEYS.contains(&key.as_str()) {
            return Err(ReportError::OwnKey {
                key: Excerpt::of(key),
            });
        }
        text(&format!("facts.labels.{key}"), value, LABEL_BYTES_MAX)?;
    }
    Ok(())
}

/// Checks a batch, shortens the logs in it, and writes what is kept.
///
/// # Errors
/// What breaks a rule.
pub(crate) fn check(mut reports: Reports) -> Result<Checked, ReportError> {
    check_facts(&reports.facts)?;
    at_most("instances", reports.instances.len(), INSTANCES_MAX)?;
    for (index, report) in reports.instances.iter().enumerate() {
        let at = format!("instances[{index}]");
        named(&at, &report.instance, &report.digest)?;
        text(&format!("{at}.payload"), &report.payload, TEXT_BYTES_MAX)?;
        let version = report.version.as_deref().unwrap_or_default();
        text(&format!("{at}.version"), version, TEXT_BYTES_MAX)?;
    }
    at_most("outcomes", reports.outcomes.len(), OUTCOMES_MAX)?;
    let outcomes = reports.outcomes.iter_mut().enumerate();
    let outcomes = outcomes.map(|(index, one)| check_outcome(&format!("outcomes[{index}]"), one));
    let outcomes = outcomes.collect::<Result<_, _>>()?;
    Ok(Checked {
        facts: json("facts", &reports.facts)?,
        instances: json("instances", &reports.instances)?,
        outcomes,
        reports,
    })
}

fn json(field: &str, value: &impl Serialize) -> Result<String, ReportError> {
    serde_json::to_string(value).map_err(|reason| ReportError::Json {
        field: field.to_owned(),
        reason,
    })
}

/// Gives it as JSON.
fn check_outcome(at: &str, outcome: &mut Outcome) -> Result<String, ReportError> {
    named(at, &outcome.instance, &outcome.digest)?;
    text(&format!("{at}.payload"), &outcome.payload, TEXT_BYTES_MAX)?;
    let version = outcome.version.as_deref().unwrap_or_default();
    text(&format!("{at}.version"), version, TEXT_BYTES_MAX)?;
    if let Some(log) = outcome
        .problem
        .as_mut()
        .and_then(|problem| problem.log.as_mut())
        && log.len() > LOG_BYTES_MAX
    {
        let cut = log.ceil_char_boundary(log.len() - LOG_BYTES_MAX);
        *log = format!("(the first {cut} bytes are left out)\n{}", &log[cut..]);
    }
    let json = json(at, outcome)?;
    let bytes = json.len();
    if bytes > OUTCOME_BYTES_MAX {
        return Err(ReportError::OutcomeTooLong {
            field: at.to_owned(),
            bytes,
        });
    }
    Ok(json)
}

fn named(at: &str, instance: &str, digest: &str) -> Result<(), ReportError> {
    let instance: Result<InstanceName, _> = instance.parse();
    let digest: Result<Digest, _> = digest.parse();
    if let Err(reason) = instance {
        return Err(ReportError::Instance {
            field: format!("{at}.instance"),
            reason,
        });
    }
    if let Err(reason) = digest {
        return Err(ReportError::Digest {
            field: format!("{at}.digest"),
            reason,
        });
    }
    Ok(())
}

fn at_most(field: &'static str, found: usize, max: usize) -> Result<(), ReportError> {
    if found > max {
        Err(ReportError::TooMany { field, found, max })
    } else {
        Ok(())
    }
}

fn text(field: &str, text: &str, bytes_max: usize) -> Result<(), ReportError> {
    if text.len() <= bytes_max && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ReportError::Text {
        field: field.to_owned(),
        text: Excerpt::of(text),
        bytes: text.len(),
        bytes_max,
    })
}

#[cfg(test)]
#[path = "report/tests.rs"]
mod tests;

//! `packer audit`: who changed what. Called by `main`.
//! Must never show text of the registry unescaped: whoever was refused chose some of it.

use api::registry::{AuditEntry, AuditLog};

use crate::cli::AuditArguments;
use crate::envelope;
use crate::failure::Failure;
use crate::moment;
use crate::output;
use crate::registry::Registry;
use crate::table::{Text, row};

/// The longest `before` and `after` of a line, letters.
const CHANGE_CHARS_MAX: usize = 100;

/// Shows a page.
pub(crate) fn run(arguments: &AuditArguments) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let mut log = registry.ask(registry.client().audit(arguments.before))?;
    shorten(&mut log, arguments.limit as usize);
    output::shown(arguments.json, &log, || text(&log.entries))?;
    if let (Some(next), false) = (log.next, arguments.json) {
        output::note(&format!("there is more: packer audit --before {next}"));
    }
    Ok(())
}

/// Cuts a page to so many entries, and says where the next one begins.
fn shorten(log: &mut AuditLog, limit: usize) {
    if log.entries.len() > limit {
        log.entries.truncate(limit);
        log.next = log.entries.last().map(|entry| entry.id);
    }
}

fn text(entries: &[AuditEntry]) -> String {
    let names = ["id", "when", "who", "what", "subject", "change"];
    let rows = entries.iter().map(|entry| {
        row([
            &entry.id.to_string(),
            &moment::utc(entry.at_ms),
            &entry.who,
            &entry.what,
            envelope::short(&entry.subject),
            &change(entry),
        ])
    });
    let mut text = Text::default();
    text.table(names, rows.collect());
    text.into_string()
}

fn change(entry: &AuditEntry) -> String {
    let shown = |value: &serde_json::Value| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let mut kept: String = text.chars().take(CHANGE_CHARS_MAX).collect();
        if kept.len() < text.len() {
            kept.push('…');
        }
        kept
    };
    match (&entry.before, &entry.after) {
        (None, None) => String::new(),
        (None, Some(after)) => shown(after),
        (Some(before), None) => format!("{} → gone", shown(before)),
        (Some(before), Some(after)) => format!("{} → {}", shown(before), shown(after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_page_says_where_the_next_one_begins() {
        let entry = |id| AuditEntry {
            id,
            at_ms: 0,
            who: "ci".to_owned(),
            what: "release.publish".to_owned(),
            subject: "acme/x@1.0.0".to_owned(),
            before: None,
            after: None,
            request: "r".to_owned(),
        };
        let mut log = AuditLog {
            entries: vec![entry(9), entry(8), entry(7)],
            next: None,
        };
        shorten(&mut log, 3);
        assert_eq!((log.entries.len(), log.next), (3, None));
        shorten(&mut log, 2);
        assert_eq!((log.entries.len(), log.next), (2, Some(8)));
    }
}

//! Compares the commands that ran with the events that came. Called by `demo`.
//! Must never be content with sums: one missed and one seen twice would cancel out.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::commands::Ran;
use super::events::Seen;
use crate::output;

/// How often each command was seen to start and to end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Account {
    once: usize,
    missed: Vec<String>,
    repeated: Vec<String>,
}

/// Prints the account of starts and of ends.
///
/// # Errors
/// When a command was missed or seen twice, or the node counts anything lost.
pub(crate) fn check(ran: &[Ran], seen: &[Seen], instance: &Value) -> Result<()> {
    let starts = settle(
        ran.iter().map(|ran| ran.args.clone()),
        events(seen, "EXEC", started),
    );
    let ends = settle(ran.iter().map(end_of), events(seen, "EXIT", ended));
    for (what, account) in [("starts", &starts), ("ends", &ends)] {
        output::line(&format!(
            "{what}: {} commands ran, {} seen exactly once, {} missed, {} seen twice",
            ran.len(),
            account.once,
            account.missed.len(),
            account.repeated.len()
        ));
    }
    for generation in [1, 2] {
        let count = seen
            .iter()
            .filter(|seen| seen.generation() == generation)
            .count();
        ensure!(count > 0, "generation {generation} told of nothing");
        output::line(&format!("generation {generation} told of {count} events"));
    }
    let counts = &instance["counts"];
    output::line(&format!("the node's own counts: {counts}"));
    for account in [&starts, &ends] {
        if let Some(wrong) = account.missed.iter().chain(&account.repeated).next() {
            bail!("not every command was seen exactly once; the first: {wrong}");
        }
    }
    for count in ["malformed", "kernel_lost"] {
        ensure!(
            counts[count] == 0,
            "the node counts {count} = {}",
            counts[count]
        );
    }
    Ok(())
}

fn events(seen: &[Seen], kind: &'static str, key: fn(&Seen) -> String) -> HashMap<String, usize> {
    let mut count = HashMap::new();
    for seen in seen.iter().filter(|seen| seen.kind() == kind) {
        *count.entry(key(seen)).or_insert(0) += 1;
    }
    count
}

fn started(seen: &Seen) -> String {
    seen.text("args").to_owned()
}

fn ended(seen: &Seen) -> String {
    format!(
        "{} {}",
        seen.number("pid").unwrap_or(0),
        seen.number("exit_code").unwrap_or(u64::MAX)
    )
}

fn end_of(ran: &Ran) -> String {
    format!("{} {}", ran.pid, ran.exit_code)
}

fn settle(expected: impl Iterator<Item = String>, mut seen: HashMap<String, usize>) -> Account {
    let mut account = Account::default();
    for key in expected {
        match seen.remove(&key) {
            Some(1) => account.once += 1,
            Some(_) => account.repeated.push(key),
            None => account.missed.push(key),
        }
    }
    account
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_missed_and_one_repeated_do_not_cancel_out() {
        let expected = ["a", "b", "c"].map(str::to_owned);
        let seen = HashMap::from([
            ("a".to_owned(), 1),
            ("b".to_owned(), 2),
            ("x".to_owned(), 1),
        ]);
        let account = settle(expected.into_iter(), seen);
        assert_eq!(account.once, 1);
        assert_eq!(
            (account.missed, account.repeated),
            (vec!["c".to_owned()], vec!["b".to_owned()])
        );
    }
}

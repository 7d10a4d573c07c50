//! `packer events`: what an instance puts out on its node, as it comes. Called by `main`.
//! Must never print a letter of a node that acts on a terminal, nor hide that events were skipped.

use std::fmt::Write as _;

use api::registry::LiveEvents;

use crate::cli::EventsArguments;
use crate::failure::Failure;
use crate::output::{self, unprinted};
use crate::registry::Registry;
use crate::table::is_hidden;

/// Prints each as a line of JSON, until nobody reads them or the registry says no.
pub(crate) fn run(arguments: &EventsArguments) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let (node, instance) = (arguments.node.as_str(), arguments.instance.as_str());
    loop {
        let viewed = registry.client().view_events(node, instance);
        let mut viewed = registry.ask(viewed)?;
        // The registry ends it after some minutes, and looks the token up again when it is asked to
        // go on.
        while let Some(batch) = registry.ask(viewed.next())? {
            if batch.skipped > 0 {
                let skipped = batch.skipped;
                output::note(&format!("{skipped} events skipped: too many, or too long"));
            }
            if !output::part(lines(&batch).as_bytes()).map_err(unprinted)? {
                return Ok(());
            }
        }
    }
}

/// A line for each; JSON has an escape for every letter that must not be seen as it is.
fn lines(batch: &LiveEvents) -> String {
    let mut text = String::new();
    for one in &batch.events {
        for letter in one.event.get().chars() {
            if is_hidden(letter) {
                // Writing to a text never fails. All of them have four digits.
                let _ = write!(text, "\\u{:04x}", u32::from(letter));
            } else {
                text.push(letter);
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_of_the_same_json_that_acts_on_nothing() {
        let batch = "{\"instance\":\"x\",\"skipped\":0,\"events\":[{\"at_ms\":1,\"event\":\
                     {\"a\":\"\u{7f}\u{202e}\u{e9}\\n\"}},{\"at_ms\":2,\"event\":[1, 2]}]}";
        let batch: LiveEvents = serde_json::from_str(batch).unwrap();
        let printed = lines(&batch);
        assert_eq!(printed, "{\"a\":\"\\u007f\\u202e\u{e9}\\n\"}\n[1, 2]\n");
        let first: serde_json::Value =
            serde_json::from_str(printed.lines().next().unwrap()).unwrap();
        assert_eq!(first["a"], "\u{7f}\u{202e}\u{e9}\n");
    }
}

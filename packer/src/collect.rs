//! `packer collect`: bytes that nothing refers to leave the registry. Called by `main`.
//! Must never decide what may go: the registry does.

use api::registry::Collected;

use crate::cli::CollectArguments;
use crate::failure::Failure;
use crate::moment;
use crate::output;
use crate::registry::Registry;

/// Removes them, or says which would go.
pub(crate) fn run(arguments: &CollectArguments) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let collected = registry.ask(registry.client().collect(arguments.dry_run))?;
    Ok(output::shown(arguments.json, &collected, || {
        text(&collected)
    })?)
}

fn text(collected: &Collected) -> String {
    let done = if collected.dry_run {
        "would go"
    } else {
        "are gone"
    };
    let (count, size) = (collected.digests.len(), moment::size(collected.bytes));
    let sum = format!("blobs that {done}: {count}, {size}");
    let digests = collected.digests.iter().map(String::as_str);
    let lines: Vec<&str> = digests.chain([sum.as_str()]).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_told_apart_from_what_would_go() {
        let mut collected = Collected {
            dry_run: true,
            digests: vec!["sha256:ab".to_owned()],
            bytes: 2048,
        };
        assert_eq!(
            text(&collected),
            "sha256:ab\nblobs that would go: 1, 2.00 KiB\n"
        );
        collected.dry_run = false;
        assert!(text(&collected).ends_with("blobs that are gone: 1, 2.00 KiB\n"));
    }
}

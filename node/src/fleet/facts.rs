//! What the node tells about itself: kernel, architecture, distribution, CPUs, labels.
//! Read for enrolment and for each report.
//! Must never fail because a file is not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use api::registry::Facts;

use crate::kernel;

/// Most bytes of a fact.
const FACT_BYTES_MAX: usize = 256;

/// The facts, with the operator's labels, and whether it lets others view events.
pub(crate) fn facts(labels: &BTreeMap<String, String>, shares_events: bool) -> Facts {
    Facts {
        kernel: line("/proc/sys/kernel/osrelease"),
        arch: std::env::consts::ARCH.to_owned(),
        btf: Path::new(kernel::vmlinux::KERNEL_BTF).exists(),
        os: os_name(&fs::read_to_string("/etc/os-release").unwrap_or_default()),
        cpus: cpus(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        labels: labels.clone(),
        shares_events,
    }
}

/// How many CPUs are online; 1 where nobody says.
pub(crate) fn cpus() -> u32 {
    let online = kernel::sys::online_cpus().map_or(1, |cpus| cpus.len());
    u32::try_from(online).unwrap_or(1)
}

/// The host's name in the letters of a node's name, for a node that nobody named.
pub(crate) fn host_name() -> String {
    named(&line("/proc/sys/kernel/hostname"))
}

fn named(host: &str) -> String {
    const LETTERS_MAX: usize = payload::limits::INSTANCE_NAME_BYTES_MAX;
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() || "_.-".contains(letter) {
            letter
        } else {
            '-'
        }
    };
    let name: String = host.chars().map(letter).collect();
    let name = name.trim_start_matches(|first: char| !first.is_ascii_alphanumeric());
    let name: String = name.chars().take(LETTERS_MAX).collect();
    if name.is_empty() {
        "node".to_owned()
    } else {
        name
    }
}

fn line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    short(text.trim())
}

fn short(text: &str) -> String {
    let printable = text.chars().filter(|letter| !letter.is_control());
    printable.take(FACT_BYTES_MAX / 4).collect()
}

/// `PRETTY_NAME` of os-release(5).
fn os_name(text: &str) -> String {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix("PRETTY_NAME="));
    let value = values.next().unwrap_or_default();
    short(value.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_those_of_this_machine() {
        let labels: BTreeMap<_, _> = [("env".to_owned(), "prod".to_owned())].into();
        let facts = facts(&labels, true);
        assert!(!facts.kernel.is_empty() && facts.cpus >= 1, "{facts:?}");
        assert_eq!(facts.labels, labels);
    }

    #[test]
    fn a_distribution_and_a_host_are_named_in_plain_letters() {
        assert_eq!(
            os_name("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"),
            "Debian GNU/Linux 12"
        );
        assert_eq!(os_name("PRETTY_NAME='a\u{1b}[2J'"), "a[2J");
        assert_eq!(os_name(""), "");
        assert_eq!(named("web-7.example.org"), "web-7.example.org");
        assert_eq!(named("-über host"), "ber-host");
        assert_eq!(named(""), "node");
        assert!(
            named(&"x".repeat(200))
                .parse::<payload::name::InstanceName>()
                .is_ok()
        );
    }
}

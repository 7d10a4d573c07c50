//! How a field is shown where its type alone does not tell: by a declaration in the source, else by
//! its name. Called by the layout only. Must never change how many bytes a field takes.

use std::collections::BTreeMap;

use crate::btf::{Btf, Kind, Type, TypeId};
use crate::histogram::{Scale, TAG_PREFIX};

/// A way to show a field that its type does not imply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Four bytes in network order.
    Ipv4,
    /// Sixteen bytes in network order.
    Ipv6,
    /// Bytes as text up to NUL.
    Text,
    /// Bytes as NUL-separated words.
    Words,
    /// Bytes as hex digits, an integer as `0x…`.
    Hex,
    /// Plain numbers: of an enumeration, of an address, of each byte.
    Number,
}

impl Rule {
    const ALL: [Rule; 6] = [
        Rule::Ipv4,
        Rule::Ipv6,
        Rule::Text,
        Rule::Words,
        Rule::Hex,
        Rule::Number,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Rule::Ipv4 => "ipv4",
            Rule::Ipv6 => "ipv6",
            Rule::Text => "text",
            Rule::Words => "words",
            Rule::Hex => "hex",
            Rule::Number => "number",
        }
    }

    pub(super) fn named(name: &str) -> Option<Rule> {
        Rule::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// The tags `marrow:…` of all members: (struct, member from 0) to what follows the prefix. Those of
/// histograms say what the numbers mean, not how they are shown.
pub(super) fn tags(btf: &Btf) -> BTreeMap<(TypeId, usize), &str> {
    let tag = |id| match btf.type_at(id) {
        Type::DeclTag { of, component } => {
            let member = usize::try_from(component?).ok()?;
            let rule = btf.name(id).strip_prefix(TAG_PREFIX)?;
            Scale::named(rule).is_none().then_some(((of, member), rule))
        }
        _ => None,
    };
    btf.ids()
        .filter(|&id| btf.kind(id) == Kind::DeclTag)
        .filter_map(tag)
        .collect()
}

/// Whether a field of this name, if it has 4 or 16 unsigned bytes, is an IP address: the last word
/// is one of the usual ones, a version behind it is ignored (`saddr`, `remote_addr`, `daddr_v6`,
/// `src_ip`, `ip4`).
pub(super) fn names_address(name: &str) -> bool {
    const WORDS: [&str; 9] = [
        "addr", "saddr", "daddr", "laddr", "raddr", "ipaddr", "ip", "sip", "dip",
    ];
    let bare = name.trim_end_matches(['4', '6']);
    let bare = bare.strip_suffix('v').unwrap_or(bare);
    let bare = bare.strip_suffix('_').unwrap_or(bare);
    let last = bare.rsplit('_').next().unwrap_or(bare);
    WORDS.contains(&last)
}

/// Whether an array of unsigned bytes of this name is text all the same: kernel code often calls
/// names `u8[]`.
pub(super) fn names_text(name: &str) -> bool {
    const WORDS: [&str; 6] = ["comm", "name", "filename", "fname", "pathname", "path"];
    WORDS.contains(&name.rsplit('_').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_by_their_last_word() {
        for name in [
            "saddr",
            "daddr",
            "addr",
            "remote_addr",
            "saddr_v4",
            "daddr_v6",
            "addr4",
            "addr_6",
            "src_ip",
            "ip",
            "ipv4",
            "dst_ipv6",
            "ip6",
            "skc_rcv_saddr",
            "addrv6",
        ] {
            assert!(names_address(name), "{name}");
        }
        for name in [
            "",
            "pid",
            "address_space",
            "zip",
            "tip_count",
            "v4",
            "ipc",
            "addrlen",
            "_",
        ] {
            assert!(!names_address(name), "{name}");
        }
    }

    #[test]
    fn bytes_are_text_only_where_the_name_says_so() {
        for name in ["comm", "parent_comm", "filename", "dev_name", "path"] {
            assert!(names_text(name), "{name}");
        }
        for name in ["mac", "hash", "communication", "data"] {
            assert!(!names_text(name), "{name}");
        }
    }

    #[test]
    fn rules_are_found_by_their_own_names() {
        for rule in Rule::ALL {
            assert_eq!(Rule::named(rule.name()), Some(rule));
        }
        assert_eq!(Rule::named("ipv5"), None);
    }
}

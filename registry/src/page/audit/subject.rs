//! The page of what an entry of the audit is about. Made by the page of the audit.
//! Must never make a link of a text that its type does not take: refusals hold what callers sent.

use payload::name::{InstanceName, PayloadName, Version};

/// Its address, where there is such a page.
pub(super) fn page(what: &str, subject: &str) -> Option<String> {
    let (kind, done) = what.split_once('.')?;
    match (kind, done) {
        // What is gone has no page.
        ("node" | "deployment", "delete") => None,
        ("release", _) => {
            let (name, version) = subject.split_once('@')?;
            let (name, version): (PayloadName, Version) =
                (name.parse().ok()?, version.parse().ok()?);
            Some(format!("/payloads/{name}/versions/{version}"))
        }
        ("channel", _) => {
            let name: PayloadName = subject.split_once(':')?.0.parse().ok()?;
            Some(format!("/payloads/{name}"))
        }
        ("floor", _) => {
            let name: PayloadName = subject.parse().ok()?;
            Some(format!("/payloads/{name}"))
        }
        ("pin", _) => {
            let node: InstanceName = subject.split_once('@')?.1.parse().ok()?;
            Some(format!("/nodes/{node}"))
        }
        ("node", _) => {
            let node: InstanceName = subject.parse().ok()?;
            Some(format!("/nodes/{node}"))
        }
        ("deployment", _) => {
            let deployment: InstanceName = subject.parse().ok()?;
            Some(format!("/deployments/{deployment}"))
        }
        ("rollout", _) => {
            let number: u64 = subject.split_once('#')?.1.parse().ok()?;
            Some(format!("/rollouts/{number}"))
        }
        ("token" | "key", "create" | "revoke" | "put" | "delete") => Some("/access".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_page_is_linked_and_what_callers_sent_is_not() {
        for (what, subject, expected) in [
            (
                "release.yank",
                "acme/x@1.0.0",
                Some("/payloads/acme/x/versions/1.0.0"),
            ),
            ("channel.move", "acme/x:stable", Some("/payloads/acme/x")),
            ("floor.set", "acme/x", Some("/payloads/acme/x")),
            ("pin.put", "d@web-1", Some("/nodes/web-1")),
            ("node.enrol", "web-1", Some("/nodes/web-1")),
            ("node.delete", "web-1", None),
            ("deployment.put", "d", Some("/deployments/d")),
            ("token.create", "ci", Some("/access")),
            ("token.refused", "GET /nodes", None),
            ("node.refused", "POST /nodes/enrol", None),
            ("node.enrol", "\"><script>", None),
            ("release.yank", "acme/x", None),
            ("blob.put", "sha256:00", None),
            ("odd", "x", None),
        ] {
            assert_eq!(page(what, subject).as_deref(), expected, "{what} {subject}");
        }
    }
}

//! The folders of a node that follows a registry, and what the tests of it wait for.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::node::Node;
use super::release::{Release, release, trust, write};
use super::served::{Served, TOKEN};
use super::waiting::until;

/// The folders of a node that outlive it: its state, its keys, its token.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    /// Trusts the key 1 for `acme`.
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.keys()).unwrap();
        trust(&home.keys(), "acme.toml", 1, "acme");
        write(&home.0.path().join("token"), TOKEN.as_bytes());
        home
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.0.path().join("keys")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    pub(crate) fn credential(&self) -> PathBuf {
        self.0.path().join("state/credential.json")
    }

    pub(crate) fn start(&self, url: &str) -> Node {
        self.start_with(url, &[])
    }

    pub(crate) fn start_with(&self, url: &str, more: &[&str]) -> Node {
        self.start_as(url, |command| {
            command.args(more);
        })
    }

    /// With what `change` does to the command.
    pub(crate) fn start_as(&self, url: &str, change: impl FnOnce(&mut Command)) -> Node {
        let (keys, token) = (self.path("keys"), self.path("token"));
        Node::start_over_as(&self.0.path().join("state"), |command| {
            command.args(["--registry", url, "--trusted-keys", &keys]);
            command.args(["--enrol-token-file", &token, "--node-name", "here"]);
            command.args(["--label", "env=test"]);
            change(command);
        })
    }

    pub(crate) fn policy(&self, text: &str) -> String {
        let path = self.0.path().join("node.toml");
        write(&path, text.as_bytes());
        path.display().to_string()
    }
}

pub(crate) fn version(node: &Node, instance: &str) -> Option<String> {
    let instances = node.instances();
    let found = instances.iter().find(|one| one["name"] == instance)?;
    found["version"].as_str().map(str::to_owned)
}

pub(crate) fn runs(node: &Node, instance: &str, wanted: &str) {
    until(&format!("{instance} {wanted} runs"), || {
        (version(node, instance).as_deref() == Some(wanted)).then_some(())
    });
}

pub(crate) fn following(node: &Node) -> Value {
    let answer = node.ask_unix("GET /api/v1/registry", b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub(crate) fn reported(registry: &Served, outcome: &str) {
    until(outcome, || {
        registry
            .outcomes()
            .iter()
            .any(|one| one == outcome)
            .then_some(())
    });
}

/// Waits until the node has asked for its desired state again, twice.
pub(crate) fn polled(registry: &Served) {
    let polls = || {
        let says = registry.says();
        says.asked
            .iter()
            .filter(|asked| asked.ends_with("/desired"))
            .count()
    };
    let before = polls();
    until("two polls", || (polls() >= before + 2).then_some(()));
}

pub(crate) fn one(version: &str) -> Release {
    release("one", "acme/trace", version, 1)
}

pub(crate) fn two(version: &str) -> Release {
    release("two", "acme/trace", version, 1)
}

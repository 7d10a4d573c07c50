//! A publisher with a key of its own, at a registry of `demo` or `bench`; nodes that trust the key.
//! Called by both. Must never do anything but what the commands of `packer` and `node` do.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::daemon::{Node, Registry, binary};
use crate::{output, run};

const NAMESPACE: &str = "marrow";

/// A key that the registry takes releases from.
pub(crate) struct Publisher<'registry> {
    registry: &'registry Registry,
    folder: PathBuf,
    key: PathBuf,
    /// The folder of keys that nodes trust.
    trusted: PathBuf,
    /// Whether its commands and what they print are shown.
    shown: bool,
}

impl<'registry> Publisher<'registry> {
    /// Makes a key in the folder and tells the registry its public half.
    ///
    /// # Errors
    /// When a command fails.
    pub(crate) fn new(registry: &'registry Registry, folder: &Path) -> Result<Self> {
        let name = folder.join("publisher");
        let (key, public) = (name.with_extension("key"), name.with_extension("pub"));
        let publisher = Self {
            registry,
            folder: folder.to_owned(),
            key,
            trusted: folder.join("keys"),
            shown: true,
        };
        publisher.show(&["keygen", "-o", &text(&name)])?;
        publisher.show(&["key", "add", &text(&public), "--namespace", NAMESPACE])?;
        std::fs::create_dir_all(&publisher.trusted)?;
        std::fs::copy(&public, publisher.trusted.join("publisher.pub"))?;
        let trust = format!("key_file = \"publisher.pub\"\nnamespaces = [\"{NAMESPACE}\"]\n");
        run::write(&publisher.trusted.join("publisher.toml"), trust.as_bytes())?;
        Ok(publisher)
    }

    /// The same, silent from now on: for what is done a thousand times.
    pub(crate) fn silent(mut self) -> Self {
        self.shown = false;
        self
    }

    /// Starts a node that enrols by a token made for it.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn node(&self, folder: &Path, legacy: &str, more: &[&str]) -> Result<Node> {
        let token = folder.join("enrol.token");
        self.show(&[
            "token",
            "new",
            "demo-node",
            "--scope",
            "enrol",
            "-o",
            &text(&token),
        ])?;
        let (token, trusted) = (text(&token), text(&self.trusted));
        let mut args = vec![
            "--registry",
            &self.registry.url,
            "--enrol-token-file",
            &token,
            "--trusted-keys",
            &trusted,
            "--node-name",
            "demo-node",
        ];
        args.extend(more);
        Node::start(folder, legacy, &args)
    }

    /// Builds a payload from a folder or an object; gives the file.
    ///
    /// # Errors
    /// When it does not compile.
    pub(crate) fn build(
        &self,
        input: impl AsRef<Path>,
        name: &str,
        version: &str,
    ) -> Result<PathBuf> {
        let file = self
            .folder
            .join(format!("{}-{version}.wasm", name.replace('/', "-")));
        let input = text(input.as_ref());
        self.show(&[
            "build",
            &input,
            "--name",
            name,
            "--payload-version",
            version,
            "-o",
            &text(&file),
        ])?;
        Ok(file)
    }

    /// Signs and publishes a file, and moves a channel to it.
    ///
    /// # Errors
    /// When the registry refuses it.
    pub(crate) fn publish(&self, file: &Path, channel: Option<&str>) -> Result<()> {
        let (file, key) = (text(file), text(&self.key));
        let mut words = vec!["publish", &file, "--key", &key];
        if let Some(channel) = channel {
            words.extend(["--channel", channel]);
        }
        self.show(&words)
    }

    /// Moves a channel.
    ///
    /// # Errors
    /// When the registry refuses it.
    pub(crate) fn channel(&self, payload: &str, channel: &str, version: &str) -> Result<()> {
        self.show(&["channel", payload, channel, version])
    }

    /// Deploys what a channel names.
    ///
    /// # Errors
    /// When the registry refuses it.
    pub(crate) fn deploy(
        &self,
        deployment: &str,
        payload: &str,
        channel: &str,
        selector: &str,
    ) -> Result<()> {
        self.show(&[
            "deploy",
            deployment,
            "--payload",
            payload,
            "--channel",
            channel,
            "--selector",
            selector,
        ])
    }

    /// Shows a command of `packer` and what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn show(&self, words: &[&str]) -> Result<()> {
        if self.shown {
            return show(self.registry, words);
        }
        self.said(words).map(drop)
    }

    /// Runs a command of `packer` silently, and gives what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn said(&self, words: &[&str]) -> Result<String> {
        run::captured(&mut packer(self.registry, words)?)
    }
}

/// Shows a command of `packer` and what it prints, at this registry as its admin.
///
/// # Errors
/// When it fails.
pub(crate) fn show(registry: &Registry, words: &[&str]) -> Result<()> {
    let mut packer = packer(registry, words)?;
    output::line(&format!("$ {}", run::words(&packer)));
    let printed = run::captured(&mut packer)?;
    printed.lines().for_each(output::line);
    Ok(())
}

/// A command of `packer` that asks this registry as its admin.
fn packer(registry: &Registry, words: &[&str]) -> Result<Command> {
    let mut packer = run::command(&binary("packer").to_string_lossy());
    packer.env("MARROW_REGISTRY", &registry.url);
    packer.env("MARROW_TOKEN", registry.token()?);
    packer.args(words);
    Ok(packer)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

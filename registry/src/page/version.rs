//! What `GET /payloads/{namespace}/{name}/versions/{version}` shows: a release, what is in it, what is
//! different in it, what can be done with it. Made by its route.
//! Must never hold markup, nor call something harmless that is new.

mod contents;
mod difference;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use api::registry::{Channel, Release, ReleaseState, TrustedKey};
use askama::Template;

use super::format::{Moment, grouped, moment, nodes_text, size};
use super::payload::nodes_address;
use super::view::told;
use super::visible::visible;
use super::{Frame, Mistake};
pub(crate) use contents::Contents;
pub(crate) use difference::{DifferenceView, Side};

/// The page.
#[derive(Template)]
#[template(path = "version.html")]
pub(crate) struct OneVersion {
    pub(crate) frame: Frame,
    pub(crate) release: ReleaseView,
    /// The version that the floor wants at least, where this one is below it.
    pub(crate) floor: Option<String>,
    pub(crate) channels: Vec<ChannelChoice>,
    /// What is in it; none where its manifest is of another format than this registry's.
    pub(crate) contents: Option<Contents>,
    /// Other versions, highest first.
    pub(crate) others: Vec<String>,
    pub(crate) difference: Option<DifferenceView>,
    /// Whether the buttons of the namespace are shown.
    pub(crate) may_curate: bool,
    pub(crate) typed: Typed,
    pub(crate) mistake: Mistake,
}

/// What was typed into the forms of the page.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    /// Which form: `yank`, `unyank`, `revoke`, `channel`.
    pub(crate) form: String,
    pub(crate) reason: String,
    pub(crate) channel: String,
}

impl Typed {
    /// The reason, where it was typed into this form.
    fn reason_of(&self, form: &str) -> &str {
        if self.form == form { &self.reason } else { "" }
    }
}

/// A release.
pub(crate) struct ReleaseView {
    payload: String,
    version: String,
    digest: String,
    size: String,
    state: &'static str,
    reason: Option<String>,
    published: Moment,
    by: String,
    nodes_text: String,
    nodes_address: String,
    signers: Vec<Signer>,
    privileges: Vec<String>,
    instance: String,
    href: String,
}

/// A key that signed it.
struct Signer {
    key: String,
    /// What is said of the key; nothing where this registry trusts it no longer.
    comment: Option<String>,
}

/// A channel, and whether it can be moved to this version.
pub(crate) struct ChannelChoice {
    name: String,
    version: String,
    is_here: bool,
    nodes_text: String,
}

impl ReleaseView {
    /// A release as it is now.
    pub(crate) fn of(release: &Release, instance: &str, keys: &[TrustedKey], now_ms: u64) -> Self {
        let signer = |key: &String| {
            let known = keys.iter().find(|known| known.key == *key);
            Signer {
                key: key.clone(),
                comment: known.map(|known| visible(&known.comment)),
            }
        };
        Self {
            payload: release.payload.clone(),
            version: release.version.clone(),
            digest: release.digest.clone(),
            size: format!(
                "{} ({} bytes)",
                size(release.size_bytes),
                grouped(release.size_bytes)
            ),
            state: state(release.state),
            reason: told(release.reason.as_deref()),
            published: moment(release.published_ms, now_ms),
            by: release.published_by.clone(),
            nodes_text: nodes_text(release.nodes),
            nodes_address: nodes_address(&release.payload, &release.version),
            signers: release.signers.iter().map(signer).collect(),
            privileges: release.privileges.clone(),
            instance: instance.to_owned(),
            href: format!("/payloads/{}/versions/{}", release.payload, release.version),
        }
    }

    /// The command that runs exactly this.
    fn deploy(&self) -> String {
        let (instance, payload, version) = (&self.instance, &self.payload, &self.version);
        format!(
            "packer deploy {instance} --payload {payload} --version {version} --selector 'env=prod'"
        )
    }

    /// The command that lets a channel name it.
    fn name_it(&self) -> String {
        format!("packer channel {} stable {}", self.payload, self.version)
    }

    /// The command that fetches it.
    fn pull(&self) -> String {
        format!(
            "packer pull {}@{} --key KEY.pub",
            self.payload, self.version
        )
    }

    /// The command that signs it.
    fn sign(&self) -> String {
        let (payload, version) = (&self.payload, &self.version);
        format!("packer sign --release {payload}@{version} --key KEY")
    }
}

fn state(state: ReleaseState) -> &'static str {
    match state {
        ReleaseState::Available => "available",
        ReleaseState::Yanked => "yanked",
        ReleaseState::Revoked => "revoked",
    }
}

impl ChannelChoice {
    /// Each channel of the payload, with the nodes that follow it.
    pub(crate) fn all(
        channels: Vec<Channel>,
        version: &str,
        followers: &BTreeMap<String, u64>,
    ) -> Vec<Self> {
        let choices = channels.into_iter().map(|channel| Self {
            is_here: channel.version == version,
            nodes_text: nodes_text(followers.get(&channel.channel).copied().unwrap_or(0)),
            name: channel.channel,
            version: channel.version,
        });
        choices.collect()
    }
}

impl OneVersion {
    /// Privileges that the version that is compared with had not.
    fn is_new(&self, privilege: &str) -> bool {
        let difference = self.difference.as_ref();
        difference.is_some_and(|difference| difference.adds(privilege))
    }

    /// Which fields of the page a mistake can stand at.
    fn fields() -> [&'static str; 3] {
        ["yank-reason", "revoke-reason", "channel"]
    }

    /// Channels that name another version.
    fn movable(&self) -> impl Iterator<Item = &ChannelChoice> {
        self.channels.iter().filter(|one| !one.is_here)
    }

    /// Whether a channel may name it.
    fn may_be_named(&self) -> bool {
        self.release.state == "available" && self.floor.is_none()
    }
}

/// Names in a set, in their order.
fn named(names: &[String]) -> BTreeSet<&str> {
    names.iter().map(String::as_str).collect()
}

//! `packer list`: what the registry has. Called by `main`.
//! Must never show text of the registry unescaped: it goes to a terminal.

mod detail;

use api::registry::{
    Channel, Difference, Floor, Payload, PayloadSummary, Payloads, Release, ReleaseState,
};
use serde::Serialize;

use crate::cli::ListArguments;
use crate::envelope;
use crate::failure::Failure;
use crate::floor;
use crate::moment;
use crate::output;
use crate::reference::{Listed, ReleaseName};
use crate::registry::Registry;
use crate::table::{Text, row};

/// A release, and what is new in it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    release: &'a Release,
    /// From the version before; absent for the lowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<&'a Difference>,
    /// The channels that name it.
    channels: Vec<&'a str>,
    /// The payload's floor, where it rules the release out.
    #[serde(skip_serializing_if = "Option::is_none")]
    above: Option<&'a Floor>,
}

/// Shows all payloads, one, or a release of one.
pub(crate) fn run(arguments: &ListArguments, now_ms: u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    match &arguments.of {
        None => every(&registry, arguments.json, now_ms),
        Some(Listed::Payload(name)) => {
            let payload = registry.ask(registry.client().payload(name.as_str()))?;
            let text = || one(&payload, now_ms);
            output::shown(arguments.json, &payload, text)?;
            Ok(())
        }
        Some(Listed::Release(name)) => release(&registry, name, arguments.json, now_ms),
    }
}

fn every(registry: &Registry, json: bool, now_ms: u64) -> Result<(), Failure> {
    let payloads = registry.every(|after| async move {
        let page = registry.client().payloads(after.as_deref()).await?;
        Ok((page.payloads, page.next))
    })?;
    let none = payloads.is_empty();
    let payloads = Payloads {
        payloads,
        next: None,
    };
    output::shown(json, &payloads, || summaries(&payloads.payloads, now_ms))?;
    if none && !json {
        output::note("the registry has no payloads yet: `packer publish` puts one there");
    }
    Ok(())
}

fn release(
    registry: &Registry,
    name: &ReleaseName,
    json: bool,
    now_ms: u64,
) -> Result<(), Failure> {
    let (payload, version) = (name.payload.as_str(), name.version.as_str());
    let release = registry.ask(registry.client().release(payload, version))?;
    let payload = registry.ask(registry.client().payload(payload))?;
    let mut differences = payload.differences.iter();
    let channels = payload.channels.iter();
    let shown = Shown {
        difference: differences.find(|difference| difference.to == release.version),
        channels: channels
            .filter(|channel| channel.version == release.version)
            .map(|channel| channel.channel.as_str())
            .collect(),
        above: above(payload.floor.as_ref(), &release),
        release: &release,
    };
    output::shown(json, &shown, || detail::of(&shown, now_ms))?;
    Ok(())
}

fn summaries(payloads: &[PayloadSummary], now_ms: u64) -> String {
    let mut text = Text::default();
    let names = [
        "payload",
        "latest",
        "channels",
        "releases",
        "nodes",
        "published",
    ];
    let rows = payloads.iter().map(|payload| {
        let channels = payload.channels.iter();
        let channels: Vec<String> = channels
            .map(|(channel, version)| format!("{channel} {version}"))
            .collect();
        row([
            &payload.payload,
            payload.latest.as_deref().unwrap_or("-"),
            &or_dash(&channels.join(", ")),
            &payload.releases.to_string(),
            &payload.nodes.to_string(),
            &moment::relative(now_ms, payload.published_ms),
        ])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        text.table(names, rows);
    }
    text.into_string()
}

fn one(payload: &Payload, now_ms: u64) -> String {
    let mut text = Text::default();
    let names = [
        "version",
        "channels",
        "state",
        "digest",
        "size",
        "signed by",
        "nodes",
        "published",
    ];
    let rows = payload.releases.iter().map(|release| {
        let is_here = |channel: &&Channel| channel.version == release.version;
        let channels = payload.channels.iter().filter(is_here);
        let channels: Vec<&str> = channels.map(|channel| channel.channel.as_str()).collect();
        row([
            &release.version,
            &or_dash(&channels.join(", ")),
            stands(payload.floor.as_ref(), release),
            envelope::short(&release.digest),
            &moment::size(release.size_bytes),
            &signers(release),
            &release.nodes.to_string(),
            &moment::relative(now_ms, release.published_ms),
        ])
    });
    text.table(names, rows.collect());
    let reasons = payload.releases.iter().filter_map(|release| {
        let reason = release.reason.as_deref().filter(|text| !text.is_empty())?;
        Some(row([&release.version, state(release.state), reason]))
    });
    let reasons: Vec<Vec<String>> = reasons.collect();
    if !reasons.is_empty() {
        text.gap();
        text.list("withdrawn", reasons.into_iter());
    }
    if let Some(floor) = &payload.floor {
        text.gap();
        let set = moment::relative(now_ms, floor.set_ms);
        let (version, serial) = (&floor.minimum_version, floor.serial);
        text.lines("", &format!("floor {version} (serial {serial}, set {set})"));
    }
    text.into_string()
}

fn signers(release: &Release) -> String {
    if release.signers.is_empty() {
        return "nobody".to_owned();
    }
    let signers = release.signers.iter();
    let signers: Vec<&str> = signers.map(|key| envelope::short(key)).collect();
    signers.join(", ")
}

/// The floor, where it rules the release out.
fn above<'a>(floor: Option<&'a Floor>, release: &Release) -> Option<&'a Floor> {
    floor.filter(|floor| floor::below(floor, &release.version))
}

/// Whether a release may run: a floor weighs more than a yank, and less than a revocation.
fn stands(floor: Option<&Floor>, release: &Release) -> &'static str {
    match above(floor, release) {
        Some(_) if release.state != ReleaseState::Revoked => "below the floor",
        _ => state(release.state),
    }
}

/// A release's state in one word.
pub(crate) fn state(state: ReleaseState) -> &'static str {
    match state {
        ReleaseState::Available => "available",
        ReleaseState::Yanked => "yanked",
        ReleaseState::Revoked => "revoked",
    }
}

/// The text, or a dash in the place of nothing.
pub(crate) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

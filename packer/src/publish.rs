//! `packer publish`: build, sign, show, bytes, release, channel; each step may be done again.
//! Called by `main`. Must never publish what its caller has not signed, nor before it was shown.

use std::path::Path;
use std::sync::Arc;

use api::client::ClientError;
use api::registry::{Difference, Payload, PublishRelease, Release};
use payload::name::Version;
use payload::signature::{Envelope, Statement};
use serde::Serialize;

use crate::build;
use crate::cli::PublishArguments;
use crate::envelope::{self, EnvelopeFileError};
use crate::failure::Failure;
use crate::input::Input;
use crate::keys;
use crate::output;
use crate::registry::{Registry, RegistryError};
use crate::sign::SignError;
use crate::summary::{self, Summary};

/// What was published.
#[derive(Debug, Serialize)]
struct Published {
    /// Whether the registry did not have it before.
    new: bool,
    release: Release,
    /// From the version before; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
    /// The channel that was moved to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
}

/// Publishes a file or a folder.
pub(crate) fn run(arguments: &PublishArguments) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let input = input(&arguments.input)?;
    let statement = input.statement()?;
    let envelope = signed(arguments, &statement)?;
    let retries = arguments.retries;
    let name = statement.name.as_str();
    let before = before(&registry, retries, &statement)?;
    if !arguments.json {
        let mut rows = shown(&input, &statement, before.as_ref());
        summary::push_all(&mut rows, "signed by", envelope::signers(&envelope));
        output::result(summary::text(rows).as_bytes()).map_err(output::unprinted)?;
    }
    let digest = statement.digest.to_string();
    send_bytes(&registry, retries, &digest, &input.bytes)?;
    let envelope = envelope::text(&envelope)?;
    let release = PublishRelease { digest, envelope };
    let version = statement.version.as_str();
    let call = || registry.client().publish(name, version, &release);
    let (new, release) = registry.ask_again(retries, call)?;
    let channel = match &arguments.channel {
        Some(channel) => {
            let channel = channel.as_str();
            let call = || registry.client().set_channel(name, channel, version);
            Some(registry.ask_again(retries, call)?.channel)
        }
        None => None,
    };
    let difference = if arguments.json {
        let call = || registry.client().payload(name);
        difference(registry.ask_again(retries, call)?, version)
    } else {
        None
    };
    let published = Published {
        new,
        release,
        difference,
        channel,
    };
    output::shown(arguments.json, &published, || text(&published))?;
    Ok(())
}

fn input(path: &Path) -> Result<Input, Failure> {
    if path.is_dir() {
        let file = build::folder(path)?;
        let shown = path.display().to_string();
        return Ok(Input::of(file, shown, path)?);
    }
    Ok(Input::read(path)?)
}

/// The envelope that was given with the signature that was asked for.
fn signed(arguments: &PublishArguments, statement: &Statement) -> Result<Envelope, Failure> {
    let given = match &arguments.envelope {
        Some(path) => {
            let bytes = envelope::read(path).map_err(EnvelopeFileError::from)?;
            let shown = path.display().to_string();
            Some(envelope::about(statement, &bytes, &shown)?)
        }
        None => None,
    };
    match (given, &arguments.key) {
        (given, Some(key)) => {
            let key = keys::private(key)?;
            let (envelope, _) =
                envelope::signed(statement, given, &key).map_err(SignError::from)?;
            Ok(envelope)
        }
        (Some(given), None) => Ok(given),
        (None, None) => Err(SignError::Nothing.into()),
    }
}

/// The release with the highest version below this one; none where the payload is new.
fn before(
    registry: &Registry,
    retries: u32,
    statement: &Statement,
) -> Result<Option<Release>, RegistryError> {
    let call = || async {
        match registry.client().payload(statement.name.as_str()).await {
            Ok(payload) => Ok(Some(payload)),
            Err(ClientError::Refused { problem, .. }) if problem.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    };
    let Some(payload) = registry.ask_again(retries, call)? else {
        return Ok(None);
    };
    let version = |release: &Release| release.version.parse::<Version>().ok();
    let lower = payload.releases.into_iter().filter_map(|release| {
        let version = version(&release).filter(|version| *version < statement.version)?;
        Some((version, release))
    });
    let highest = lower.max_by(|(a, _), (b, _)| a.cmp(b));
    Ok(highest.map(|(_, release)| release))
}

/// What is to be published, before it is: the privileges are its author's to judge.
fn shown(input: &Input, statement: &Statement, before: Option<&Release>) -> Vec<Vec<String>> {
    let summary = Summary::of(input, statement);
    let mut rows = summary.rows();
    let Some(before) = before else {
        return rows;
    };
    let lacks = |privileges: &[String], privilege: &String| !privileges.contains(privilege);
    let gained = summary.privileges.iter();
    let gained = gained.filter(|privilege| lacks(&before.privileges, privilege));
    let lost = before.privileges.iter();
    let lost = lost.filter(|privilege| lacks(&summary.privileges, privilege));
    let changed = gained.map(|privilege| format!("+ {privilege}"));
    let changed = changed.chain(lost.map(|privilege| format!("- {privilege}")));
    let mut changed: Vec<String> = changed.collect();
    if changed.is_empty() {
        changed.push("the same privileges".to_owned());
    }
    summary::push_all(&mut rows, &format!("since {}", before.version), changed);
    rows
}

/// Puts the bytes there, unless they are.
fn send_bytes(
    registry: &Registry,
    retries: u32,
    digest: &str,
    bytes: &[u8],
) -> Result<(), RegistryError> {
    let client = registry.client();
    if registry
        .ask_again(retries, || client.blob_bytes(digest))?
        .is_some()
    {
        return Ok(());
    }
    registry.ask_again(retries, || async {
        // One a try, so that what is said between tries has a line of its own.
        let bar = output::progress("sending", bytes.len() as u64);
        let told = bar.clone();
        let progress = Arc::new(move |sent| told.set_position(sent));
        let sent = client
            .put_blob(digest, bytes.to_vec(), Some(progress))
            .await;
        bar.finish_and_clear();
        sent
    })
}

fn difference(payload: Payload, version: &str) -> Option<Difference> {
    let mut differences = payload.differences.into_iter();
    differences.find(|difference| difference.to == version)
}

fn text(published: &Published) -> String {
    let release = &published.release;
    let state = if published.new {
        "published"
    } else {
        "there already"
    };
    let channel = published.channel.as_ref();
    let channel = channel.map_or_else(String::new, |name| format!(", {name} names it"));
    format!(
        "{state}: {} {}{channel}\n",
        release.payload, release.version
    )
}

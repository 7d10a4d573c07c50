//! The registry that a node follows, from flags, environment and file; and `node enrol`.
//! Used by the daemon's command and called by the command line.
//! Must never keep a token, nor print a credential.

use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use api::client::registry::SettingsError;
use payload::name::InstanceName;

use super::args::{EnrolArgs, RegistryArgs};
use super::config::Config;
use super::{CliError, runtime};
use crate::fleet::{self, BackOff, Credential, EnrolError, FleetError, Registry, Store};
use crate::output::Output;

/// Most labels of a node.
const LABELS_MAX: usize = 64;
/// Most bytes of a label's value.
const LABEL_BYTES_MAX: usize = 63;
/// Most bytes of a file of certificates.
const CA_BYTES_MAX: u64 = 1 << 20;

/// A registry to follow, and as whom.
pub(super) struct Followed {
    pub(super) registry: Registry,
    pub(super) node: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) share_events: bool,
    pub(super) back_off: BackOff,
}

/// Puts together which registry to follow; `None` where none is named.
///
/// # Errors
/// A name, a label or the file of certificates can't be one.
pub(super) fn followed(args: RegistryArgs, config: &Config) -> Result<Option<Followed>, CliError> {
    let file = &config.registry;
    let url_place = config.place("--registry", "registry.url", args.url.is_some());
    let Some(url) = args.url.or_else(|| file.url.clone()) else {
        return Ok(None);
    };
    let ca_place = config.place("--ca", "registry.ca", args.ca.is_some());
    let ca = args.ca.or_else(|| file.ca.clone());
    let ca = ca.map(|path| Certificates {
        place: ca_place,
        path,
    });
    let node = args.node.or_else(|| file.node.clone());
    let node = node.unwrap_or_else(fleet::host_name);
    let wrong = |field, rule: String| CliError::Setting { field, rule };
    let _name: InstanceName = node
        .parse()
        .map_err(|error| wrong("registry.node", format!("can't be a name: {error}")))?;
    let back_off = back_off(
        args.back_off_min_ms.or(file.back_off_min_ms),
        args.back_off_max_ms.or(file.back_off_max_ms),
    )
    .map_err(|rule| wrong("registry.back_off_max_ms", rule))?;
    let mut labels = file.labels.clone();
    labels.extend(args.labels);
    check_labels(&labels).map_err(|rule| wrong("registry.labels", rule))?;
    let registry = Registry {
        url,
        ca_pem: ca.as_ref().map(Certificates::read).transpose()?,
        allow_plain: args.allow_plain_http || file.allow_plain_http,
    };
    // Tells a wrong address or certificate before anything begins, also without a credential.
    if let Err(error) = registry.client("none") {
        return Err(not_usable(error, url_place, ca));
    }
    Ok(Some(Followed {
        registry,
        node,
        labels,
        share_events: args.share_events || file.share_events,
        back_off,
    }))
}

fn back_off(min_ms: Option<NonZeroU32>, max_ms: Option<NonZeroU32>) -> Result<BackOff, String> {
    let or = |ms: Option<NonZeroU32>, default| ms.map_or(default, |ms| u64::from(ms.get()));
    let default = BackOff::default();
    let min_ms = or(min_ms, default.min_ms);
    // Who only asks for more patience gets it.
    let max_ms = or(max_ms, default.max_ms.max(min_ms));
    if max_ms < min_ms {
        return Err(format!("is {max_ms}, back_off_min_ms is {min_ms}"));
    }
    Ok(BackOff { min_ms, max_ms })
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), String> {
    if labels.len() > LABELS_MAX {
        return Err(format!(
            "has {} labels, at most {LABELS_MAX} are allowed",
            labels.len()
        ));
    }
    for (key, value) in labels {
        if let Err(error) = key.parse::<InstanceName>() {
            return Err(format!("has a key that can't be one: {error}"));
        }
        if value.len() > LABEL_BYTES_MAX || value.chars().any(char::is_control) {
            let bytes = value.len();
            return Err(format!(
                "has {key} of {bytes} bytes: at most {LABEL_BYTES_MAX}, none a control character"
            ));
        }
    }
    Ok(())
}

/// A file of certificates, and where it is set.
struct Certificates {
    place: String,
    path: PathBuf,
}

impl Certificates {
    fn read(&self) -> Result<Vec<u8>, CliError> {
        let mut pem = Vec::new();
        let read = std::fs::File::open(&self.path)
            .and_then(|file| file.take(CA_BYTES_MAX).read_to_end(&mut pem));
        read.map(|_| pem).map_err(|reason| CliError::Path {
            place: self.place.clone(),
            path: self.path.clone(),
            rule: reason.to_string(),
        })
    }
}

fn not_usable(error: SettingsError, url_place: String, ca: Option<Certificates>) -> CliError {
    match (error, ca) {
        (SettingsError::Tls(error), Some(Certificates { place, path })) => CliError::Path {
            place,
            path,
            rule: error.to_string(),
        },
        (error @ SettingsError::Plain { .. }, _) => CliError::Registry {
            place: url_place,
            reason: format!(
                "{error}, or say --allow-plain-http, if nobody on the way could listen"
            ),
        },
        (error, _) => CliError::Registry {
            place: url_place,
            reason: error.to_string(),
        },
    }
}

/// `node enrol`.
///
/// # Errors
/// No registry is named, it says no, or the credential can't be kept.
pub(super) fn enrol(args: EnrolArgs, config: &Config, output: Output) -> Result<(), CliError> {
    let followed = followed(args.registry, config)?;
    let Some(followed) = followed else {
        return Err(CliError::Setting {
            field: "registry.url",
            rule: "is missing: name the registry with --registry".to_owned(),
        });
    };
    let token = if args.token_file == Path::new("-") {
        from_stdin()?
    } else {
        fleet::token(&args.token_file)?
    };
    let state_dir = config.state_dir(args.state_dir);
    let store = Store::open(&state_dir).map_err(FleetError::from)?;
    let Followed {
        registry,
        node,
        labels,
        ..
    } = followed;
    store.prove_writable().map_err(EnrolError::NoRoom)?;
    let enrolled = runtime::small()?.block_on(registry.enrol(&token, &node, &labels))?;
    let credential = Credential {
        node: enrolled.node,
        credential: enrolled.credential,
    };
    store
        .keep_credential(&credential)
        .map_err(|reason| EnrolError::NotKept {
            node: credential.node.clone(),
            reason,
        })?;
    output
        .enrolled(&credential.node, &registry.url)
        .map_err(CliError::Print)
}

fn from_stdin() -> Result<String, CliError> {
    fleet::token_from(std::io::stdin()).map_err(|reason| CliError::Read {
        what: "the token on standard input".to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_after_failures_have_a_shortest_and_a_longest() {
        let ms = NonZeroU32::new;
        assert_eq!(back_off(None, None), Ok(BackOff::default()));
        let patient = back_off(ms(120_000), None).unwrap();
        assert_eq!((patient.min_ms, patient.max_ms), (120_000, 120_000));
        assert!(back_off(ms(10), ms(5)).is_err());
    }

    #[test]
    fn labels_are_bounded_and_plain() {
        let one = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
        assert!(check_labels(&one("env", "prod")).is_ok());
        assert!(check_labels(&one("", "x")).is_err());
        assert!(check_labels(&one("a b", "x")).is_err());
        assert!(
            check_labels(&one("a", &"x".repeat(64)))
                .unwrap_err()
                .contains("64 bytes")
        );
        assert!(check_labels(&one("a", "x\ny")).is_err());
        let many = (0..=LABELS_MAX)
            .map(|n| (format!("k{n}"), String::new()))
            .collect();
        assert!(check_labels(&many).unwrap_err().contains("65 labels"));
    }
}

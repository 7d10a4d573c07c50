//! The configuration file, and how flags, environment and file become one setting: a flag goes before
//! its environment variable, that before the file, that before the default.
//! Used by every command. Must never let an unknown key pass, nor a value that is none.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::intake::AllowUnsigned;
use crate::policy::Policy;
use crate::toml_file::{self, TomlError};

/// The file that is read where none is named, if it is there.
const DEFAULT_PATH: &str = "/etc/marrow/node.toml";
/// Where the daemon's socket is.
const SOCKET: &str = "/run/marrow/node.sock";
/// Where the daemon keeps its state.
const STATE_DIR: &str = "/var/lib/marrow/node";
/// Where the trusted keys are.
const TRUSTED_KEYS: &str = "/etc/marrow/keys";

/// A configuration file. Every key may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    socket: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    trusted_keys: Option<PathBuf>,
    /// As `--legacy-listen`.
    pub(super) legacy_listen: Option<Listen>,
    /// As `--allow-user`.
    pub(super) allow_users: Vec<String>,
    /// As `--allow-unsigned`.
    pub(super) allow_unsigned: Option<AllowUnsigned>,
    /// As the `--events-…` flags.
    pub(super) events: Events,
    /// As the `--registry…` flags.
    pub(super) registry: Registry,
    /// What payloads from the registry may contain and be set to.
    pub(super) policy: Policy,
}

/// `[events]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Events {
    /// As `--events-dir`.
    pub(super) dir: Option<PathBuf>,
    /// As `--events-file-mib`.
    pub(super) file_mib: Option<u64>,
    /// As `--events-files`.
    pub(super) files: Option<u32>,
}

/// `[registry]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Registry {
    /// As `--registry`.
    pub(super) url: Option<String>,
    /// As `--ca`.
    pub(super) ca: Option<PathBuf>,
    /// As `--allow-plain-http`.
    pub(super) allow_plain_http: bool,
    /// As `--enrol-token-file`.
    pub(super) token_file: Option<PathBuf>,
    /// As `--node-name`.
    pub(super) node: Option<String>,
    /// As `--label`.
    pub(super) labels: BTreeMap<String, String>,
    /// As `--back-off-min-ms`.
    pub(super) back_off_min_ms: Option<NonZeroU32>,
    /// As `--back-off-max-ms`.
    pub(super) back_off_max_ms: Option<NonZeroU32>,
}

/// Where to listen on TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listen {
    /// Nowhere.
    None,
    /// At this address.
    At(SocketAddr),
}

impl std::str::FromStr for Listen {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            Ok(Self::None)
        } else {
            text.parse().map(Self::At)
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("{text:?} is neither ADDRESS:PORT nor \"none\"")))
    }
}

impl<'de> Deserialize<'de> for AllowUnsigned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl Config {
    /// Reads the file that is named, or the one at its usual place if it is there.
    ///
    /// # Errors
    /// It can't be read, or a line of it breaks a rule.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, TomlError> {
        match named {
            Some(path) => toml_file::read(path),
            None => match toml_file::read(Path::new(DEFAULT_PATH)) {
                // A user who may not read it can still be told what runs where it usually is.
                Err(error) if error.is_missing() || error.is_denied() => Ok(Self::default()),
                read => read,
            },
        }
    }

    /// The daemon's socket.
    pub(super) fn socket(&self, flag: Option<PathBuf>) -> PathBuf {
        flag.or_else(|| self.socket.clone())
            .unwrap_or_else(|| SOCKET.into())
    }

    /// The daemon's state folder.
    pub(super) fn state_dir(&self, flag: Option<PathBuf>) -> PathBuf {
        flag.or_else(|| self.state_dir.clone())
            .unwrap_or_else(|| STATE_DIR.into())
    }

    /// The folder of trusted keys.
    pub(super) fn trusted_keys(&self, flag: Option<PathBuf>) -> PathBuf {
        flag.or_else(|| self.trusted_keys.clone())
            .unwrap_or_else(|| TRUSTED_KEYS.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        toml_file::parse(Path::new("node.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_key_is_known_and_no_other() {
        // Every key of the example, its comment sign taken away.
        let example = include_str!("../../example.toml");
        let key =
            |line: &&str| line.starts_with('[') || line.contains(" = ") && !line.contains('`');
        let lines = example.lines().filter(key);
        let text: Vec<&str> = lines.map(|line| line.trim_start_matches("# ")).collect();
        assert_eq!(text.len(), 6 + 4 + 9 + 9, "{text:?}");
        let config = read(&text.join("\n")).unwrap();
        assert_eq!(config.socket(None), Path::new(SOCKET));
        assert_eq!(
            config.socket(Some("/x".into())),
            Path::new("/x"),
            "the flag goes first"
        );
        assert!(matches!(config.legacy_listen, Some(Listen::At(_))));
        assert_eq!(config.registry.labels["env"], "prod");
        assert_eq!(Config::default().socket(None), Path::new(SOCKET));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, told) in [
            ("\nsokcet = 1\n", "node.toml:2: unknown field `sokcet`"),
            (
                "[registry]\nurll = \"x\"\n",
                "node.toml:2: unknown field `urll`",
            ),
            ("[policy]\nhooks = 1\n", "node.toml:2: "),
            (
                "[policy]\nprogram_kinds = [\"x\"]\n",
                "node.toml:2: unknown variant `x`",
            ),
            (
                "legacy_listen = \"localhost\"\n",
                "node.toml:1: \"localhost\" is neither",
            ),
            (
                "allow_unsigned = \"token\"\n",
                "node.toml:1: no caller from another machine",
            ),
            (
                "allow_unsigned = \"all\"\n",
                "node.toml:1: \"all\" is neither",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[test]
    fn a_named_file_must_be_there() {
        assert!(Config::read(Some(Path::new("/nowhere/node.toml"))).is_err());
    }
}

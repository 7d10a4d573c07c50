//! The configuration file, and how flags, environment and file become one setting: a flag goes before
//! its environment variable, that before the file, that before the default.
//! Used by every command. Must never let an unknown key pass, nor a value that is none.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::CliError;
use crate::daemon::OnExit;
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
    /// The file itself, where one was read.
    #[serde(skip)]
    path: Option<PathBuf>,
    socket: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    trusted_keys: Option<PathBuf>,
    /// As `--legacy-listen`.
    pub(super) legacy_listen: Option<Listen>,
    /// As `--allow-user`.
    pub(super) allow_users: Vec<String>,
    /// As `--allow-unsigned`.
    pub(super) allow_unsigned: Option<AllowUnsigned>,
    /// As `--on-exit`.
    pub(super) on_exit: Option<OnExit>,
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
    /// As `--share-events`.
    pub(super) share_events: bool,
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

impl Listen {
    /// Where, if anywhere.
    pub(super) fn address(self) -> Option<SocketAddr> {
        match self {
            Self::None => None,
            Self::At(address) => Some(address),
        }
    }
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

/// A setting that is one of some words.
fn word<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(D::Error::custom)
}

impl<'de> Deserialize<'de> for AllowUnsigned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer)
    }
}

impl<'de> Deserialize<'de> for OnExit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer)
    }
}

impl Config {
    /// Reads the file that is named, or the one at its usual place if it is there. Relative paths in
    /// it begin where it stands.
    ///
    /// # Errors
    /// It can't be read, or a line of it breaks a rule.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, TomlError> {
        let path = named.unwrap_or(Path::new(DEFAULT_PATH));
        match toml_file::read::<Self>(path) {
            Ok(config) => Ok(config.beside(path)),
            // A user who may not read it can still be told what runs where it usually is.
            Err(error) if named.is_none() && (error.is_missing() || error.is_denied()) => {
                Ok(Self::default())
            }
            Err(error) => Err(error),
        }
    }

    fn beside(mut self, path: &Path) -> Self {
        let folder = path.parent().unwrap_or(Path::new(""));
        let set = [
            &mut self.socket,
            &mut self.state_dir,
            &mut self.trusted_keys,
            &mut self.events.dir,
            &mut self.registry.ca,
            &mut self.registry.token_file,
        ];
        for set in set.into_iter().flatten() {
            *set = folder.join(&*set);
        }
        self.path = Some(path.to_owned());
        self
    }

    /// Where a setting stands that `flag` would go before: the file and its `key`.
    pub(super) fn place(&self, flag: &str, key: &str, flagged: bool) -> String {
        match &self.path {
            Some(path) if !flagged => format!("{}: {key}", path.display()),
            _ => flag.to_owned(),
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

    /// The folder of trusted keys. The usual one may be made later; one that is named is there.
    ///
    /// # Errors
    /// It is named and is no folder.
    pub(super) fn trusted_keys(&self, flag: Option<PathBuf>) -> Result<PathBuf, CliError> {
        let place = self.place("--trusted-keys", "trusted_keys", flag.is_some());
        match flag.or_else(|| self.trusted_keys.clone()) {
            None => Ok(TRUSTED_KEYS.into()),
            Some(path) if path.is_dir() => Ok(path),
            Some(path) => Err(CliError::Path {
                place,
                path,
                rule: "is no folder; make it, and put publishers' keys there".to_owned(),
            }),
        }
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
        assert_eq!(text.len(), 7 + 4 + 10 + 9 + 14, "{text:?}");
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
                "[policy.handler]\ncall_ms_max = 0\n",
                "node.toml:2: invalid value",
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
    fn relative_paths_begin_beside_the_file_and_errors_name_it() {
        let text = "socket = \"s\"\ntrusted_keys = \"keys\"\n[events]\ndir = \"/var/e\"\n\
                    [registry]\nca = \"../ca.pem\"\ntoken_file = \"token\"\n";
        let config = read(text).unwrap().beside(Path::new("/etc/x/node.toml"));
        assert_eq!(config.socket(None), Path::new("/etc/x/s"));
        assert_eq!(config.socket(Some("s".into())), Path::new("s"));
        assert_eq!(config.events.dir.as_deref(), Some(Path::new("/var/e")));
        let ca = config.registry.ca.as_deref();
        assert_eq!(ca, Some(Path::new("/etc/x/../ca.pem")));
        let token_file = config.registry.token_file.as_deref();
        assert_eq!(token_file, Some(Path::new("/etc/x/token")));
        let told = config.trusted_keys(None).unwrap_err().to_string();
        let begins = "/etc/x/node.toml: trusted_keys /etc/x/keys: is no folder";
        assert!(told.starts_with(begins), "{told}");
        let told = config.trusted_keys(Some("/nowhere".into())).unwrap_err();
        let told = told.to_string();
        assert!(told.starts_with("--trusted-keys /nowhere: "), "{told}");
        assert_eq!(
            Config::default().trusted_keys(None).unwrap(),
            Path::new(TRUSTED_KEYS),
            "the usual one need not be there"
        );
    }

    #[test]
    fn a_named_file_must_be_there() {
        assert!(Config::read(Some(Path::new("/nowhere/node.toml"))).is_err());
    }
}

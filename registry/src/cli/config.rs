//! The configuration file, and how it stands behind flags and environment.
//! Called by `serve`.
//! Must never take a field that it does not know: a misspelt rule would be no rule.

use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::args::ServeFlags;

/// Where the file is looked for when nobody names one.
const FILE: &str = "/etc/marrow/registry.toml";
/// Bytes of it that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;
const DATA_DIR: &str = "/var/lib/marrow/registry";
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8528);
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);
const FAILURES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
const COLLECT_AFTER_S: u64 = 86_400;
const POLL_MS: NonZeroU32 = NonZeroU32::MIN.saturating_add(29_999);

/// Why the configuration is not one.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// More than a configuration has.
    #[error("{}: has more than {bytes_max} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The bound.
        bytes_max: u64,
    },
    /// Not TOML, or a field that does not fit.
    #[error("{}: {reason}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// What is wrong where.
        reason: String,
    },
    /// One of the two files that TLS needs.
    #[error("--{given} is given without --{missing}: TLS needs both")]
    HalfTls {
        /// The one that is there.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
}

/// The fields of the file; each is a flag too.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    listen: Option<SocketAddr>,
    data_dir: Option<PathBuf>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    allow_plain_http: Option<bool>,
    requests_per_second: Option<NonZeroU32>,
    failures_per_minute: Option<NonZeroU32>,
    collect_after_s: Option<u64>,
    poll_ms: Option<NonZeroU32>,
}

/// Certificates and key, as files.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// Certificates, PEM.
    pub(crate) cert: PathBuf,
    /// Private key, PEM.
    pub(crate) key: PathBuf,
}

/// How a registry serves.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Where it keeps everything.
    pub(crate) data_dir: PathBuf,
    /// Whether and how it speaks TLS.
    pub(crate) tls: Option<TlsFiles>,
    /// Whether other machines may come without TLS.
    pub(crate) allow_plain_http: bool,
    /// Requests of one token.
    pub(crate) requests_per_second: NonZeroU32,
    /// Wrong tokens of one address.
    pub(crate) failures_per_minute: NonZeroU32,
    /// Grace of a blob without release, milliseconds.
    pub(crate) collect_after_ms: u64,
    /// How often nodes ask, milliseconds.
    pub(crate) poll_ms: NonZeroU32,
}

impl Config {
    /// Flags and environment over the file over the defaults.
    ///
    /// # Errors
    /// The file is wrong, or what is given does not go together.
    pub(crate) fn from_flags(flags: ServeFlags) -> Result<Self, ConfigError> {
        let fields = Fields::read(flags.config.as_deref())?;
        let cert = flags.tls_cert.or(fields.tls_cert);
        let key = flags.tls_key.or(fields.tls_key);
        let half = |given, missing| ConfigError::HalfTls { given, missing };
        let tls = match (cert, key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(half("tls-cert", "tls-key")),
            (None, Some(_)) => return Err(half("tls-key", "tls-cert")),
        };
        let plain = flags.allow_plain_http.or(fields.allow_plain_http);
        let requests = flags.requests_per_second.or(fields.requests_per_second);
        let failures = flags.failures_per_minute.or(fields.failures_per_minute);
        let collect_after_s = flags.collect_after_s.or(fields.collect_after_s);
        let data_dir = flags.data_dir.or(fields.data_dir);
        Ok(Self {
            listen: flags.listen.or(fields.listen).unwrap_or(LISTEN),
            data_dir: data_dir.unwrap_or_else(|| DATA_DIR.into()),
            tls,
            allow_plain_http: plain.unwrap_or(false),
            requests_per_second: requests.unwrap_or(REQUESTS_PER_SECOND),
            failures_per_minute: failures.unwrap_or(FAILURES_PER_MINUTE),
            poll_ms: flags.poll_ms.or(fields.poll_ms).unwrap_or(POLL_MS),
            collect_after_ms: collect_after_s
                .unwrap_or(COLLECT_AFTER_S)
                .saturating_mul(1000),
        })
    }
}

/// Where everything is kept: the flag over the file over the default.
///
/// # Errors
/// The file is wrong.
pub(super) fn data_dir(
    config: Option<&Path>,
    flag: Option<PathBuf>,
) -> Result<PathBuf, ConfigError> {
    let fields = Fields::read(config)?;
    Ok(flag.or(fields.data_dir).unwrap_or_else(|| DATA_DIR.into()))
}

impl Fields {
    /// Those of the named file, else of the one in its usual place, else none.
    fn read(named: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = named else {
            return match read(Path::new(FILE)) {
                Err(ConfigError::Unreadable { reason, .. })
                    if reason.kind() == io::ErrorKind::NotFound =>
                {
                    Ok(Self::default())
                }
                other => other,
            };
        };
        read(path)
    }
}

fn read(path: &Path) -> Result<Fields, ConfigError> {
    let failed = |reason| ConfigError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    let mut bounded = file.take(FILE_BYTES_MAX + 1);
    let bytes = bounded.read_to_string(&mut text).map_err(failed)?;
    if bytes as u64 > FILE_BYTES_MAX {
        return Err(ConfigError::TooLong {
            path: path.to_owned(),
            bytes_max: FILE_BYTES_MAX,
        });
    }
    toml::from_str(&text).map_err(|error| ConfigError::Field {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

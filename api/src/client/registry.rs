//! A typed client of the registry's API: one method a route. Used by `packer`, by the node's daemon
//! and by tests; one connection a call.
//! Must never send a token in the clear to another machine unless it was told that it may.

mod access;
mod blob;
mod fleet;
mod releases;
mod rollouts;

use hyper::header::HeaderValue;
use hyper::{Method, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio_rustls::rustls::pki_types::ServerName;

use super::connection::{self, Call};
use super::peer::{Address, Peer, PeerKind};
use super::tls::{Tls, TlsError};
use super::{ANSWER_TIMEOUT, ClientError, Reply, accepted, read_json};
use crate::registry::{Health, PREFIX, WhoAmI};

pub use blob::{Download, Progress};
pub use fleet::{Doorbell, Viewed};
pub use rollouts::{Ask, RolloutEvents};

/// What a client of a registry is made with.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// `http://HOST[:PORT]` or `https://HOST[:PORT]`.
    pub url: &'a str,
    /// The token or the node's credential; absent for what needs none.
    pub bearer: Option<&'a str>,
    /// PEM of the certificates to trust; absent: those that the machine trusts.
    pub ca_pem: Option<&'a [u8]>,
    /// Whether the bearer may go over plain HTTP to another machine.
    pub allow_plain: bool,
}

/// Why there can be no client.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// Not the address of a registry.
    #[error(
        "{url:?} is not the address of a registry: {rule}; it is http://HOST:PORT or https://HOST:PORT"
    )]
    Url {
        /// What was given.
        url: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// Everybody on the way could read the token.
    #[error(
        "{url} is another machine, and http:// would send the token in the clear: use https://"
    )]
    Plain {
        /// What was given.
        url: String,
    },
    /// Not a token.
    #[error("the token has a character that no token has")]
    Bearer,
    /// No trusted certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A client of one registry.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    peer: Peer,
}

impl RegistryClient {
    /// A client of the registry at `settings.url`.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn new(settings: Settings<'_>) -> Result<Self, SettingsError> {
        let bad = |rule: &'static str| SettingsError::Url {
            url: settings.url.to_owned(),
            rule,
        };
        let uri: Uri = settings.url.parse().map_err(|_| bad("no URL"))?;
        let host = uri.host().ok_or_else(|| bad("it names no host"))?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("it has a path"));
        }
        let (tls, default_port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => {
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                let name = ServerName::try_from(bare.to_owned())
                    .map_err(|_| bad("its host is no name and no address"))?;
                (Some((Tls::new(settings.ca_pem)?, name)), 443)
            }
            _ => return Err(bad("it begins with neither http:// nor https://")),
        };
        if tls.is_none() && settings.bearer.is_some() && !settings.allow_plain && !is_local(host) {
            return Err(SettingsError::Plain {
                url: settings.url.to_owned(),
            });
        }
        let port = uri.port_u16().unwrap_or(default_port);
        Ok(Self {
            peer: Peer {
                kind: PeerKind::Registry,
                address: Address::Tcp(format!("{host}:{port}")),
                answer_timeout: ANSWER_TIMEOUT,
                authorization: settings.bearer.map(authorization).transpose()?,
                tls,
            },
        })
    }

    /// Where it connects to.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.peer.address
    }

    /// `GET /healthz`.
    ///
    /// # Errors
    /// As every call: nobody listens, no answer in time, or one that is not understood.
    pub async fn health(&self) -> Result<Health, ClientError> {
        read_json(
            PeerKind::Registry,
            self.exchange(Call::get("/healthz")).await?,
        )
    }

    /// `GET /whoami`.
    ///
    /// # Errors
    /// As every call; `Refused` with 401 when the bearer is none, or not in force any more.
    pub async fn whoami(&self) -> Result<WhoAmI, ClientError> {
        self.get("/whoami").await
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Reply, ClientError> {
        connection::exchange(&self.peer, call).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let path = format!("{PREFIX}{path}");
        read_json(PeerKind::Registry, self.exchange(Call::get(&path)).await?)
    }

    /// Sends JSON, reads JSON, and tells the status: 200 or 201.
    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(u16, T), ClientError> {
        let reply = self.send_raw(method, path, body).await?;
        Ok((reply.status, read_json(PeerKind::Registry, reply)?))
    }

    /// Sends JSON to a route that answers with nothing.
    async fn tell(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(), ClientError> {
        let reply = self.send_raw(method, path, body).await?;
        accepted(reply).map(|_nothing| ())
    }

    async fn send_raw(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Reply, ClientError> {
        let path = format!("{PREFIX}{path}");
        let body = serde_json::to_vec(body).map_err(|error| ClientError::NotUnderstood {
            peer: PeerKind::Registry,
            reason: format!("what is to be sent has no JSON form: {error}"),
        })?;
        let call = Call::new(method, &path).with_body("application/json", body);
        self.exchange(call).await
    }

    async fn delete(&self, path: &str) -> Result<(), ClientError> {
        let path = format!("{PREFIX}{path}");
        let reply = self.exchange(Call::new(Method::DELETE, &path)).await?;
        accepted(reply).map(|_nothing| ())
    }
}

fn authorization(bearer: &str) -> Result<HeaderValue, SettingsError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {bearer}")).map_err(|_| SettingsError::Bearer)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether what is sent to `host` stays on this machine.
fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address: Result<std::net::IpAddr, _> = bare.parse();
    bare == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A name, version or digest as one part of a path. Those that the registry takes need no escaping;
/// anything else would be another path.
fn part(text: &str) -> Result<&str, ClientError> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b':');
    if text.is_empty() || text.starts_with('.') || !text.bytes().all(plain) {
        return Err(ClientError::Part {
            text: text.to_owned(),
        });
    }
    Ok(text)
}

/// `namespace/name` as two parts of a path.
fn payload_part(payload: &str) -> Result<String, ClientError> {
    let (namespace, name) = payload.split_once('/').ok_or_else(|| ClientError::Part {
        text: payload.to_owned(),
    })?;
    Ok(format!("/payloads/{}/{}", part(namespace)?, part(name)?))
}

/// The path of one page of a list.
fn page(list: &str, after: Option<&str>) -> Result<String, ClientError> {
    let Some(after) = after else {
        return Ok(list.to_owned());
    };
    // The `next` of a page before: what it is made of needs no escaping, but for the slash.
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b':' | b'/');
    if !after.bytes().all(plain) {
        return Err(ClientError::Part {
            text: after.to_owned(),
        });
    }
    Ok(format!("{list}?after={}", after.replace('/', "%2F")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str, bearer: Option<&str>) -> Result<RegistryClient, SettingsError> {
        RegistryClient::new(Settings {
            url,
            bearer,
            ca_pem: None,
            allow_plain: false,
        })
    }

    #[test]
    fn the_port_is_the_schemes_where_none_is_said() {
        let address = |url| client(url, None).unwrap().address().to_string();
        assert_eq!(address("http://127.0.0.1:8528"), "127.0.0.1:8528");
        assert_eq!(address("http://[::1]:8528/"), "[::1]:8528");
        assert_eq!(address("http://example.org"), "example.org:80");
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_the_rule() {
        for url in [
            "",
            "registry",
            "127.0.0.1:8528",
            "ftp://host",
            "http://host/path",
            "http://host?query",
        ] {
            let refused = client(url, None);
            assert!(matches!(refused, Err(SettingsError::Url { .. })), "{url}");
        }
    }

    #[test]
    fn a_token_never_goes_to_another_machine_in_the_clear() {
        for url in ["http://example.org", "http://10.0.0.1:8528"] {
            let refused = client(url, Some("marrow_x"));
            assert!(matches!(refused, Err(SettingsError::Plain { .. })), "{url}");
            assert!(client(url, None).is_ok());
        }
        for url in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
            assert!(client(url, Some("marrow_x")).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let client = client("http://127.0.0.1:1", Some("marrow_secret")).unwrap();
        assert!(!format!("{client:?}").contains("secret"));
        let split = client_with("marrow_\r\nx");
        assert!(matches!(split, Err(SettingsError::Bearer)));
    }

    fn client_with(bearer: &str) -> Result<RegistryClient, SettingsError> {
        client("http://127.0.0.1:1", Some(bearer))
    }

    #[test]
    fn no_name_leads_to_another_path() {
        for text in ["", "..", ".x", "a/b", "a?b", "a%2fb", "a b", "a\r\nb", "é"] {
            assert!(
                matches!(part(text), Err(ClientError::Part { .. })),
                "{text:?}"
            );
        }
        assert!(payload_part("a/b/c").is_err() && payload_part("a").is_err());
        assert_eq!(payload_part("acme/x").unwrap(), "/payloads/acme/x");
        assert_eq!(page("/l", Some("acme/x")).unwrap(), "/l?after=acme%2Fx");
        assert!(page("/l", Some("a&b")).is_err());
    }
}

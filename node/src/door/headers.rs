//! The headers by which a request from a web page can be told, whatever site the page is from.
//! Called for every request before its route is looked up.
//! Must never let a request through because a header is missing twice or spelt oddly.

use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Uri, Version};
use thiserror::Error;

use super::Via;

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Foreign {
    /// A name that may have been rebound to loopback (DNS rebinding).
    #[error(
        "the request is for host {found:?}; this address answers to 127.0.0.1, [::1] and \
         localhost, with port {port} or none"
    )]
    Host {
        /// The `Host` header, or the authority of the request's URI.
        found: String,
        /// The port that the daemon bound.
        port: u16,
    },
    /// RFC 9112 section 3.2 wants exactly one in HTTP/1.1.
    #[error("the request has {count} Host headers; it needs exactly 1")]
    HostCount {
        /// How many there are.
        count: usize,
    },
    /// Only browsers send it, for pages (Fetch standard, "Origin header").
    #[error("the request comes from a web page (Origin: {found}); pages are not served")]
    Origin {
        /// The header.
        found: String,
    },
    /// Only browsers send it (Fetch Metadata); `none` is a person's own navigation.
    #[error("the request comes from a web page (Sec-Fetch-Site: {found}); only `none` is served")]
    FetchSite {
        /// The header.
        found: String,
    },
}

/// Looks at what would betray a web page. `Host` matters on TCP only: no page reaches a unix
/// socket, and its callers write anything there.
///
/// # Errors
/// The first header that says that the request is foreign.
pub(crate) fn check(
    via: Via,
    version: Version,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Foreign> {
    if let Some(origin) = headers.get(ORIGIN) {
        return Err(Foreign::Origin {
            found: shown(origin.as_bytes()),
        });
    }
    for site in headers.get_all("sec-fetch-site") {
        if site.as_bytes() != b"none" {
            return Err(Foreign::FetchSite {
                found: shown(site.as_bytes()),
            });
        }
    }
    let Via::Tcp { port } = via else {
        return Ok(());
    };
    let hosts: Vec<&[u8]> = headers
        .get_all(HOST)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let is_old = version < Version::HTTP_11 && hosts.is_empty();
    if hosts.len() != 1 && !is_old {
        return Err(Foreign::HostCount { count: hosts.len() });
    }
    // The authority of an absolute URI overrules the header (RFC 9112 section 3.2.2): both count.
    let authority = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    for host in hosts.into_iter().chain(authority) {
        if !is_own(host, port) {
            return Err(Foreign::Host {
                found: shown(host),
                port,
            });
        }
    }
    Ok(())
}

fn is_own(host: &[u8], port: u16) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let names = ["127.0.0.1", "[::1]", "localhost"];
    names.iter().any(|name| {
        let Some((start, rest)) = host.split_at_checked(name.len()) else {
            return false;
        };
        start.eq_ignore_ascii_case(name)
            && (rest.is_empty() || rest.strip_prefix(':') == Some(&port.to_string()))
    })
}

/// A header as it may stand in an answer: printable and short.
fn shown(value: &[u8]) -> String {
    const CHARS_MAX: usize = 100;
    let text = String::from_utf8_lossy(value);
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    const TCP: Via = Via::Tcp { port: 8527 };

    fn judge(via: Via, uri: &str, headers: &[(&str, &str)]) -> Result<(), Foreign> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        check(via, Version::HTTP_11, &uri.parse().unwrap(), &map)
    }

    #[test]
    fn own_hosts_are_served_with_the_bound_port_or_none() {
        for host in [
            "127.0.0.1:8527",
            "127.0.0.1",
            "localhost",
            "LocalHost:8527",
            "[::1]:8527",
            "[::1]",
        ] {
            assert_eq!(judge(TCP, "/", &[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn foreign_hosts_are_refused() {
        for host in [
            "",
            "evil.example",
            "evil.example:8527",
            "localhost.evil.example",
            "127.0.0.1:80",
            "127.0.0.1.evil.example",
            "127.0.0.1:85270",
            "127.0.0.1:",
            "0.0.0.0:8527",
            "localhost:8527@evil",
            "127.0.0.1:+8527",
            "127.0.0.1:08527",
            "10.0.0.1",
        ] {
            let found = judge(TCP, "/", &[("host", host)]);
            assert!(
                matches!(found, Err(Foreign::Host { .. })),
                "{host}: {found:?}"
            );
        }
    }

    #[test]
    fn the_authority_of_an_absolute_uri_counts_too() {
        let host = ("host", "127.0.0.1:8527");
        assert!(judge(TCP, "http://evil.example/start", &[host]).is_err());
        assert_eq!(judge(TCP, "http://localhost:8527/start", &[host]), Ok(()));
    }

    #[test]
    fn one_host_is_needed_and_no_more() {
        assert_eq!(judge(TCP, "/", &[]), Err(Foreign::HostCount { count: 0 }));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(
            judge(TCP, "/", &twice),
            Err(Foreign::HostCount { count: 2 })
        );
        let old = check(
            TCP,
            Version::HTTP_10,
            &Uri::from_static("/"),
            &HeaderMap::new(),
        );
        assert_eq!(
            old,
            Ok(()),
            "HTTP/1.0 knew no Host, and no browser speaks it"
        );
        assert_eq!(judge(Via::Unix, "/", &[("host", "d")]), Ok(()));
    }

    #[test]
    fn any_origin_is_refused_even_its_own() {
        for origin in ["null", "http://127.0.0.1:8527", "https://evil.example", ""] {
            for via in [TCP, Via::Unix] {
                let found = judge(via, "/", &[("host", "localhost"), ("origin", origin)]);
                assert!(matches!(found, Err(Foreign::Origin { .. })), "{origin}");
            }
        }
    }

    #[test]
    fn only_a_navigation_of_a_person_passes_the_fetch_metadata() {
        let host = ("host", "localhost");
        assert_eq!(judge(TCP, "/", &[host, ("sec-fetch-site", "none")]), Ok(()));
        for site in [
            "cross-site",
            "same-site",
            "same-origin",
            "",
            "none, cross-site",
        ] {
            let found = judge(TCP, "/", &[host, ("sec-fetch-site", site)]);
            assert!(matches!(found, Err(Foreign::FetchSite { .. })), "{site}");
        }
        let twice = [
            host,
            ("sec-fetch-site", "none"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert!(judge(TCP, "/", &twice).is_err());
    }
}

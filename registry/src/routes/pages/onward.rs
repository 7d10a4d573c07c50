//! Where somebody was going who has to log in first. Called by what sends there, and by the log-in.
//! Must never lead to another origin: it stands in an address that anybody may have written.

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method};
use form_urlencoded::byte_serialize;

/// Bytes of a path with its query.
const BYTES_MAX: usize = 2000;

/// A path with its query, if it is one of this registry's.
pub(super) fn checked(text: &str) -> Option<&str> {
    let mut bytes = text.bytes();
    // A browser takes `//` and `/\` for the begin of a host (URL Standard, section 4.4).
    let is_path = bytes.next() == Some(b'/') && bytes.next() != Some(b'/');
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_path && is_plain && text.len() <= BYTES_MAX).then_some(text)
}

/// The address of the log-in for who asked for this.
pub(super) fn log_in_address(parts: &Parts) -> String {
    let sought = if parts.method != Method::GET {
        None
    } else if parts.headers.contains_key("hx-request") {
        current(&parts.headers)
    } else {
        parts.uri.path_and_query().map(PathAndQuery::as_str)
    };
    // Who is going nowhere else goes to the fleet.
    match sought.and_then(checked).filter(|sought| *sought != "/") {
        Some(sought) => {
            let encoded: String = byte_serialize(sought.as_bytes()).collect();
            format!("/login?next={encoded}")
        }
        None => "/login".to_owned(),
    }
}

/// The page that htmx asks from: what it asks for may be a part of it.
fn current(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let url = text("hx-current-url")?;
    let of_origin = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let (host, path) = of_origin.split_at(of_origin.find('/')?);
    host.eq_ignore_ascii_case(text(HOST.as_str())?)
        .then_some(path)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn only_a_path_of_this_registry_is_gone_on_to() {
        for good in ["/", "/nodes", "/rollouts/1?stands=failed#nodes", "/a//b"] {
            assert_eq!(checked(good), Some(good));
        }
        let long = format!("/{}", "a".repeat(BYTES_MAX));
        for bad in [
            "",
            "nodes",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\r\nSet-Cookie: a=b",
            "/\t/evil.example",
            "/\u{202e}",
            "\\/evil.example",
            " /nodes",
            &long,
        ] {
            assert_eq!(checked(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn where_somebody_was_going_is_kept_for_what_is_read_alone() {
        const PART: &str = "/rollouts/new/preview?a=1";
        let of = |method: &str, path: &str, current: Option<&str>| {
            let request = Request::builder().method(method).uri(path);
            let mut request = request.header("host", "r.example:8528");
            if let Some(current) = current {
                request = request.header("hx-request", "true");
                request = request.header("hx-current-url", current);
            }
            log_in_address(&request.body(()).unwrap().into_parts().0)
        };
        let to = "/login?next=%2Frollouts%2F1%3Fstands%3Dfailed";
        assert_eq!(of("GET", "/rollouts/1?stands=failed", None), to);
        assert_eq!(of("POST", "/rollouts/1?stands=failed", None), "/login");
        assert_eq!(of("GET", "/", None), "/login");
        assert_eq!(of("GET", "//evil.example", None), "/login");
        let own = "https://r.example:8528/rollouts/1?stands=failed";
        assert_eq!(of("GET", PART, Some(own)), to);
        for current in [
            "",
            "/nodes",
            "https://r.example:8528",
            "https://evil.example/nodes",
            "https://r.example:8528@evil.example/nodes",
            "https://r.example:8528//evil.example",
        ] {
            assert_eq!(of("GET", PART, Some(current)), "/login", "{current}");
        }
    }
}

//! Whether a form was sent by a page of this registry. Called before a log-in or log-out is read.
//! Must never take absence for a yes: every browser says where a form comes from.

use axum::http::header::{HOST, HeaderMap, ORIGIN};

use crate::routes::refusal::Refusal;

/// Lets a form of this origin through.
///
/// # Errors
/// 403.
pub(super) fn same(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    // Absent over plain HTTP to another host than this machine (Fetch Metadata, section 3).
    if let Some(site) = text("sec-fetch-site")
        && site != "same-origin"
    {
        let detail = format!("Sec-Fetch-Site is {site:?}; a form comes from this registry's page");
        return Err(Refusal::forbidden(detail));
    }
    let (origin, host) = (text(ORIGIN.as_str()), text(HOST.as_str()));
    let of_origin = origin.and_then(|origin| {
        origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"))
    });
    match (of_origin, host) {
        (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Refusal::forbidden(format!(
            "Origin is {:?} and Host is {:?}; a form comes from this registry's page",
            origin.unwrap_or("absent"),
            host.unwrap_or("absent")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_of_this_origin_are_let_through() {
        for (site, origin, through) in [
            (Some("same-origin"), Some("https://r.example:8528"), true),
            (None, Some("http://R.example:8528"), true),
            (None, None, false),
            (Some("same-origin"), None, false),
            (Some("none"), Some("https://r.example:8528"), false),
            (Some("same-site"), Some("https://r.example:8528"), false),
            (Some("cross-site"), Some("https://r.example:8528"), false),
            (None, Some("https://r.example"), false),
            (None, Some("https://evil.example"), false),
            (None, Some("https://r.example:8528.evil.example"), false),
            (None, Some("null"), false),
            (None, Some("r.example:8528"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", "r.example:8528".parse().unwrap());
            let mut put = |name: &'static str, value: Option<&'static str>| {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            };
            put("sec-fetch-site", site);
            put("origin", origin);
            assert_eq!(same(&headers).is_ok(), through, "{site:?} {origin:?}");
        }
    }
}

//! A browser that has logged in, without JavaScript: it reads pages and sends forms.
//! Must never follow a redirect by itself: where it leads is a rule.

use crate::client::Answer;
use crate::fleet::harness::Registry;

/// One log-in.
pub(crate) struct Browser<'a> {
    registry: &'a Registry,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// With the token of the first start.
    pub(crate) fn admin(registry: &'a Registry) -> Self {
        Self::with(registry, &registry.stage.admin)
    }

    /// With a new token of these scopes.
    pub(crate) async fn of(registry: &'a Registry, scopes: &[&str]) -> Self {
        let name = scopes.concat().replace([':', '*'], "-");
        let token = registry.token(&name, scopes).await;
        Self::with(registry, &token)
    }

    /// With this token.
    pub(crate) fn with(registry: &'a Registry, token: &str) -> Self {
        let origin = registry.url();
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [form, ("Origin", origin.as_str())];
        let answer = registry.ask("POST", "/login", &headers, &format!("token={token}"));
        let cookie = answer.header("set-cookie").expect("a cookie");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { registry, cookie }
    }

    /// A page, or what stands in its place.
    pub(crate) fn ask(&self, path: &str) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("Accept", "text/html")];
        self.registry.ask("GET", path, &headers, "")
    }

    /// The text of a page that is there.
    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.ask(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Sends a form of a page of this registry.
    pub(crate) fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send_from(path, &self.registry.url(), fields)
    }

    /// Sends a form of a page of this origin.
    pub(crate) fn send_from(&self, path: &str, origin: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [
            ("Cookie", self.cookie.as_str()),
            ("Origin", origin),
            ("Accept", "text/html"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        self.registry.ask("POST", path, &headers, &query(fields))
    }

    /// Sends a form and tells where it leads.
    #[track_caller]
    pub(crate) fn press(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.send(path, fields);
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
        answer.header("location").unwrap().to_owned()
    }
}

/// A text within an address or a form.
pub(crate) fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

/// Fields as the query of an address, or as the body of a form.
pub(crate) fn query(fields: &[(&str, &str)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<String>>().join("&")
}

/// What stands between two texts, the first time.
#[track_caller]
pub(crate) fn between<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = page
        .split_once(begin)
        .unwrap_or_else(|| panic!("{begin} is not in {page}"));
    rest.split_once(end)
        .unwrap_or_else(|| panic!("{end} is not behind {begin}"))
        .0
}

/// The value of a hidden input, the first of its name.
#[track_caller]
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let begin = format!("type=\"hidden\" name=\"{name}\" value=\"");
    let at = page
        .find(&begin)
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    let rest = &page[at + begin.len()..];
    rest[..rest.find('"').unwrap()].to_owned()
}

/// The text within an element that has this id.
#[track_caller]
pub(crate) fn within<'a>(page: &'a str, id: &str, end: &str) -> &'a str {
    let begin = format!("id=\"{id}\"");
    let at = page
        .find(&begin)
        .unwrap_or_else(|| panic!("no {id} in {page}"));
    let rest = &page[at..];
    let rest = &rest[rest.find('>').unwrap() + 1..];
    &rest[..rest.find(end).unwrap_or(rest.len())]
}

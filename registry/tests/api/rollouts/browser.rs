//! A browser without JavaScript: it is logged in, reads pages and sends their forms.
//! Must never send what no form of a page would.

use crate::client::Answer;
use crate::fleet::harness::Registry;

/// Logged in with a token.
pub(crate) struct Browser<'a> {
    registry: &'a Registry,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// Logs in.
    pub(crate) fn with(registry: &'a Registry, token: &str) -> Self {
        let mut browser = Self {
            registry,
            cookie: String::new(),
        };
        let answer = browser.send("/login", &[("token", token)]);
        let cookie = answer.header("set-cookie").expect("a cookie");
        cookie
            .split(';')
            .next()
            .unwrap()
            .clone_into(&mut browser.cookie);
        browser
    }

    /// With every right.
    pub(crate) fn of_admin(registry: &'a Registry) -> Self {
        Self::with(registry, &registry.stage.admin)
    }

    /// A page, whatever its status.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("Accept", "text/html")];
        self.registry.ask("GET", path, &headers, "")
    }

    /// The text of a page that is there.
    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Sends a form as a page of this registry does.
    pub(crate) fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.registry.url();
        self.send_from(&origin, path, fields)
    }

    /// Sends a form as a page of `origin` would.
    pub(crate) fn send_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [
            ("Cookie", self.cookie.as_str()),
            ("Accept", "text/html"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", origin),
        ];
        self.registry.ask("POST", path, &headers, &encoded(fields))
    }
}

/// Fields as the query of an address, or as the body of a form.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    let letter = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    let text = |text: &str| text.bytes().map(letter).collect::<String>();
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", text(name), text(value)));
    pairs.collect::<Vec<String>>().join("&")
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

//! Problem JSON (RFC 9457): the one form in which both HTTP APIs say no.
//! Written by the routes, read by the client and shown by the command lines.
//! Must never carry a path, a key or an address that the caller did not send.

use serde::{Deserialize, Serialize};

/// The media type of a problem (RFC 9457 section 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not done, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Names the kind of problem; `about:blank` means that the status says it all
    /// (RFC 9457 section 4.2.1).
    #[serde(rename = "type", default = "blank")]
    pub kind: String,
    /// The kind of problem in a few words, the same for every occurrence.
    #[serde(default)]
    pub title: String,
    /// The HTTP status of the answer.
    #[serde(default)]
    pub status: u16,
    /// What was wrong this time: the rule that was broken and both values.
    #[serde(default)]
    pub detail: String,
    /// Path of the field that broke the rule, such as `meta.bpf_skel.maps[2].name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Names the request in the registry's audit and journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What explains it at length: the words of the kernel's verifier when it was the kernel that
    /// said no, or two types side by side that should agree. May hold many lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

impl Problem {
    /// A problem whose kind is its HTTP status.
    #[must_use]
    pub fn new(status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: blank(),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            field: None,
            request: None,
            log: None,
        }
    }

    /// The same problem, naming the field that broke the rule.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Whether the detail says the field itself, as `data: is missing` says `data` and `program a:
    /// …` says `programs.a`: then people need not read it twice.
    fn detail_names(&self, field: &str) -> bool {
        // A longer word, or a longer path, is another field.
        let ends = |rest: &str| rest.starts_with([':', ' ']);
        if self.detail.strip_prefix(field).is_some_and(ends) {
            return true;
        }
        field.split_once("s.").is_some_and(|(one, name)| {
            let words = format!("{one} {name}");
            let mut found = self.detail.match_indices(&words);
            found.any(|(at, _)| self.detail.get(at + words.len()..).is_some_and(ends))
        })
    }

    /// The same problem with what explains it at length.
    #[must_use]
    pub fn with_log(mut self, log: impl Into<String>) -> Self {
        self.log = Some(log.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.title)?;
        if let Some(field) = &self.field
            && !self.detail_names(field)
        {
            write!(f, ": {field}")?;
        }
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.detail)
        }
    }
}

fn blank() -> String {
    "about:blank".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_members_are_left_out() {
        let text =
            serde_json::to_string(&Problem::new(404, "Not Found", "no instance `x`")).unwrap();
        assert_eq!(
            text,
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"no instance `x`"}"#
        );
    }

    #[test]
    fn a_problem_survives_the_way() {
        let problem = Problem::new(
            422,
            "Unprocessable Content",
            "data_sz is 9, data holds 3 bytes",
        )
        .with_field("data_sz")
        .with_log("0: R1=ctx()\ninvalid mem access");
        let text = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
    }

    #[test]
    fn every_member_may_be_absent_and_unknown_ones_are_ignored() {
        // RFC 9457 section 3.2: consumers must ignore extensions that they don't know.
        let problem: Problem = serde_json::from_str(r#"{"extension":[1]}"#).unwrap();
        assert_eq!(problem.kind, "about:blank");
    }

    #[test]
    fn the_field_is_told_once() {
        for (field, detail, told) in [
            ("data", "data: is missing", "data: is missing"),
            ("data_sz", "data: is short", "data_sz: data: is short"),
            ("data", "data_sz is 9", "data: data_sz is 9"),
            (
                "programs.at_hook",
                "program at_hook (section x): no",
                "program at_hook (section x): no",
            ),
            (
                "programs.a",
                "the kernel rejects program a: no",
                "the kernel rejects program a: no",
            ),
            ("programs.a", "program ab: no", "programs.a: program ab: no"),
            ("name", "too long", "name: too long"),
        ] {
            let problem = Problem::new(422, "refused", detail).with_field(field);
            assert_eq!(problem.to_string(), format!("refused: {told}"));
        }
    }
}

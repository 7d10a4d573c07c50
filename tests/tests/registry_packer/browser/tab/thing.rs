//! What a person points at, as the expression of script that finds it. Called by `tab`.
//! Must never find what is not shown.

use serde_json::json;

/// A thing on a page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Thing<'a> {
    /// The first that a CSS selector finds.
    At(&'a str),
    /// The button, link or summary whose words begin so.
    Saying(&'a str),
    /// The field of the label whose words begin so.
    Labelled(&'a str),
}

impl Thing<'_> {
    /// The expression that finds it.
    pub(super) fn found(self) -> String {
        let saying = |among: &str, text: &str| {
            format!(
                "[...document.querySelectorAll({})].find((one) => one.checkVisibility() && \
                 one.textContent.trim().replace(/\\s+/g, ' ').startsWith({}))",
                json!(among),
                json!(text)
            )
        };
        match self {
            Self::At(selector) => format!("document.querySelector({})", json!(selector)),
            Self::Saying(text) => saying("button, a, summary", text),
            Self::Labelled(text) => format!("{}?.control", saying("label", text)),
        }
    }
}

//! What `GET /nodes` shows. Made by its route.
//! Must never hold markup.

use api::registry::Nodes;
use askama::Template;

use super::Frame;
use super::address::Address;
use super::format::nodes_text;
use super::view::NodeView;

/// `GET /nodes`.
#[derive(Template)]
#[template(path = "nodes.html")]
pub(crate) struct NodeList {
    frame: Frame,
    sought: Sought,
    /// Where the selector goes wrong.
    wrong: Option<WrongSelector>,
    /// How many were found.
    found: String,
    is_first: bool,
    first: String,
    nodes: Vec<Row>,
    /// Address of the next page.
    next: Option<String>,
}

/// What is looked for, as it was typed; an empty text is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sought {
    pub(crate) named: String,
    pub(crate) selector: String,
    pub(crate) presence: String,
    pub(crate) state: String,
    pub(crate) payload: String,
    pub(crate) version: String,
}

/// A text that is no label expression, cut where it goes wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrongSelector {
    /// Why.
    why: String,
    before: String,
    /// What stands at the place; a mark of its own where the text ends there.
    here: String,
    after: String,
}

/// A node.
struct Row {
    view: NodeView,
    /// What it refused.
    refused: usize,
}

impl NodeList {
    /// A page of nodes, the first where it is behind none.
    pub(crate) fn of(
        frame: Frame,
        sought: Sought,
        is_first: bool,
        listed: Nodes,
        now_ms: u64,
    ) -> Self {
        let next = listed
            .next
            .map(|after| sought.address().with("after", &after).text());
        let nodes = listed.nodes.into_iter().map(|node| Row {
            refused: node.refused.len(),
            view: NodeView::of(node, now_ms),
        });
        Self {
            frame,
            first: sought.address().text(),
            found: nodes_text(listed.matches),
            wrong: None,
            is_first,
            nodes: nodes.collect(),
            next,
            sought,
        }
    }

    /// The form with what is wrong in it.
    pub(crate) fn wrong(frame: Frame, sought: Sought, wrong: WrongSelector) -> Self {
        Self {
            frame,
            first: sought.address().text(),
            sought,
            wrong: Some(wrong),
            found: String::new(),
            is_first: true,
            nodes: Vec::new(),
            next: None,
        }
    }
}

impl Sought {
    /// The address of the first page of what is looked for.
    fn address(&self) -> Address {
        Address::to("/nodes")
            .with("q", &self.named)
            .with("select", &self.selector)
            .with("presence", &self.presence)
            .with("state", &self.state)
            .with("payload", &self.payload)
            .with("version", &self.version)
    }

    fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

impl WrongSelector {
    /// A text that goes wrong at a byte, or as a whole.
    pub(crate) fn new(text: &str, at: Option<usize>, why: String) -> Self {
        let at = at.unwrap_or(0).min(text.len());
        let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
        let letter = rest.chars().next().map_or(0, char::len_utf8);
        let (here, after) = rest.split_at_checked(letter).unwrap_or(("", rest));
        let shown = |text: &str| text.chars().take(SHOWN_CHARS_MAX).collect::<String>();
        Self {
            why,
            before: shown(before),
            here: if here.trim().is_empty() {
                "␣".to_owned()
            } else {
                here.to_owned()
            },
            after: shown(after),
        }
    }
}

/// An expression has at most as many bytes; what is longer is shown in part.
const SHOWN_CHARS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_selector_is_marked_at_its_place() {
        let of = |text: &str, at| {
            let wrong = WrongSelector::new(text, at, String::new());
            (wrong.before, wrong.here, wrong.after)
        };
        let parts = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(of("env=$x", Some(4)), parts("env=", "$", "x"));
        assert_eq!(of("a=é", Some(2)), parts("a=", "é", ""));
        assert_eq!(of("env=", Some(4)), parts("env=", "␣", ""));
        // A place inside a letter, or behind the end, breaks nothing.
        assert_eq!(of("é", Some(1)), parts("é", "␣", ""));
        assert_eq!(of("a", Some(9)), parts("a", "␣", ""));
    }
}

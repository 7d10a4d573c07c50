//! Label expressions: which nodes a deployment is for. Called by the deployment routes and by
//! `desired`. One to 32 terms with commas between, all of which must hold; `*` alone holds for
//! every node. A term is `key` (the label is there), `!key` (it is not), `key=value`,
//! `key!=value` (also where it is not there), `key in (a b)`, or `key` with `<`, `<=`, `>`, `>=`
//! and numbers with dots. `kernel`, `arch` and `node` are the node's own, never labels; `kernel`
//! is compared as numbers, as many as the term gives: `kernel=5.15` holds for 5.15.3. A value with
//! other letters than `A-Z a-z 0-9 . _ - / : @ +` stands in double quotes.
//! Must never call a text that it read only in part an expression.

mod numbers;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

use api::registry::Facts;

use numbers::Numbers;
pub(crate) use parse::{SelectorError, is_key};

/// Bytes of an expression.
pub(crate) const SELECTOR_BYTES_MAX: usize = 1024;
/// Terms of one expression.
pub(crate) const TERMS_MAX: usize = 32;
/// Values behind one `in`.
pub(crate) const VALUES_MAX: usize = 64;
/// Keys that are the node's own: a label of that name is never compared.
pub(crate) const OWN_KEYS: [&str; 3] = ["arch", "kernel", "node"];

/// An expression that was read whole. Its text reads back as the same expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    /// All must hold; empty for `*`.
    terms: Vec<Term>,
}

/// What a selector is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// What it told, its labels among it.
    pub(crate) facts: &'a Facts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Present,
    Absent,
    Is(String),
    IsNot(String),
    In(Vec<String>),
    Compare(Comparison, Numbers),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrSame,
    More,
    MoreOrSame,
}

impl Selector {
    /// Whether every term holds for the node.
    pub(crate) fn matches(&self, candidate: Candidate<'_>) -> bool {
        self.terms.iter().all(|term| term.holds(candidate))
    }
}

impl Candidate<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        match key {
            "arch" => Some(&self.facts.arch),
            "kernel" => Some(&self.facts.kernel),
            "node" => Some(self.node),
            label => label_of(&self.facts.labels, label),
        }
    }
}

fn label_of<'a>(labels: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
    labels.get(key).map(String::as_str)
}

impl Term {
    fn holds(&self, candidate: Candidate<'_>) -> bool {
        let value = candidate.value(&self.key);
        let is = |wanted: &String| value.is_some_and(|value| self.same(value, wanted));
        match &self.rule {
            Rule::Present => value.is_some(),
            Rule::Absent => value.is_none(),
            Rule::Is(wanted) => is(wanted),
            Rule::IsNot(unwanted) => !is(unwanted),
            Rule::In(wanted) => wanted.iter().any(is),
            Rule::Compare(comparison, bound) => value
                .and_then(|value| bound.order_of(value))
                .is_some_and(|order| comparison.holds(order)),
        }
    }

    /// A kernel is the same where the numbers are: nobody writes `6.1.0-18-cloud-amd64` out.
    fn same(&self, value: &str, wanted: &str) -> bool {
        let by_numbers = (self.key == "kernel")
            .then(|| wanted.parse::<Numbers>().ok())
            .flatten()
            .and_then(|numbers| numbers.order_of(value));
        by_numbers.map_or(value == wanted, std::cmp::Ordering::is_eq)
    }
}

impl Comparison {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrSame => order.is_le(),
            Self::More => order.is_gt(),
            Self::MoreOrSame => order.is_ge(),
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrSame => "<=",
            Self::More => ">",
            Self::MoreOrSame => ">=",
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return f.write_str("*");
        }
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.rule {
            Rule::Present => f.write_str(key),
            Rule::Absent => write!(f, "!{key}"),
            Rule::Is(value) => write!(f, "{key}={}", Value(value)),
            Rule::IsNot(value) => write!(f, "{key}!={}", Value(value)),
            Rule::Compare(comparison, bound) => write!(f, "{key}{}{bound}", comparison.sign()),
            Rule::In(values) => {
                write!(f, "{key} in (")?;
                for (index, value) in values.iter().enumerate() {
                    let space = if index > 0 { " " } else { "" };
                    write!(f, "{space}{}", Value(value))?;
                }
                f.write_str(")")
            }
        }
    }
}

/// A value as the parser reads it: in quotes where it needs them.
struct Value<'a>(&'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.chars().all(parse::is_bare) {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        for letter in self.0.chars() {
            if matches!(letter, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{letter}")?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
#[path = "selector/tests.rs"]
mod tests;

//! The place of a value in a legacy JSON document, as errors name it: `meta.bpf_skel.maps[2].name`.
//! Kept by the JSON reader and by the readers of fields.
//! Must never show a key unescaped.

use super::error::{LegacyError, Rule, escaped};

/// The way from the document to a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// The document itself.
    pub(super) fn document() -> Self {
        Self::default()
    }

    pub(super) fn enter_key(&mut self, key: &str) {
        self.0.push(Step::Key(key.to_owned()));
    }

    pub(super) fn enter_index(&mut self, index: usize) {
        self.0.push(Step::Index(index));
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// The way to a key of the object here.
    pub(super) fn key(&self, key: &str) -> Self {
        let mut path = self.clone();
        path.enter_key(key);
        path
    }

    /// The way to an element of the array here.
    pub(super) fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.enter_index(index);
        path
    }

    /// A rule broken here.
    pub(super) fn error(&self, rule: Rule) -> LegacyError {
        LegacyError {
            path: self.to_string(),
            rule,
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("the JSON");
        }
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => formatter.write_str(&escaped(key))?,
                Step::Key(key) => write!(formatter, ".{}", escaped(key))?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

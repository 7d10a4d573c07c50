//! What somebody signs or publishes, on one screen. Called by `sign` and `publish`.
//! Must never leave out what the programs could do: this is the moment to judge it.

use payload::signature::Statement;
use serde::Serialize;

use crate::input::Input;
use crate::moment;
use crate::table::{Text, row};

/// The most programs that are named; of more, their number is told.
const PROGRAMS_SHOWN_MAX: usize = 8;

/// A payload as it is signed.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) payload: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) size_bytes: u64,
    /// Each with its hook.
    pub(crate) programs: Vec<String>,
    /// What they could do, in words.
    pub(crate) privileges: Vec<String>,
}

impl Summary {
    /// Of a payload, and of what a signature says of it.
    pub(crate) fn of(input: &Input, statement: &Statement) -> Self {
        let manifest = &input.unsigned.contents().manifest;
        let program = |program: &payload::manifest::Program| match &program.target {
            Some(target) => format!("{} ({} {target})", program.name, program.kind),
            None => format!("{} ({})", program.name, program.kind),
        };
        Self {
            payload: statement.name.to_string(),
            version: statement.version.to_string(),
            digest: statement.digest.to_string(),
            size_bytes: input.bytes.len() as u64,
            programs: manifest.programs.iter().map(program).collect(),
            privileges: input.privileges().into_iter().map(str::to_owned).collect(),
        }
    }

    /// Its rows of label and value.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![
            row(["payload", &format!("{} {}", self.payload, self.version)]),
            row(["digest", &self.digest]),
            row(["size", &moment::size(self.size_bytes)]),
        ];
        let shown = self.programs.iter().take(PROGRAMS_SHOWN_MAX).cloned();
        push_all(&mut rows, "programs", shown);
        let more = self.programs.len().saturating_sub(PROGRAMS_SHOWN_MAX);
        if more > 0 {
            rows.push(row(["", &format!("and {more} more")]));
        }
        let privileges = if self.privileges.is_empty() {
            vec!["nothing but watch".to_owned()]
        } else {
            self.privileges.clone()
        };
        push_all(&mut rows, "can", privileges);
        rows
    }
}

/// A row a value, the label on the first.
pub(crate) fn push_all(
    rows: &mut Vec<Vec<String>>,
    label: &str,
    values: impl IntoIterator<Item = String>,
) {
    for (index, value) in values.into_iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        rows.push(row([label, &value]));
    }
}

/// Rows as text.
pub(crate) fn text(rows: Vec<Vec<String>>) -> String {
    let mut text = Text::default();
    text.rows("", rows);
    text.into_string()
}

//! Everything that the registry prints: results on standard output, the journal and failures on
//! standard error. Called by the command line and the server.
//! Must never let a name from outside steer the terminal, nor print a secret but the first token.

use std::io::{self, Write};
use std::path::Path;

use api::problem::Problem;

use crate::backup::Copied;

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// JSON for programs, or text for people.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Where the registry listens, as a URL.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn listening(self, url: &str) -> io::Result<()> {
        if self.json {
            return print(&format!("{}\n", serde_json::json!({ "listening": url })));
        }
        print(&format!("listening on {url}\n"))
    }

    /// The token of the first start, or of one where no other is in force.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn admin_token(self, secret: &str) -> io::Result<()> {
        if self.json {
            return print(&format!(
                "{}\n",
                serde_json::json!({ "admin_token": secret })
            ));
        }
        print(&format!("admin token, shown this once: {secret}\n"))
    }

    /// What a backup holds.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn copied(self, into: &Path, copied: Copied) -> io::Result<()> {
        if self.json {
            return print(&format!("{}\n", serde_json::to_string(&copied)?));
        }
        let into = clean(&into.display().to_string());
        print(&format!("{into}: {copied}\n"))
    }

    /// What the registry did or could not do.
    pub(crate) fn journal(self, text: &str) {
        if self.json {
            print_error(&format!("{}\n", serde_json::json!({ "journal": text })));
        } else {
            print_error(&format!("{}\n", clean(text)));
        }
    }

    /// Why a command failed.
    pub(crate) fn failure(self, problem: &Problem) {
        if self.json {
            print_error(&(serde_json::to_string(problem).unwrap_or_default() + "\n"));
        } else {
            print_error(&format!("registry: {}\n", clean(&problem.to_string())));
        }
    }
}

/// Control characters would act on the terminal.
fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && letter != '\n' {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// There is nowhere left to say that standard error is closed.
fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

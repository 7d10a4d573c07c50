//! The rules of the house that neither rustfmt nor clippy knows. Called by `cargo xtask tidy`
//! and by `check`. Each rule is a function over one file or over the tree, with a test that
//! shows it can fail. Must never change a file.

mod cargo;
mod docs;
mod fences;
mod frozen;
mod headers;
mod length;
mod names;
mod source;
mod words;

use anyhow::{Result, bail};

use crate::{output, run};
use source::File;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// From the root of the repository.
    pub(crate) path: String,
    /// Counts from 1.
    pub(crate) line: usize,
    /// The rule, with what broke it.
    pub(crate) rule: String,
}

impl Violation {
    fn new(path: &str, line: usize, rule: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule: rule.into(),
        }
    }
}

/// Rules that look at one file alone.
const FILE_RULES: [fn(&File) -> Vec<Violation>; 10] = [
    length::of_file,
    length::of_functions,
    headers::module_header,
    headers::no_mod_rs,
    headers::c_licence,
    names::types,
    names::files,
    fences::crates,
    fences::prints,
    words::left_behind,
];

/// Runs every rule over every file that git tracks or would track.
///
/// # Errors
/// When a rule is broken, after all violations have been printed.
pub(crate) fn tidy() -> Result<()> {
    let files = source::tree()?;
    let mut violations: Vec<Violation> = files
        .iter()
        .flat_map(|file| FILE_RULES.iter().flat_map(|rule| rule(file)))
        .collect();
    violations.extend(cargo::manifests(&files));
    violations.extend(cargo::no_unsafe(&files));
    violations.extend(docs::named_paths(&files));
    violations.extend(frozen::append_only()?);
    violations.extend(clang_format(&files)?);
    violations.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for Violation { path, line, rule } in &violations {
        output::line(&format!("{path}:{line}: {rule}"));
    }
    match violations.len() {
        0 => {
            output::line(&format!("tidy: {} files keep every rule", files.len()));
            Ok(())
        }
        count => bail!("tidy: {count} violations in {} files", files.len()),
    }
}

/// The format of C files, by the tool itself.
fn clang_format(files: &[File]) -> Result<Vec<Violation>> {
    let paths: Vec<&str> = files
        .iter()
        .filter(|file| file.is_c())
        .map(|file| file.path.as_str())
        .collect();
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    if run::which("clang-format").is_none() {
        let rule = "clang-format is not installed: run `cargo xtask setup`";
        return Ok(vec![Violation::new(".clang-format", 1, rule)]);
    }
    let mut command = run::command("clang-format");
    let output = run::finished(command.args(["--dry-run", "--style=file"]).args(paths))?;
    Ok(format_warnings(&String::from_utf8_lossy(&output.stderr)))
}

/// Reads `path:line:column: warning: …`; one violation a file is enough to act on.
fn format_warnings(text: &str) -> Vec<Violation> {
    let mut found: Vec<Violation> = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(4, ':');
        let (Some(path), Some(number), Some(_), Some(rest)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        if rest.contains("warning") && found.iter().all(|violation| violation.path != path) {
            let rule = format!("is not formatted: run `clang-format -i {path}`");
            found.push(Violation::new(path, number, rule));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unformatted_c_is_reported_once_a_file() {
        let text = "bpf/a.bpf.c:3:5: warning: code should be clang-formatted\n  int  x;\n\
                    bpf/a.bpf.c:9:5: warning: code should be clang-formatted\n";
        let found = format_warnings(text);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("bpf/a.bpf.c", 3));
    }

    #[test]
    fn this_tree_is_read() {
        let files = source::tree().unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/tidy.rs"));
    }
}

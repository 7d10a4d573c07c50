//! Golden files and migrations are append-only: once in the history, never changed.
//! Called by `tidy`. Must never trust the working tree alone: a commit can change a file too.

use anyhow::Result;

use super::Violation;
use crate::run;

/// Asks git what happened to frozen files after they were added.
///
/// # Errors
/// When git fails.
pub(crate) fn append_only() -> Result<Vec<Violation>> {
    // What explains them may be put better.
    let paths = ["--", "*/golden/*", "migrations/*", ":(exclude)*.md"];
    let has_commits =
        run::finished(run::command("git").args(["rev-parse", "-q", "--verify", "HEAD"]))?;
    if !has_commits.status.success() {
        return Ok(Vec::new());
    }
    let mut diff = run::command("git");
    diff.args(["diff", "--name-status", "--no-renames", "HEAD"])
        .args(paths);
    let mut log = run::command("git");
    log.args(["log", "--name-status", "--no-renames", "--format="])
        .args(paths);
    let mut found = changed(&run::captured(&mut diff)?, "the working tree");
    found.extend(changed(&run::captured(&mut log)?, "a commit"));
    Ok(found)
}

/// Reads lines of `git --name-status`: a letter, a tab, a path.
fn changed(status: &str, place: &str) -> Vec<Violation> {
    status
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(letter, _)| *letter != "A")
        .map(|(letter, path)| {
            let what = if letter == "D" { "removed" } else { "changed" };
            Violation::new(
                path,
                1,
                format!("is append-only, but was {what} in {place}"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_is_all_that_may_happen() {
        let status = "A\tpayload/tests/golden/a.wasm\n\nM\tpayload/tests/golden/b.wasm\n\
                      D\tmigrations/1.sql\n";
        let found = changed(status, "a commit");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].path, "payload/tests/golden/b.wasm");
        assert!(found[1].rule.contains("removed"));
    }
}

//! What a run of tests came to: counts, and which tests did not run. Called by `check::suites`.
//! Must never count a test as passed that says it did not run.

use std::collections::BTreeMap;

use crate::output;

/// What a test prints when it cannot run here: this, then why.
pub(crate) const NOT_RUN: &str = "not run: ";

/// Sums over all test binaries.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Tests that returned early, by the reason they gave.
    not_run: BTreeMap<String, Vec<String>>,
    failures: Vec<Failure>,
}

/// A test that failed, and the first lines that it printed.
#[derive(Debug)]
struct Failure {
    test: String,
    lines: Vec<String>,
}

/// Lines of a failed test that are said once more at the end.
const FAILURE_LINES_MAX: usize = 8;
/// Characters of such a line.
const FAILURE_CHARS_MAX: usize = 400;

impl Tally {
    /// Takes in the line that ends a test binary's output, if it is one:
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
    pub(crate) fn take_result(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let counts = counts.split_once(". ").map_or(counts, |(_, counts)| counts);
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// A test that did not run, and why; each test once.
    pub(crate) fn take_not_run(&mut self, test: &str, why: &str) {
        let tests = self.not_run.entry(why.trim().to_owned()).or_default();
        if !tests.iter().any(|known| known == test) {
            tests.push(test.to_owned());
        }
    }

    /// Says which tests did not run and why.
    pub(crate) fn explain_not_run(&self) {
        for (why, tests) in &self.not_run {
            output::line(&format!("not run ({}): {why}", tests.len()));
            for test in tests {
                output::line(&format!("    {test}"));
            }
        }
    }

    /// Says once more which tests failed and what they said first: the place where it was printed is
    /// thousands of lines above.
    pub(crate) fn explain_failures(&self) {
        for failure in &self.failures {
            output::line(&format!("failed: {}", failure.test));
            for line in &failure.lines {
                output::line(&format!("    {line}"));
            }
        }
    }

    /// A line that a failed test printed.
    fn take_failure(&mut self, test: &str, line: &str) {
        if self
            .failures
            .last()
            .is_none_or(|failure| failure.test != test)
        {
            self.failures.push(Failure {
                test: test.to_owned(),
                lines: Vec::new(),
            });
        }
        let lines = self.failures.last_mut().map(|failure| &mut failure.lines);
        if let Some(lines) = lines.filter(|lines| lines.len() < FAILURE_LINES_MAX) {
            lines.push(line.chars().take(FAILURE_CHARS_MAX).collect());
        }
    }

    /// The last line of `check`. A step that failed before or beside the tests counts as one.
    pub(crate) fn line(&self, step_failed: bool) -> String {
        let not_run = self.not_run.values().map(Vec::len).sum::<usize>() as u64;
        let failed = self.failed.max(u64::from(step_failed));
        let passed = self.passed.saturating_sub(not_run);
        format!(
            "{passed} passed, {failed} failed, {} skipped",
            self.ignored + not_run
        )
    }
}

/// Reads the output of `cargo test -- --show-output` line by line.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The test whose output is being read.
    test: Option<String>,
    in_names: bool,
    /// Whether that test failed.
    in_failures: bool,
}

impl Reader {
    /// Takes a line into the tally; returns whether a person wants to see it.
    pub(crate) fn take(&mut self, line: &str, tally: &mut Tally) -> bool {
        tally.take_result(line);
        if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" ----"))
        {
            let name = name.strip_suffix(" stdout").unwrap_or(name);
            self.test = Some(name.to_owned());
            self.in_names = false;
            return true;
        }
        if let Some(why) = line.strip_prefix(NOT_RUN) {
            tally.take_not_run(self.test.as_deref().unwrap_or("unnamed"), why);
            return true;
        }
        if let Some(test) = self.test.as_deref().filter(|_| self.in_failures)
            && !["", "failures:"].contains(&line)
        {
            tally.take_failure(test, line);
        }
        match line {
            "successes:" | "failures:" => {
                (self.test, self.in_names) = (None, true);
                self.in_failures = line == "failures:";
                false
            }
            _ if line.starts_with("test result: ") => {
                (self.test, self.in_names, self.in_failures) = (None, false, false);
                // A binary whose tests all belong to another step has nothing to say.
                !line.starts_with("test result: ok. 0 passed; 0 failed; 0 ignored")
            }
            _ if line.starts_with("test ") => !line.ends_with(" ... ok"),
            _ if self.in_names => line.starts_with("    ") && self.test.is_some(),
            _ if line.starts_with("running ") || line.is_empty() => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "running 3 tests\ntest a ... ok\ntest b ... ok\ntest c ... FAILED\n\n\
        successes:\n\n---- b stdout ----\nnot run: no root\n\nsuccesses:\n    a\n    b\n\n\
        failures:\n\n---- c stdout ----\nthread 'c' panicked\n\nfailures:\n    c\n\n\
        test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out\n";

    #[test]
    fn a_test_that_did_not_run_is_not_counted_as_passed() {
        let (mut tally, mut reader) = (Tally::default(), Reader::default());
        let shown: Vec<&str> = OUTPUT
            .lines()
            .filter(|line| reader.take(line, &mut tally))
            .collect();
        assert_eq!(tally.line(true), "1 passed, 1 failed, 2 skipped");
        assert_eq!(tally.not_run["no root"], ["b"]);
        assert!(shown.contains(&"thread 'c' panicked") && shown.contains(&"test c ... FAILED"));
        assert!(!shown.contains(&"test a ... ok") && !shown.contains(&"    a"));
        let [failure] = &tally.failures[..] else {
            panic!("{:?}", tally.failures);
        };
        assert_eq!(failure.test, "c");
        assert_eq!(failure.lines, ["thread 'c' panicked"]);
    }

    #[test]
    fn a_step_that_fails_before_the_tests_is_a_failure() {
        assert_eq!(Tally::default().line(true), "0 passed, 1 failed, 0 skipped");
    }
}

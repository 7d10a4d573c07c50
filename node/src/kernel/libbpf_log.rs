//! What libbpf says while it works, the verifier's log included, caught per thread so that two
//! loads at once do not mix. Used around every call into libbpf that can be refused.

use std::cell::RefCell;
use std::sync::Once;

use libbpf_rs::{PrintLevel, set_print};

/// Most bytes of libbpf's words that are kept. The end is kept: it holds the verifier's verdict.
const LOG_BYTES_MAX: usize = 256 * 1024;

thread_local! {
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work` and returns what libbpf warned about meanwhile on this thread.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> (T, String) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        set_print(Some((PrintLevel::Info, keep)));
    });
    CAUGHT.with(|caught| *caught.borrow_mut() = Some(String::new()));
    let done = work();
    let log = CAUGHT
        .with(|caught| caught.borrow_mut().take())
        .unwrap_or_default();
    (done, log)
}

/// Outside `catch` libbpf only repeats what a returned error says already.
#[expect(
    clippy::needless_pass_by_value,
    reason = "libbpf-rs gives the text away"
)]
fn keep(_level: PrintLevel, text: String) {
    CAUGHT.with(|caught| {
        // A print from within a print would find the cell borrowed: it is dropped, not a panic.
        let Ok(mut caught) = caught.try_borrow_mut() else {
            return;
        };
        let Some(log) = caught.as_mut() else { return };
        log.push_str(&text);
        keep_end(log, LOG_BYTES_MAX);
    });
}

fn keep_end(log: &mut String, bytes_max: usize) {
    if log.len() <= bytes_max {
        return;
    }
    let mut from = log.len() - bytes_max;
    while !log.is_char_boundary(from) {
        from += 1;
    }
    log.drain(..from);
}

/// The verifier's own words inside libbpf's, or all of libbpf's where there are none.
pub(crate) fn verifier_words(log: &str) -> &str {
    let begin = "-- BEGIN PROG LOAD LOG --";
    let end = "-- END PROG LOAD LOG --";
    // A log whose beginning was too much to keep still has its end.
    let Some(to) = log.find(end) else {
        return log.trim();
    };
    let from = log[..to].find(begin).map_or(0, |at| at + begin.len());
    log[from..to].trim()
}

/// The verifier's last word: what it found wrong, in one line, where it said so.
pub(crate) fn last_word(log: &str) -> Option<&str> {
    let words = log
        .contains("-- BEGIN PROG LOAD LOG --")
        .then(|| verifier_words(log))?;
    let statistics = [
        "processed ",
        "verification time",
        "stack depth",
        "max_states",
        "total_states",
    ];
    let mut lines = words.lines().rev().map(str::trim);
    lines.find(|line| !line.is_empty() && !statistics.iter().any(|word| line.starts_with(word)))
}

/// The program libbpf names as the one that failed: it says so before the verifier's log, where
/// there is one, and again at the end.
pub(crate) fn failed_program(log: &str) -> Option<&str> {
    log.lines().find_map(|line| {
        let (name, what) = line.split_once("prog '")?.1.split_once('\'')?;
        let what = what.strip_prefix(": ")?;
        let failed = ["BPF program load failed", "failed to load: "];
        failed
            .iter()
            .any(|words| what.starts_with(words))
            .then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_log_is_kept_on_a_character_boundary() {
        let mut log = "é".repeat(10);
        keep_end(&mut log, 5);
        assert_eq!(log, "éé");
    }

    #[test]
    fn verifier_words_are_cut_out_of_libbpfs() {
        let log = "libbpf: prog 'p': BPF program load failed: Invalid argument\n\
                   libbpf: prog 'p': -- BEGIN PROG LOAD LOG --\nR1 invalid\n-- END PROG LOAD LOG --\n";
        assert_eq!(verifier_words(log), "R1 invalid");
        assert_eq!(failed_program(log), Some("p"));
        assert_eq!(last_word(log), Some("R1 invalid"));
        assert_eq!(last_word("no verifier spoke"), None);
        assert_eq!(verifier_words(" no verifier spoke "), "no verifier spoke");
        let (_, end) = log.split_at(log.find("R1").unwrap());
        assert_eq!(verifier_words(end), "R1 invalid");
    }

    #[test]
    fn a_program_is_named_that_the_kernel_was_never_asked_about() {
        let log = "libbpf: prog 'p': failed to find kernel BTF type ID of 'nowhere': -3\n\
                   libbpf: prog 'p': failed to prepare load attributes: -3\n\
                   libbpf: prog 'p': failed to load: -3\n\
                   libbpf: failed to load object 'default'\n";
        assert_eq!(failed_program(log), Some("p"));
        assert_eq!(failed_program("libbpf: failed to load object 'x'\n"), None);
    }
}

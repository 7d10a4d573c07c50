//! What the kernel says to a payload, as a table that a person reads.
//! Used by `verify`.
//! Must never show a number that the kernel did not tell.

use std::fmt::Write;

use super::table::{clean, row, table};
use crate::engine::{Fate, ProgramVerdict, Verdict};

/// The whole verdict, a line break at its end.
pub(super) fn text(verdict: &Verdict) -> String {
    let word = if verdict.loads { "loads" } else { "is refused" };
    let mut text = format!("{} {word}\n", clean(&verdict.payload));
    if let Some(reason) = &verdict.not_attached {
        let _ = writeln!(text, "this node would not attach it: {}", clean(reason));
    }
    let mut rows = vec![row([
        "program",
        "section",
        "verdict",
        "instructions",
        "verified",
        "machine code",
    ])];
    rows.extend(verdict.programs.iter().map(program));
    text.push_str(&table("  ", &rows));
    if verdict.loads {
        let of = |us: u64| format!("{}.{:03} ms", us / 1000, us % 1000);
        let _ = writeln!(
            text,
            "cut the kernel's BTF {}, open {}, verify {}; {} maps",
            of(verdict.cut_us),
            of(verdict.open_us),
            of(verdict.verify_us),
            verdict.maps.len()
        );
    }
    text
}

fn program(verdict: &ProgramVerdict) -> Vec<String> {
    let told = |number: Option<u32>, unit: &str| {
        number.map_or_else(String::new, |number| format!("{number}{unit}"))
    };
    row([
        &verdict.program,
        &verdict.section,
        word(verdict.fate),
        &verdict.instructions.to_string(),
        &told(verdict.verified_instructions, ""),
        &told(verdict.machine_code_bytes, " bytes"),
    ])
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Loaded => "loaded",
        Fate::Refused => "refused",
        Fate::LeftOut => "left out",
        Fate::NotReached => "not reached",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_and_what_was_not_reached_is_told_apart() {
        let program = |name: &str, fate, verified_instructions| ProgramVerdict {
            program: name.into(),
            section: "xdp".into(),
            fate,
            instructions: 9,
            verified_instructions,
            machine_code_bytes: None,
            tag: None,
        };
        let verdict = Verdict {
            payload: "local/x".into(),
            digest: String::new(),
            loads: false,
            refused_step: Some("verify"),
            not_attached: None,
            programs: vec![
                program("a", Fate::Refused, None),
                program("b", Fate::NotReached, None),
                program("c", Fate::Loaded, Some(7)),
            ],
            maps: Vec::new(),
            cut_us: 0,
            open_us: 0,
            verify_us: 0,
        };
        let text = text(&verdict);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "local/x is refused");
        assert_eq!(lines[2], "  a        xdp      refused      9");
        assert_eq!(lines[3], "  b        xdp      not reached  9");
        assert_eq!(lines[4], "  c        xdp      loaded       9             7");
        assert_eq!(lines.len(), 5, "no times of what did not load");
    }
}

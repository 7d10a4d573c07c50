//! Whether the node and the bare loader say the same about an object. Called by `judge`; pure.
//! Must never take two refusals for the same one because both are refusals.

use super::read::{Refusal, Step, Verdict};

/// How two verdicts stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Agreement {
    /// Both loaded the same programs.
    Loaded,
    /// Both refused the same program, or the object, at the same step with the same error.
    Refused(Step, i32),
    /// Both refused it, the node by its inspection, which comes first.
    RefusedEarlier(String),
    /// The bare loader loaded no program, because there is none; the node's inspection refused it.
    NothingToRun(String),
    /// They say different things.
    Disagree(String),
}

/// How the node's verdict stands to that of the bare loader.
pub(super) fn agreement(node: &Verdict, bare: &Verdict) -> Agreement {
    match (node, bare) {
        (Verdict::Loaded(ours), Verdict::Loaded(theirs)) if ours == theirs => Agreement::Loaded,
        (Verdict::Refused(ours), Verdict::Refused(theirs)) => refusals(ours, theirs),
        (Verdict::Refused(ours), Verdict::Loaded(theirs))
            if ours.step == Step::Inspect && theirs.is_empty() =>
        {
            Agreement::NothingToRun(ours.reason.clone())
        }
        _ => differ(node, bare),
    }
}

fn refusals(ours: &Refusal, theirs: &Refusal) -> Agreement {
    if ours == theirs
        && let Some(errno) = ours.errno
    {
        return Agreement::Refused(ours.step, errno);
    }
    let names = |program: &String| ours.reason.contains(&format!("\"{program}\""));
    if ours.step == Step::Inspect && theirs.program.as_ref().is_none_or(names) {
        return Agreement::RefusedEarlier(ours.reason.clone());
    }
    differ(
        &Verdict::Refused(ours.clone()),
        &Verdict::Refused(theirs.clone()),
    )
}

fn differ(node: &Verdict, bare: &Verdict) -> Agreement {
    Agreement::Disagree(format!("node: {}; libbpf: {}", words(node), words(bare)))
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Loaded(programs) => format!("loaded {}", programs.join(" ")),
        Verdict::Refused(Refusal {
            step,
            errno,
            program,
            reason,
        }) => {
            let program = program.as_deref().unwrap_or("the object");
            format!("refused {program} at {step:?} with {errno:?}: {reason}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(names: &[&str]) -> Verdict {
        Verdict::Loaded(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn refused(step: Step, errno: Option<i32>, program: Option<&str>, reason: &str) -> Verdict {
        Verdict::Refused(Refusal {
            step,
            errno,
            program: program.map(str::to_owned),
            reason: reason.to_owned(),
        })
    }

    #[test]
    fn only_the_same_programs_are_the_same() {
        assert_eq!(
            agreement(&loaded(&["a"]), &loaded(&["a"])),
            Agreement::Loaded
        );
        for (node, bare) in [
            (loaded(&["a"]), loaded(&["a", "b"])),
            (loaded(&["a"]), refused(Step::Load, Some(22), None, "")),
            (refused(Step::Load, Some(22), None, ""), loaded(&["a"])),
            (refused(Step::Load, Some(22), None, ""), loaded(&[])),
            (refused(Step::Inspect, None, None, "x"), loaded(&["a"])),
        ] {
            let found = agreement(&node, &bare);
            assert!(matches!(found, Agreement::Disagree(_)), "{found:?}");
        }
    }

    #[test]
    fn a_refusal_is_the_same_with_step_error_program_and_last_word() {
        let one = refused(Step::Load, Some(13), Some("a"), "R1 invalid");
        assert_eq!(agreement(&one, &one), Agreement::Refused(Step::Load, 13));
        for other in [
            refused(Step::Open, Some(13), Some("a"), "R1 invalid"),
            refused(Step::Load, Some(22), Some("a"), "R1 invalid"),
            refused(Step::Load, Some(13), Some("b"), "R1 invalid"),
            refused(Step::Load, Some(13), Some("a"), "R2 invalid"),
        ] {
            let found = agreement(&one, &other);
            assert!(matches!(found, Agreement::Disagree(_)), "{found:?}");
        }
    }

    #[test]
    fn the_inspection_may_be_earlier_where_it_names_the_same_program() {
        let reason = "program \"a\": section \"x\" names no kind";
        let node = refused(Step::Inspect, None, None, reason);
        let earlier = Agreement::RefusedEarlier(reason.to_owned());
        assert_eq!(
            agreement(&node, &refused(Step::Load, Some(22), Some("a"), "")),
            earlier
        );
        assert_eq!(
            agreement(&node, &refused(Step::Open, Some(95), None, "")),
            earlier
        );
        let other = agreement(&node, &refused(Step::Load, Some(22), Some("b"), ""));
        assert!(matches!(other, Agreement::Disagree(_)), "{other:?}");
        let nothing = Agreement::NothingToRun(reason.to_owned());
        assert_eq!(agreement(&node, &loaded(&[])), nothing);
    }
}

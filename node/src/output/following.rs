//! How a node stands with its registry, as a person reads it.
//! Used by `node registry`. Must never leave out what is in the way.

use std::fmt::Write;

use api::node::{Followed, Following, Standing, Step};

use super::table::{clean, row, table};

/// Everything about it.
pub(super) fn text(following: &Following, now_ms: u64) -> String {
    let mut text = table("", &summary(following, now_ms));
    let instances = followed("instance", &following.instances);
    let staged = followed("to be staged for", &following.staged);
    let mut floors = vec![row(["floor of", "minimum version", "serial"])];
    floors.extend(following.floors.iter().map(|floor| {
        row([
            &floor.payload,
            &floor.minimum_version,
            &floor.serial.to_string(),
        ])
    }));
    for rows in [instances, staged, floors] {
        if rows.len() > 1 {
            text.push('\n');
            text.push_str(&table("  ", &rows));
        }
    }
    for Followed {
        instance, problem, ..
    } in following.instances.iter().chain(&following.staged)
    {
        if let Some(problem) = problem {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "\n{}: {}",
                clean(instance),
                clean(&problem.to_string())
            );
        }
    }
    text
}

fn followed(title: &str, all: &[Followed]) -> Vec<Vec<String>> {
    let mut rows = vec![row([title, "payload", "step", "deployment"])];
    rows.extend(all.iter().map(|one| {
        let payload = format!("{} {}", one.payload, one.version);
        row([&one.instance, &payload, step(one.step), &one.deployment])
    }));
    rows
}

/// How long ago something was, by this machine's clock.
fn ago(at_ms: u64, now_ms: u64) -> String {
    let seconds = now_ms.saturating_sub(at_ms) / 1000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3_600),
    }
}

fn summary(following: &Following, now_ms: u64) -> Vec<Vec<String>> {
    let heard = following.heard_ms.map_or_else(
        || "not since this daemon began".to_owned(),
        |at_ms| ago(at_ms, now_ms),
    );
    let keys = match &following.keys_trouble {
        None => format!("{} trusted", following.keys),
        Some(trouble) => format!("{} trusted; in trouble: {trouble}", following.keys),
    };
    let outcomes = format!(
        "{} to report, {} dropped",
        following.outcomes_waiting, following.outcomes_dropped
    );
    let doorbell = if following.doorbell {
        "open"
    } else {
        "closed; polls alone"
    };
    let mut rows = vec![
        row(["registry", &following.registry]),
        row(["node", &following.node]),
        row(["standing", standing(following.standing)]),
        row(["last heard", &heard]),
        row(["doorbell", doorbell]),
        row(["keys", &keys]),
        row(["outcomes", &outcomes]),
    ];
    if let Some(trouble) = &following.trouble {
        let at = ago(trouble.at_ms, now_ms);
        rows.push(row(["trouble", &format!("{} ({at})", trouble.problem)]));
    }
    rows
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Unenrolled => "not enrolled: `node enrol` gives it a credential",
        Standing::Enrolling => "asking for a credential",
        Standing::Enrolled => "enrolled",
        Standing::Denied => "denied: the registry does not take its credential; `node enrol` again",
    }
}

fn step(step: Step) -> &'static str {
    match step {
        Step::Queued => "queued",
        Step::Fetching => "fetching",
        Step::Loading => "loading",
        Step::Staged => "staged",
        Step::Running => "running",
        Step::Waiting => "failed, tried again soon",
        Step::Refused => "refused",
        Step::Stopping => "stopping",
    }
}

#[cfg(test)]
mod tests {
    use api::node::{HeldFloor, Trouble};
    use api::problem::Problem;

    use super::*;

    #[test]
    fn a_time_is_told_in_a_unit_that_a_person_reads() {
        let told = [119, 120, 7_199, 7_200].map(|seconds| ago(1_000, 1_000 + 1_000 * seconds));
        assert_eq!(told, ["119 s ago", "2 min ago", "119 min ago", "2 h ago"]);
        assert_eq!(ago(5_000, 0), "0 s ago", "a clock that was set back");
    }

    #[test]
    fn what_is_in_the_way_is_told_and_steers_no_terminal() {
        let following = Following {
            registry: "http://127.0.0.1:8528".into(),
            node: "here".into(),
            standing: Standing::Denied,
            heard_ms: None,
            doorbell: false,
            trouble: Some(Trouble {
                at_ms: 5_000,
                problem: Problem::new(401, "Unauthorized", "no such \u{1b}[2Jcredential"),
            }),
            keys: 1,
            keys_trouble: Some("acme.toml:2: unknown field".into()),
            staged: Vec::new(),
            instances: vec![Followed {
                instance: "trace".into(),
                deployment: "everywhere".into(),
                payload: "acme/trace".into(),
                version: "1.0.0".into(),
                digest: "sha256:00".into(),
                step: Step::Refused,
                problem: Some(Problem::new(422, "refused", "it calls probe_write_user")),
            }],
            floors: vec![HeldFloor {
                payload: "acme/trace".into(),
                minimum_version: "0.9.0".into(),
                serial: 3,
            }],
            outcomes_waiting: 2,
            outcomes_dropped: 1,
        };
        let text = text(&following, 65_000);
        for word in [
            "`node enrol` again",
            "acme.toml:2",
            "probe_write_user",
            "0.9.0",
            "2 to report, 1 dropped",
            "(60 s ago)",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(!text.contains('\u{1b}'));
    }
}

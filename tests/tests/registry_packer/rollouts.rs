//! Rollouts, as `packer` starts, shows and watches them: a real registry, nodes that act by
//! themselves.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use tests::programs;

use super::fleet::{Fleet, Part};
use super::stage::{Ran, Stage};

const BOOKWORM: &str = "6.1.0-18-amd64";
const BULLSEYE: &str = "5.10.0-28-amd64";
/// Waves that need no time, and compare nothing.
const QUICK: [&str; 4] = ["--waves", "1,50%,100%", "--bake", "0s"];

/// 1.0.0 runs on every node, and there is 1.1.0.
fn deployed(parts: &[(Part, &str)]) -> (Stage, Fleet) {
    let stage = Stage::with_publisher();
    stage.run(&["publish", "exec", "--key", "acme.key"]).done();
    stage.payload("1.1.0", "seen += 1;");
    stage.run(&["publish", "exec", "--key", "acme.key"]).done();
    let deploy = [
        "deploy",
        "exec",
        "--payload",
        "acme/exec",
        "--version",
        "1.0.0",
    ];
    stage
        .run(&[&deploy[..], &["--selector", "env=prod"]].concat())
        .done();
    let fleet = Fleet::of(&stage, parts);
    fleet.settled(&stage, parts.len());
    (stage, fleet)
}

fn start(more: &[&str]) -> Vec<String> {
    let start = ["rollout", "start", "exec", "--version", "1.1.0"];
    let all = [&start[..], &QUICK, more].concat();
    all.into_iter().map(str::to_owned).collect()
}

fn run(stage: &Stage, arguments: &[String]) -> Ran {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    stage.run(&arguments)
}

fn ended(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn a_rollout_is_watched_to_its_end() {
    let (stage, _fleet) = deployed(&[
        (Part::Good, BOOKWORM),
        (Part::Good, BULLSEYE),
        (Part::Good, BOOKWORM),
    ]);
    let ran = run(&stage, &start(&["--watch"])).done();
    assert!(!ran.text.contains('\u{1b}'), "{}", ran.text);
    let last = ran.text.lines().last().unwrap();
    let said =
        "rollout 1 of exec, 1.0.0 → 1.1.0: succeeded: every wave passed its gate; 3 committed";
    assert!(last.ends_with(said), "{last}");
    let every = stage.run(&["rollout", "status"]).done().text;
    let row = "exec        1.0.0 → 1.1.0  succeeded  3 of 3 run it";
    assert!(every.contains(row), "{every}");
    let one = stage
        .run(&["rollout", "status", "exec", "--nodes"])
        .done()
        .text;
    for part in [
        "rollout 1 of exec: acme/exec 1.0.0 → 1.1.0",
        "packer rollout rollback 1  take 1.1.0 back from every node",
        "started by admin at ",
        "n2    ",
    ] {
        assert!(one.contains(part), "{part}: {one}");
    }
    // It is named by its deployment, and taken back after its end.
    let back = stage.run(&["rollout", "rollback", "exec"]).done().text;
    assert!(
        back.starts_with("rollout 1 of exec, 1.0.0 → 1.1.0: rolling back"),
        "{back}"
    );
    let ran = stage.run(&["rollout", "watch", "exec"]).failed(5);
    assert!(ran.contains("rollout 1 ended rolled back: "), "{ran}");
}

#[test]
fn a_kernel_that_says_no_ends_it_with_its_words_and_an_exit_code() {
    let (stage, _fleet) = deployed(&[
        (Part::Good, BOOKWORM),
        (Part::Rejects, BULLSEYE),
        (Part::Rejects, BULLSEYE),
    ]);
    let arguments = start(&["--watch"]);
    let watched = run(&stage, &arguments);
    let text = watched.text.clone();
    let messages = watched.failed(5);
    assert!(
        messages.contains("rollout 1 ended rejected: 2 nodes refused it: n1, n2"),
        "{messages}"
    );
    for part in [
        "could not be loaded while staged, on 2 nodes: n1, n2 (5.10.0-28-amd64): the kernel says no: program on_exec: refused",
        "| invalid mem access\\u{1b}[2J",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let one = stage.run(&["rollout", "status", "1"]).done().text;
    for part in [
        "preflight        staged  could not be loaded",
        "5.10.0-28-amd64       -                    2",
    ] {
        assert!(one.contains(part), "{part}: {one}");
    }
    assert_eq!(
        stage.json(&["rollout", "status", "1"])["rollout"]["phase"],
        "rejected"
    );
}

#[test]
fn a_node_that_goes_back_takes_all_back() {
    let (stage, _fleet) = deployed(&[(Part::Good, BOOKWORM), (Part::GoesBack, BOOKWORM)]);
    let messages = run(&stage, &start(&["--watch"])).failed(5);
    assert!(
        messages.contains("rollout 1 ended rolled back: wave "),
        "{messages}"
    );
    assert!(
        messages.contains("1 node refused it or went back from it: n1"),
        "{messages}"
    );
}

#[test]
fn who_has_to_act_is_called_and_acts() {
    let (stage, _fleet) = deployed(&[(Part::Good, BOOKWORM), (Part::Good, BOOKWORM)]);
    let started = run(&stage, &start(&["--approve", "first"])).done();
    assert!(
        started.messages.contains("packer rollout watch 1"),
        "{}",
        started.messages
    );
    let messages = stage
        .run(&["rollout", "watch", "exec", "--until-paused"])
        .failed(7);
    assert!(
        messages.contains("rollout 1 waits for somebody: wave 1 is well"),
        "{messages}"
    );
    let paused = stage.run(&["rollout", "pause", "1"]).done().text;
    assert!(
        paused.contains("paused, at the gate of wave 1 of 3: admin paused it"),
        "{paused}"
    );
    let again = stage.run(&["rollout", "pause", "1"]).failed(3);
    assert!(again.contains("it is paused already"), "{again}");
    stage.run(&["rollout", "resume", "1"]).done();
    stage.run(&["rollout", "promote", "1"]).done();
    stage.run(&["rollout", "watch", "1"]).done();
    let none = stage.run(&["rollout", "watch", "other"]).failed(3);
    assert!(none.contains("there is no rollout of other"), "{none}");
}

#[test]
fn nothing_is_changed_by_a_dry_run_and_rules_are_named_with_both_values() {
    let (stage, _fleet) = deployed(&[
        (Part::Good, BOOKWORM),
        (Part::Good, BOOKWORM),
        (Part::Good, BOOKWORM),
    ]);
    let dry = ["rollout", "dry-run", "exec", "--version", "1.1.0"];
    let text = stage
        .run(&[&dry[..], &["--waves", "1,100%"]].concat())
        .done()
        .text;
    for part in [
        "exec: 1.0.0 → 1.1.0; nothing is changed",
        "1     1      1       n",
        "2     2      2       n",
        "salt ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        stage.json(&["rollout", "status"])["rollouts"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    for (options, said) in [
        (
            &["--waves", "10%,5%,100%"][..],
            "plan.waves[1].reach: waves[1].reach is 5, which is not more than 10",
        ),
        (&["--waves", "10%"], "the last wave reaches every node"),
        (
            &["--bake", "1000h"],
            "plan.waves[0].bake_ms: waves[0].bake_ms is 3600000000 ms, 0 to 604800000",
        ),
        (
            &["--run-time", "50%"],
            "compare.run_time_percent_max is 50, 100 to",
        ),
        (
            &["--flip-at", "+1h", "--waves", "1,100%"],
            "flip_at_ms is set, and there are 2 waves",
        ),
    ] {
        let messages = stage.run(&[&dry[..], options].concat()).failed(3);
        assert!(messages.contains(said), "{said}: {messages}");
    }
    let none = stage
        .run(&[&dry[..], &["--approve", "9"]].concat())
        .failed(2);
    assert!(
        none.contains("--approve names wave 9, there are 4"),
        "{none}"
    );
}

#[test]
fn a_watch_outlives_the_registry_and_leaves_the_rollout_alone() {
    let (mut stage, fleet) = deployed(&[(Part::Good, BOOKWORM), (Part::Good, BOOKWORM)]);
    run(&stage, &start(&["--approve", "first"])).done();
    let mut left = stage.begin(&["rollout", "watch", "exec"], Stdio::piped());
    let mut watching = stage.begin(&["rollout", "watch", "exec"], Stdio::piped());
    for child in [&mut left, &mut watching] {
        // It has begun once it has said something.
        let mut first = [0];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut first)
            .unwrap();
    }
    interrupt(&left);
    let messages = ended(left).failed(130);
    assert!(
        messages.contains("rollout 1 goes on by itself"),
        "{messages}"
    );
    stage.restart();
    fleet.settled(&stage, 2);
    stage
        .run(&["rollout", "watch", "exec", "--until-paused"])
        .failed(7);
    stage.run(&["rollout", "promote", "exec"]).done();
    let ran = ended(watching).done();
    assert!(
        ran.messages.contains("; again in 0.5 s"),
        "{}",
        ran.messages
    );
    assert!(ran.text.contains("succeeded"), "{}", ran.text);
}

#[test]
fn a_template_moves_nodes_by_rollouts_and_pinned_ones_stay() {
    let (stage, fleet) = deployed(&[(Part::Good, BOOKWORM), (Part::Good, BOOKWORM)]);
    let pin = ["pin", "exec", "n1", "--reason", "a crash\u{1b}[2J"];
    let pinned = stage.run(&pin).done().text;
    assert_eq!(pinned, "n1 keeps 1.0.0 of exec\n");
    let pins = stage.run(&["pins", "exec"]).done().text;
    assert!(pins.contains("n1    1.0.0  admin  "), "{pins}");
    assert!(pins.contains("a crash\\u{1b}[2J"), "{pins}");
    let deploy = |version: &str, more: &[&str]| {
        let deploy = [
            "deploy",
            "exec",
            "--payload",
            "acme/exec",
            "--version",
            version,
        ];
        let selector = ["--selector", "env=prod"];
        stage.run(&[&deploy[..], &selector, more].concat())
    };
    let alone = deploy("1.0.0", &QUICK).failed(2);
    assert!(alone.contains("--by-rollout"), "{alone}");
    let template = [&["--by-rollout"][..], &QUICK].concat();
    let made = deploy("1.0.0", &template).done();
    for part in [
        "moves       by rollouts",
        "waves: 1 node; 50%; 100%",
        "watched for 0 s; ",
    ] {
        assert!(made.text.contains(part), "{part}: {}", made.text);
    }
    let moved = deploy("1.1.0", &[&template[..], &["--approve", "first"]].concat()).done();
    let said = "rollout 1 moves it: `packer rollout watch 1` shows how";
    assert!(moved.messages.contains(said), "{}", moved.messages);
    let every = stage.run(&["deployments"]).done().text;
    assert!(every.contains("by rollout 1"), "{every}");
    stage
        .run(&["rollout", "watch", "exec", "--until-paused"])
        .failed(7);
    let why = stage.run(&["explain", "n0"]).done().text;
    for part in [
        "acme/exec 1.1.0, by rollout 1 of exec",
        "Rollout 1 moves it from 1.0.0 to 1.1.0; it is at a gate, wave 1 of 3",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    let why = stage.run(&["explain", "n1"]).done().text;
    assert!(
        why.contains("admin pinned this node to 1.0.0: a crash"),
        "{why}"
    );
    stage.run(&["rollout", "promote", "exec"]).done();
    stage.run(&["rollout", "watch", "exec"]).done();
    let counts = &stage.json(&["rollout", "status", "exec"])["rollout"]["counts"];
    assert_eq!(
        (&counts["nodes"], &counts["committed"]),
        (&1.into(), &1.into())
    );
    stage.run(&["unpin", "exec", "n1"]).done();
    stage.run(&["unpin", "exec", "n1"]).failed(3);
    fleet.settled(&stage, 2);
    let none = stage.run(&["pins", "exec"]).done();
    assert!(
        none.messages.contains("exec pins no node"),
        "{}",
        none.messages
    );
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn on_a_terminal_it_is_a_picture_as_wide_as_that() {
    let (stage, _fleet) = deployed(&[(Part::Good, BOOKWORM), (Part::Rejects, BULLSEYE)]);
    run(&stage, &start(&["--failures", "1"])).done();
    let packer = programs::built("packer");
    let watch = format!(
        "stty cols 40 rows 50; exec {} rollout watch 1",
        packer.display()
    );
    // It gives what it runs a terminal.
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &watch, "/dev/null"])
        .envs([
            ("MARROW_PACKER_CONFIG", "/dev/null"),
            ("MARROW_REGISTRY", stage.url()),
            ("MARROW_TOKEN", stage.admin()),
            ("TERM", "xterm"),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ran = Ran::of(output).done();
    for part in [
        "rollout 1 of exec: acme/exec 1.0.0 →\r\n1.1.0\r\n",
        "could not be loaded while staged, on 1\r\n",
        "    | invalid mem access\\u{1b}[2J\r\n",
        "packer rollout rollback 1\r\n",
        "\u{1b}[J",
    ] {
        assert!(ran.text.contains(part), "{part:?}: {:?}", ran.text);
    }
}

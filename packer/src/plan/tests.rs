//! Options, and the plans that they lead to.

use api::registry::{OnFailure, StartRollout};
use clap::Parser;

use super::*;
use crate::cli::{Cli, Command, RolloutArguments, RolloutCommand};

type Set = fn(&mut RolloutPlan);

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    plan: PlanArguments,
}

fn said(options: &[&str]) -> Result<PlanArguments, clap::Error> {
    let words = std::iter::once("x").chain(options.iter().copied());
    Line::try_parse_from(words).map(|line| line.plan)
}

fn plan(options: &[&str]) -> RolloutPlan {
    said(options).unwrap().over(RolloutPlan::default()).unwrap()
}

#[test]
fn what_is_not_said_stays() {
    assert!(!said(&[]).unwrap().says_something());
    assert_eq!(plan(&[]), RolloutPlan::default());
    let mut base = RolloutPlan::default();
    base.waves[1].bake_ms = 7;
    base.compare.lost_ppm_max = None;
    let changed = said(&["--failures", "3"]).unwrap().over(base.clone());
    assert_eq!(
        changed.unwrap(),
        RolloutPlan {
            failures_max: 3,
            ..base
        }
    );
}

#[test]
fn each_option_says_something_and_sets_its_field() {
    let options: [(&str, &str, Set); 12] = [
        ("--waves", "3, 100%", |plan| {
            plan.waves.drain(..2);
            plan.waves[0].reach = Reach::Nodes(3);
        }),
        ("--bake", "90s", |plan| {
            plan.waves.iter_mut().for_each(|one| one.bake_ms = 90_000);
        }),
        ("--deadline", "2h", |plan| {
            let waves = plan.waves.iter_mut();
            waves.for_each(|one| one.deadline_ms = 7_200_000);
        }),
        ("--approve", "1,3", |plan| {
            plan.waves[0].approval = true;
            plan.waves[2].approval = true;
        }),
        ("--preflight", "1m 30s", |plan| plan.preflight_ms = 90_000),
        ("--failures", "2", |plan| plan.failures_max = 2),
        ("--on-failure", "wave", |plan| {
            plan.on_failure = OnFailure::Wave;
        }),
        ("--lost-ppm", "off", |plan| plan.compare.lost_ppm_max = None),
        ("--faults", "5", |plan| {
            plan.compare.faults_per_mille_max = Some(5);
        }),
        ("--run-time", "150%", |plan| {
            plan.compare.run_time_percent_max = Some(150);
        }),
        ("--samples", "9", |plan| plan.compare.samples_min = 9),
        ("--wait", "0s", |plan| plan.compare.wait_ms = 0),
    ];
    for (option, value, set) in options {
        let said = said(&[option, value]).unwrap();
        assert!(said.says_something(), "{option}");
        let mut expected = RolloutPlan::default();
        set(&mut expected);
        let found = said.over(RolloutPlan::default()).unwrap();
        assert_eq!(found, expected, "{option} {value}");
        assert_ne!(found, RolloutPlan::default(), "{option} {value}");
    }
}

#[test]
fn approvals_replace_those_that_were_there() {
    let approved = |words: &str| {
        let mut base = RolloutPlan::default();
        base.waves[1].approval = true;
        let plan = said(&["--approve", words]).unwrap().over(base);
        let waves = plan.unwrap().waves.into_iter();
        waves.map(|wave| wave.approval).collect::<Vec<bool>>()
    };
    assert_eq!(approved("none"), [false; 4]);
    assert_eq!(approved("first"), [true, false, false, false]);
    assert_eq!(approved("each"), [true; 4]);
    let none = said(&["--approve", "5"]).unwrap();
    let error = none.over(RolloutPlan::default()).unwrap_err();
    assert_eq!(error.to_string(), "--approve names wave 5, there are 4");
    let zero = said(&["--approve", "0"]).unwrap();
    assert!(zero.over(RolloutPlan::default()).is_err());
}

#[test]
fn what_is_no_value_is_refused_with_the_rule() {
    for (option, value, rule) in [
        ("--waves", "1,,100%", "\"\" is no wave"),
        ("--waves", "300%", "\"300%\" is no wave"),
        ("--waves", "all", "such as 10%"),
        ("--approve", "last", "none, first, each, or numbers"),
        ("--lost-ppm", "-1", "is no bound"),
        ("--run-time", "%", "\"%\" is no bound"),
        ("--bake", "60", "time unit needed"),
        (
            "--on-failure",
            "stop",
            "[possible values: all, wave, pause]",
        ),
    ] {
        let error = said(&[&format!("{option}={value}")])
            .unwrap_err()
            .to_string();
        assert!(error.contains(rule), "{option} {value}: {error}");
    }
}

#[test]
fn all_at_one_time_is_one_wave_unless_waves_are_said() {
    let mut one = plan(&["--bake", "5s"]);
    at_once(&mut one, 7, false);
    assert_eq!(one.flip_at_ms, Some(7));
    let [wave] = one.waves[..] else {
        panic!("{one:?}");
    };
    assert_eq!((wave.reach, wave.bake_ms), (Reach::Percent(100), 5_000));
    let mut several = plan(&[]);
    at_once(&mut several, 7, true);
    assert_eq!(several.waves.len(), 4);
}

#[test]
fn a_plan_is_told_in_words() {
    let careful = plan(&["--waves", "1,10%,100%", "--approve", "1,2", "--bake", "5m"]);
    assert_eq!(
        words(&careful),
        [
            "waves: 1 node, then `promote`; 10%, then `promote`; 100%",
            "watched for 5 min; silent nodes fail after 10 min, in the preflight after 10 min",
            "0 nodes may fail; beyond that, all nodes go back",
            "against other nodes at most 1,000 more lost of a million, 0 more faults of handlers \
             on a thousand nodes, 300% of the time of a run",
        ]
    );
    let blind = ["--lost-ppm", "off", "--faults", "off", "--run-time", "off"];
    let blind = plan(&[&blind[..], &["--failures", "1", "--on-failure", "pause"]].concat());
    let lines = words(&blind);
    assert_eq!(lines[2], "1 node may fail; beyond that, it pauses");
    assert_eq!(lines[3], "gates compare nothing");
}

#[test]
fn a_file_is_a_plan_or_is_refused_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let file = |text: &str| {
        files::write(&path, text.as_bytes()).unwrap();
        let plan = said(&["--plan", path.to_str().unwrap()]).unwrap();
        plan.file().map(Option::unwrap)
    };
    let expected = RolloutPlan {
        failures_max: 4,
        ..RolloutPlan::default()
    };
    let text = serde_json::to_string(&expected).unwrap();
    assert_eq!(file(&text).unwrap(), expected);
    assert_eq!(file("{\"failures_max\": 4}").unwrap(), expected);
    for text in ["{\"wave\": []}", "{", "7"] {
        let error = file(text).unwrap_err().to_string();
        assert!(error.contains("no plan of a rollout"), "{error}");
        assert!(error.contains("line 1 column"), "{error}");
    }
}

/// A line of what the registry says is the same by command.
#[derive(serde::Deserialize)]
struct Example {
    template: bool,
    asked: StartRollout,
    command: String,
}

/// Words of a command line as a POSIX shell splits them: these have no quotes but single ones.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words
}

#[test]
fn the_commands_of_the_registrys_page_lead_to_the_plan_of_the_page() {
    let lines = include_str!("../../../registry/src/page/command/commands.txt").lines();
    let examples = lines.filter(|line| !line.starts_with('#'));
    let mut read = 0;
    for line in examples {
        let example: Example = serde_json::from_str(line).unwrap();
        let (line, file) = match example.command.split_once(" <<'PLAN'\n") {
            Some((line, rest)) => (line, rest.strip_suffix("\nPLAN")),
            None => (example.command.as_str(), None),
        };
        let cli = Cli::try_parse_from(shell_words(line)).unwrap();
        let Command::Rollout(RolloutCommand::Start(start)) = cli.command else {
            panic!("{line} starts no rollout");
        };
        let RolloutArguments {
            deployment,
            version,
            flip_at,
            start_at,
            supersede,
            plan: options,
        } = start.rollout;
        assert_eq!(options.plan.is_some(), file.is_some(), "{line}");
        // Whatever the template says, nothing of it is left.
        let mut base = RolloutPlan::default();
        if example.template {
            base.waves.truncate(1);
            base.preflight_ms = 1;
            base.failures_max = 99;
            base.on_failure = OnFailure::Pause;
            base.compare.lost_ppm_max = None;
            base.compare.faults_per_mille_max = Some(99);
            base.compare.run_time_percent_max = None;
            base.compare.samples_min = 1;
            base.compare.wait_ms = 1;
        }
        if let Some(file) = file {
            base = serde_json::from_str(file).unwrap();
        }
        let mut plan = options.over(base).unwrap();
        if let Some(flip_at) = flip_at {
            at_once(&mut plan, flip_at.ms(0), options.waves.is_some());
        }
        assert_eq!(plan, example.asked.plan.unwrap_or_default(), "{line}");
        assert_eq!(deployment.as_str(), example.asked.deployment);
        assert_eq!(
            version.map(|version| version.to_string()),
            example.asked.version
        );
        assert_eq!(start_at.map(|when| when.ms(0)), example.asked.start_at_ms);
        assert_eq!(supersede, example.asked.supersede);
        read += 1;
    }
    assert!(read >= 8);
}

//! What the 2023 protocol takes and what it says, without a kernel.

use super::*;

fn task(json: &str) -> Result<(Option<InstanceName>, Vec<u8>), Refusal> {
    accepted(body::json(json.as_bytes())?)
}

#[test]
fn base64_is_taken_with_padding_and_without() {
    for buf in ["eyJhIjoxfQ", "eyJhIjoxfQ=="] {
        let json = format!(r#"{{"program_data_buf":"{buf}","program_type":"json"}}"#);
        let (name, program) = task(&json).unwrap();
        assert_eq!((name, program.as_slice()), (None, br#"{"a":1}"#.as_slice()));
    }
}

#[test]
fn what_is_not_done_is_refused_by_name_with_the_way_round() {
    for (json, field, word) in [
        (
            r#"{"program_data_buf":"","program_type":"wasm"}"#,
            "program_type",
            "packer",
        ),
        (
            r#"{"program_data_buf":"","program_type":"tar"}"#,
            "program_type",
            "package.json",
        ),
        (
            r#"{"program_data_buf":"","program_type":"elf"}"#,
            "program_type",
            "elf",
        ),
        (
            r#"{"program_data_buf":"*","program_type":"json"}"#,
            "program_data_buf",
            "base64",
        ),
        (
            r#"{"program_data_buf":1,"program_type":"json"}"#,
            "program_data_buf",
            "integer",
        ),
        (r#"{"program_type":"json"}"#, ".", "program_data_buf"),
        (
            r#"{"program_data_buf":"","program_type":"json","extra_args":["-v"]}"#,
            "extra_args",
            "no effect",
        ),
        (
            r#"{"program_data_buf":"","program_type":"json","program_name":"../x"}"#,
            "program_name",
            "..",
        ),
    ] {
        let problem = task(json).unwrap_err().into_problem();
        assert_eq!(
            (problem.status, problem.field.as_deref()),
            (422, Some(field)),
            "{json}"
        );
        assert!(problem.detail.contains(word), "{json}: {}", problem.detail);
    }
}

#[test]
fn the_clients_options_without_effect_are_taken() {
    let json = r#"{"program_data_buf":"","program_type":"json","program_name":"a","extra_args":[],
        "btf_archive_path":null,"export_json":true}"#;
    assert_eq!(task(json).unwrap().0.unwrap().as_str(), "a");
}

#[test]
fn the_answers_have_exactly_the_old_keys() {
    let started = Started {
        id: 3,
        task_list: TaskList { tasks: Vec::new() },
    };
    assert_eq!(
        serde_json::to_string(&started).unwrap(),
        r#"{"id":3,"task_list":{"tasks":[]}}"#
    );
    let log = Text {
        log: "x".into(),
        timestamp: 7,
        log_type: "stdout",
    };
    assert_eq!(
        serde_json::to_string(&Entry { cursor: 0, log }).unwrap(),
        r#"{"cursor":0,"log":{"log":"x","timestamp":7,"log_type":"stdout"}}"#
    );
}

//! Hostile and broken legacy documents: each is refused with the path of the field, the rule and
//! both values. The rows of the reference's table "What it did wrong" that are about the format.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payload::legacy::{Skeleton, read};
use serde_json::{Value, json};

const OBJECT: &[u8] = include_bytes!("golden/legacy/exec.bpf.o");
const GENERATION_0: &str = include_str!("golden/legacy/generation-0.json");
const GENERATION_2: &str = include_str!("golden/legacy/generation-2.json");
const WRAPPED: &str = include_str!("golden/legacy/wrapped.json");

fn refused(document: &str) -> String {
    read(document.as_bytes())
        .expect_err("must be refused")
        .to_string()
}

/// Generation 0 with one key changed.
fn with(key: &str, value: Value) -> String {
    changed(GENERATION_0, key, value)
}

fn changed(document: &str, key: &str, value: Value) -> String {
    let mut document: Value = serde_json::from_str(document).expect("golden");
    document[key] = value;
    document.to_string()
}

fn without(document: &str, key: &str) -> String {
    let mut document: Value = serde_json::from_str(document).expect("golden");
    document.as_object_mut().expect("golden").remove(key);
    document.to_string()
}

#[test]
fn a_declared_size_that_is_not_the_size_of_the_data_names_both() {
    let huge = "data_sz: declares 500000000 bytes, data decodes to 4768";
    assert_eq!(refused(&with("data_sz", json!(500_000_000))), huge);
    let larger = "data_sz: declares 4769 bytes, data decodes to 4768";
    assert_eq!(refused(&with("data_sz", json!(4769))), larger);
    let negative = "data_sz: declares -1 bytes, data decodes to 4768";
    assert_eq!(refused(&with("data_sz", json!(-1))), negative);
    let none = "data_sz: declares 0 bytes, data decodes to 4768";
    assert_eq!(refused(&with("data_sz", json!(0))), none);
}

#[test]
fn a_size_that_is_no_whole_number_is_refused() {
    let must_be = "must be a whole number of bytes";
    assert_eq!(
        refused(&with("data_sz", json!(0.5))),
        format!("data_sz: is 0.5, {must_be}")
    );
    assert_eq!(
        refused(&with("data_sz", json!(true))),
        format!("data_sz: is true, {must_be}")
    );
    let text = format!("data_sz: is a string, {must_be}");
    assert_eq!(refused(&with("data_sz", json!("4768"))), text);
    let document = GENERATION_0.replace("4768", "99999999999999999999999");
    assert!(
        refused(&document).starts_with("data_sz: is 1"),
        "{}",
        refused(&document)
    );
    let document = GENERATION_0.replace("4768", "1e999");
    assert!(
        refused(&document).starts_with("data_sz: is not JSON"),
        "{}",
        refused(&document)
    );
}

#[test]
fn base64_without_padding_is_read_if_it_decodes_exactly() {
    for bytes in [4, 5, 6] {
        let object = &OBJECT[..bytes];
        let text = STANDARD.encode(object).trim_end_matches('=').to_owned();
        let document = changed(&with("data", json!(text)), "data_sz", json!(bytes));
        assert_eq!(read(document.as_bytes()).unwrap().object, object);
    }
    let error = refused(&with("data", json!("AAAAA")));
    assert_eq!(
        error,
        "data: is not whole base64: 5 characters without white space, 0 of them `=`: one \
         character is left over"
    );
}

#[test]
fn base64_is_liberal_in_white_space_and_in_nothing_else() {
    let spaced: String = STANDARD
        .encode(OBJECT)
        .chars()
        .flat_map(|c| [c, ' ', '\r', '\n', '\t'])
        .collect();
    assert_eq!(
        read(with("data", json!(spaced)).as_bytes()).unwrap().object,
        OBJECT
    );
    let cases = [
        ("AAAA*AAA", "data: character 5 is '*', which is not base64"),
        ("AA-_", "data: character 3 is '-', which is not base64"),
        (
            "AAAA\u{a0}",
            "data: character 5 is '\\u{a0}', which is not base64",
        ),
        ("AA\0A", "data: character 3 is '\\0', which is not base64"),
        ("", "data: holds no bytes"),
        (" \n", "data: holds no bytes"),
    ];
    for (data, error) in cases {
        assert_eq!(refused(&with("data", json!(data))), error);
    }
    for broken in [
        "AA=A", "AA=", "AAA==", "AAAA====", "=", "AB==", "AAB=", "AB", "AA==AA==",
    ] {
        let error = refused(&with("data", json!(broken)));
        assert!(
            error.starts_with("data: is not whole base64"),
            "{broken}: {error}"
        );
    }
}

#[test]
fn a_missing_key_names_its_path() {
    for key in ["data", "data_sz", "maps", "name", "progs"] {
        let error = refused(&without(GENERATION_0, key));
        assert!(
            error.starts_with(&format!("{key}: is missing, must be")),
            "{error}"
        );
    }
    for key in ["bpf_object", "bpf_object_size", "meta"] {
        let error = refused(&without(GENERATION_2, key));
        assert!(
            error.starts_with(&format!("{key}: is missing, must be")),
            "{error}"
        );
    }
    let mut document: Value = serde_json::from_str(GENERATION_2).unwrap();
    document["meta"]["bpf_skel"]["progs"][1]
        .as_object_mut()
        .unwrap()
        .remove("name");
    let error = refused(&document.to_string());
    assert_eq!(
        error,
        "meta.bpf_skel.progs[1].name: is missing, must be a string"
    );
    assert_eq!(
        refused("{}"),
        "data: is missing, must be a string: base64 of the object"
    );
}

#[test]
fn a_wrong_type_names_path_and_both_types() {
    let cases = [
        (with("data", json!(7)), "data: is 7, must be a string"),
        (with("name", Value::Null), "name: is null, must be a string"),
        (
            with("maps", json!("rb")),
            "maps: is a string, must be an array",
        ),
        (
            with("maps", json!(["rb", 3])),
            "maps[1]: is 3, must be a string",
        ),
        (
            with("progs", json!([{"name": "x"}])),
            "progs[0]: is an object, must be a string",
        ),
        (
            with("progs", json!({})),
            "progs: is an object, must be an array",
        ),
        ("[]".to_owned(), "the JSON: is an array, must be an object"),
        ("3".to_owned(), "the JSON: is 3, must be an object"),
        (
            changed(GENERATION_2, "meta", json!([])),
            "meta: is an array, must be an object",
        ),
        (
            changed(WRAPPED, "args", json!([{}])),
            "args[0]: is an object, must be a string",
        ),
        (
            changed(WRAPPED, "name", json!(1)),
            "name: is 1, must be a string",
        ),
    ];
    for (document, error) in cases {
        assert_eq!(refused(&document), error);
    }
}

#[test]
fn what_is_not_json_says_where() {
    for document in [
        "",
        "not json",
        "{\"data\":",
        "{\"data\":\"a\nb\"}",
        "{} {}",
        "\u{feff}{}",
    ] {
        let error = refused(document);
        assert!(
            error.contains("is not JSON: ") && error.contains("line"),
            "{document}: {error}"
        );
    }
    let error = read(b"{\"name\":\"\xff\"}").unwrap_err().to_string();
    assert!(error.starts_with("name: is not JSON"), "{error}");
    let error = refused(&changed(WRAPPED, "args", json!(["{"])));
    assert!(error.starts_with("args[0]: is not JSON"), "{error}");
}

#[test]
fn a_key_that_occurs_twice_is_refused() {
    let document = GENERATION_0.replacen("\"data_sz\":4768", "\"data_sz\":4768,\"data_sz\":1", 1);
    assert_eq!(refused(&document), "data_sz: occurs twice in one object");
    let document = GENERATION_2.replacen("\"link\":true", "\"link\":true,\"link\":false", 1);
    assert_eq!(
        refused(&document),
        "meta.bpf_skel.progs[0].link: occurs twice in one object"
    );
    let both = changed(GENERATION_0, "maps_name", json!([]));
    let error = "maps_name: stands beside `maps`, which means the same: only one may be there";
    assert_eq!(refused(&both), error);
}

#[test]
fn keys_of_two_generations_are_refused() {
    let error = "bpf_object: has `bpf_object` and `data`, which belong to different generations \
                 of the format";
    assert_eq!(refused(&with("bpf_object", json!(""))), error);
    let error = "args: has `args` and `data`, which belong to different generations of the format";
    assert_eq!(refused(&with("args", json!([]))), error);
}

#[test]
fn deep_large_and_numerous_documents_stop_at_their_bound() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(
        refused(&deep).ends_with("nests deeper than 32 levels"),
        "{}",
        refused(&deep)
    );
    let long = format!("{{\"x\":[{}1]}}", "1,".repeat(70_000));
    assert!(
        refused(&long).ends_with("has more than 65536 values"),
        "{}",
        refused(&long)
    );
    let large = " ".repeat((16 << 20) + 1);
    assert_eq!(
        refused(&large),
        "the JSON: has 16777217 bytes, the limit is 16777216"
    );
    let names = json!(vec!["m"; 513]);
    assert_eq!(
        refused(&with("maps", names)),
        "maps: has 513 elements, the limit is 512"
    );
    let name = json!("n".repeat(512));
    assert_eq!(
        refused(&with("name", name)),
        "name: has 512 bytes, the limit is 511"
    );
    let text = STANDARD.encode(vec![0; (8 << 20) + 1]);
    let document = changed(&with("data", json!(text)), "data_sz", json!((8 << 20) + 1));
    assert_eq!(
        refused(&document),
        "data: has 8388609 bytes, the limit is 8388608"
    );
}

#[test]
fn a_value_for_a_variable_is_a_scalar_of_bounded_length() {
    let with_value = |value: Value| {
        let mut document: Value = serde_json::from_str(GENERATION_2).unwrap();
        document["meta"]["bpf_skel"]["data_sections"][0]["variables"][0]["value"] = value;
        document.to_string()
    };
    let path = "meta.bpf_skel.data_sections[0].variables[0].value";
    let error = format!("{path}: is an array, must be a number, true, false or a string");
    assert_eq!(refused(&with_value(json!([1]))), error);
    let error = format!("{path}: has 4097 bytes, the limit is 4096");
    assert_eq!(refused(&with_value(json!("x".repeat(4097)))), error);
}

#[test]
fn the_wrapper_is_strict() {
    let none = "args: has 0 elements, must have exactly 1: the JSON of the program as a string";
    assert_eq!(refused(&changed(WRAPPED, "args", json!([]))), none);
    let two = "args: has 2 elements, must have exactly 1: the JSON of the program as a string";
    assert_eq!(refused(&changed(WRAPPED, "args", json!(["", ""]))), two);
    assert!(refused(&without(WRAPPED, "args")).starts_with("args: is missing"));
    let handlers = json!([{"args": [], "name": "<script>\u{7}"}]);
    let error = refused(&changed(WRAPPED, "export_handlers", handlers));
    let prefix = "export_handlers[0].name: is <script>\\u{7}, must be one of json_format, ";
    assert!(error.starts_with(prefix), "{error}");
    let inner = with("data_sz", json!(1));
    let error = refused(&changed(WRAPPED, "args", json!([inner])));
    assert_eq!(
        error,
        "args[0].data_sz: declares 1 bytes, data decodes to 4768"
    );
    let twice = refused(&changed(WRAPPED, "args", json!([WRAPPED])));
    assert!(twice.starts_with("args[0].data: is missing"), "{twice}");
}

#[test]
fn names_that_the_object_does_not_have_are_refused_with_those_it_has() {
    let skeleton = Skeleton {
        programs: vec!["handle_exec", "handle_exit"],
        maps: vec!["rb", ".rodata", ".bss"],
    };
    let check = |document: &str| {
        let legacy = read(document.as_bytes()).unwrap();
        legacy
            .check_names(&skeleton)
            .map_err(|error| error.to_string())
    };
    let error = "progs[1]: names handle_fork, the object has handle_exec, handle_exit";
    let progs = json!(["handle_exec", "handle_fork"]);
    assert_eq!(check(&with("progs", progs)), Err(error.to_owned()));
    let error = "maps[0]: names ring\\n, the object has rb, .rodata, .bss";
    assert_eq!(
        check(&with("maps", json!(["ring\n"]))),
        Err(error.to_owned())
    );
    let error = "maps[1]: names rb a second time, first at element 0";
    assert_eq!(
        check(&with("maps", json!(["rb", "rb"]))),
        Err(error.to_owned())
    );
    let error = "maps[1]: names b.bss a second time, first at element 0";
    assert_eq!(
        check(&with("maps", json!(["a.bss", "b.bss"]))),
        Err(error.to_owned())
    );
    // Nine characters: libbpf leaves room for eight.
    assert!(check(&with("maps", json!(["ninechars.rodata"]))).is_err());
    assert_eq!(check(&with("maps", json!(["eightcha.rodata"]))), Ok(()));
    assert_eq!(check(&with("maps", json!([]))), Ok(()));
    let mut second: Value = serde_json::from_str(GENERATION_2).unwrap();
    second["meta"]["bpf_skel"]["maps"][0]["name"] = json!("ring");
    let error = "meta.bpf_skel.maps[0].name: names ring, the object has rb, .rodata, .bss";
    assert_eq!(check(&second.to_string()), Err(error.to_owned()));
}

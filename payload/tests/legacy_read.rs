//! Golden documents of each generation of the legacy JSON are read, and generation 0 is written
//! byte for byte. The golden files were made by another program than ours.

use payload::legacy::{Exporter, Generation, Skeleton, read, wrap, write_generation_0};
use proptest::prelude::*;

const OBJECT: &[u8] = include_bytes!("golden/legacy/exec.bpf.o");
const GENERATION_0: &str = include_str!("golden/legacy/generation-0.json");
const NO_NAME: &str = include_str!("golden/legacy/generation-0-no-name.json");
const LONG_KEYS: &str = include_str!("golden/legacy/generation-0-long-keys.json");
const WRAPPED: &str = include_str!("golden/legacy/wrapped.json");
const GENERATION_1: &str = include_str!("golden/legacy/generation-1.json");
const GENERATION_2: &str = include_str!("golden/legacy/generation-2.json");

fn skeleton() -> Skeleton<'static> {
    Skeleton {
        programs: vec!["handle_exec", "handle_exit"],
        maps: vec!["rb", ".rodata", ".bss"],
    }
}

#[test]
fn every_generation_gives_the_same_object_and_names_that_it_has() {
    let documents = [
        (GENERATION_0, Generation::Zero, "exec"),
        (NO_NAME, Generation::Zero, ""),
        (LONG_KEYS, Generation::Zero, "exec"),
        (WRAPPED, Generation::Zero, "exec"),
        (GENERATION_1, Generation::One, "exec"),
        (GENERATION_2, Generation::Two, "exec_bpf"),
    ];
    for (document, generation, name) in documents {
        let legacy = read(document.as_bytes()).unwrap();
        assert_eq!(legacy.generation, generation);
        assert_eq!(legacy.name, name);
        assert_eq!(legacy.object, OBJECT);
        assert_eq!(legacy.programs, ["handle_exec", "handle_exit"]);
        assert_eq!(legacy.maps.len(), 3);
        legacy.check_names(&skeleton()).unwrap();
    }
}

#[test]
fn the_order_of_names_is_that_of_bpftools_skeleton() {
    let object = payload::object::inspect(OBJECT).unwrap();
    assert_eq!(Skeleton::from(&object), skeleton());
    read(GENERATION_2.as_bytes())
        .unwrap()
        .check_against(&object)
        .unwrap();
}

#[test]
fn generation_0_is_written_as_the_predecessor_wrote_it() {
    assert_eq!(
        write_generation_0("exec", OBJECT, &skeleton()),
        GENERATION_0
    );
    assert_eq!(write_generation_0("", OBJECT, &skeleton()), NO_NAME);
    assert_eq!(wrap("hotupdate", GENERATION_0), WRAPPED);
}

#[test]
fn the_wrapper_names_the_instance_before_the_program_does() {
    let wrapped = read(WRAPPED.as_bytes()).unwrap();
    assert_eq!(wrapped.suggested_instance(), Some("hotupdate"));
    assert_eq!(wrapped.wrapped.unwrap().exporters, [Exporter::PlainText]);
    assert_eq!(
        read(GENERATION_0.as_bytes()).unwrap().suggested_instance(),
        Some("exec")
    );
    assert_eq!(read(NO_NAME.as_bytes()).unwrap().suggested_instance(), None);
    let unnamed = wrap("", GENERATION_0);
    assert_eq!(
        read(unnamed.as_bytes()).unwrap().suggested_instance(),
        Some("exec")
    );
}

#[test]
fn a_wrapper_holds_any_generation() {
    for document in [GENERATION_0, GENERATION_1, GENERATION_2] {
        let bare = read(document.as_bytes()).unwrap();
        let wrapped = read(wrap("a", document).as_bytes()).unwrap();
        assert_eq!(wrapped.object, bare.object);
        assert_eq!(wrapped.generation, bare.generation);
    }
}

#[test]
fn generation_1_keeps_what_it_says_about_itself() {
    let description = read(GENERATION_1.as_bytes()).unwrap().description;
    assert_eq!(description.version.as_deref(), Some("0.1.0"));
    assert_eq!(description.license.as_deref(), Some("GPL"));
    assert_eq!(description.author.as_deref(), Some("someone"));
    assert_eq!(description.url.as_deref(), Some("https://example.org"));
    assert_eq!(description.description.as_deref(), Some("starts and exits"));
}

#[test]
fn lists_of_generation_2_may_be_null() {
    let mut document: serde_json::Value = serde_json::from_str(GENERATION_2).unwrap();
    document["meta"]["bpf_skel"]["maps"] = serde_json::Value::Null;
    document["meta"]["bpf_skel"]["progs"] = serde_json::Value::Null;
    document["meta"]["bpf_skel"]["data_sections"] = serde_json::Value::Null;
    let legacy = read(document.to_string().as_bytes()).unwrap();
    assert!(legacy.maps.is_empty() && legacy.programs.is_empty());
}

#[test]
fn values_that_generation_2_gives_to_variables_are_kept_with_their_place() {
    let mut document: serde_json::Value = serde_json::from_str(GENERATION_2).unwrap();
    let sections = &mut document["meta"]["bpf_skel"]["data_sections"];
    sections[0]["variables"][0]["value"] = 5.into();
    sections[1]["variables"][0]["value"] = 1.into();
    sections[1]["variables"][0]["cmdarg"] = serde_json::json!({"default": "0x7"});
    let presets = read(document.to_string().as_bytes()).unwrap().presets;
    let shown: Vec<String> = presets
        .iter()
        .map(|p| format!("{} {} {}", p.section, p.variable, p.value))
        .collect();
    assert_eq!(shown, [".rodata only_pid 5", ".bss seen 0x7"]);
    assert_eq!(
        presets[0].path,
        "meta.bpf_skel.data_sections[0].variables[0].value"
    );
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        object in proptest::collection::vec(any::<u8>(), 1..400),
        name in "\\PC{0,20}",
        program in "[a-z_]{1,20}",
        map in "[a-z_]{1,20}",
    ) {
        let skeleton = Skeleton { programs: vec![&program], maps: vec![&map, ".rodata", ".data.x"] };
        let document = write_generation_0(&name, &object, &skeleton);
        let legacy = read(document.as_bytes()).unwrap();
        prop_assert_eq!(&legacy.object, &object);
        prop_assert_eq!(&legacy.name, &name);
        prop_assert!(legacy.check_names(&skeleton).is_ok());
        let wrapped = read(wrap(&name, &document).as_bytes()).unwrap();
        prop_assert_eq!(&wrapped.object, &object);
    }

    #[test]
    fn each_line_of_data_has_at_most_72_characters_and_ends(
        object in proptest::collection::vec(any::<u8>(), 1..400),
    ) {
        let document = write_generation_0("x", &object, &Skeleton::default());
        let value: serde_json::Value = serde_json::from_str(&document).unwrap();
        let data = value["data"].as_str().unwrap();
        prop_assert!(data.ends_with('\n') && !data.ends_with("\n\n"));
        let lines: Vec<&str> = data.lines().collect();
        let (last, full) = lines.split_last().unwrap();
        prop_assert!(full.iter().all(|line| line.len() == 72));
        prop_assert!((1..=72).contains(&last.len()));
    }

    #[test]
    fn no_change_of_a_document_panics(
        which in 0..3usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = [GENERATION_0, GENERATION_1, GENERATION_2][which].as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(legacy) = read(&bytes) {
            prop_assert!(!legacy.object.is_empty());
        }
    }
}

//! Each rule of the policy: one payload that it lets pass, one that it does not, and what it says.

use payload::manifest;
use payload::object::{Map, MapKind, kernel_call};

use super::*;

fn object() -> Object {
    Object {
        license: Some("GPL".to_owned()),
        programs: vec![Program {
            name: "at_exec".to_owned(),
            section: "tp/sched/sched_process_exec".to_owned(),
            kind: Kind::Tracepoint,
            program_type: 5,
            attach_type: 0,
            target: Some("sched/sched_process_exec".to_owned()),
            sleepable: false,
            frags: false,
            autoload: true,
            slots: 2,
            helpers: vec![kernel_call::id("ringbuf_output").unwrap()],
            kfuncs: Vec::new(),
            reads_registers: false,
            in_array: false,
        }],
        maps: vec![map(MapKind::HASH, 4, 10, 100)],
        globals: Vec::new(),
        externs: Vec::new(),
        events: Vec::new(),
        btf: None,
        core_relocations: Vec::new(),
    }
}

fn map(kind: MapKind, key_size: u32, value_size: u32, max_entries: u32) -> Map {
    Map {
        name: "counts".to_owned(),
        kind,
        key_size,
        value_size,
        max_entries,
        flags: 0,
        extra: 0,
        numa_node: None,
        pinned: false,
        key_type: None,
        value_type: None,
        inner: None,
        section: None,
        holds: BTreeSet::new(),
    }
}

/// The payload of these tests.
fn contents(manifest: Manifest) -> Contents {
    Contents {
        manifest,
        objects: Vec::new(),
        handler: None,
    }
}

fn manifest() -> Manifest {
    let global = |name: &str, settable| manifest::Global {
        name: name.to_owned(),
        section: ".rodata".to_owned(),
        type_name: None,
        size_bytes: 4,
        default: None,
        settable,
    };
    Manifest {
        format: manifest::FORMAT,
        name: "acme/trace".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        description: None,
        license: None,
        source: None,
        build: None,
        objects: Vec::new(),
        programs: vec![manifest::Program {
            name: "at_exec".to_owned(),
            section: "tp/sched/sched_process_exec".to_owned(),
            kind: "tracepoint".to_owned(),
            target: Some("sched/sched_process_exec".to_owned()),
            sleepable: false,
            target_settable: true,
        }],
        maps: Vec::new(),
        globals: vec![global("level", true), global("secret", false)],
        events: Vec::new(),
        kernel_min: None,
        handler: None,
    }
}

fn policy(text: &str) -> Policy {
    toml::from_str(text).unwrap()
}

fn judge(text: &str, asked: &Asked<'_>) -> Result<Allowed, PolicyError> {
    policy(text).judge(&contents(manifest()), &object(), asked, 4)
}

#[test]
fn every_rule_lets_pass_and_refuses_and_says_both_values() {
    let nothing = Asked::default();
    for (text, refusal) in [
        ("", None),
        ("program_kinds = [\"tracepoint\", \"tp_btf\"]", None),
        (
            "program_kinds = [\"tp_btf\", \"xdp\"]",
            Some((
                "programs.at_exec",
                "program at_exec is a tracepoint program; policy.program_kinds allows tp_btf, xdp",
            )),
        ),
        ("helpers = [\"ringbuf_output\"]", None),
        (
            "helpers = [\"get_current_pid_tgid\"]",
            Some((
                "programs",
                "it calls ringbuf_output; policy.helpers allows get_current_pid_tgid",
            )),
        ),
        (
            "helpers = []",
            Some((
                "programs",
                "it calls ringbuf_output; policy.helpers allows nothing",
            )),
        ),
        (
            "helpers_denied = [\"ringbuf_output\"]",
            Some((
                "programs",
                "it calls ringbuf_output, which policy.helpers_denied names",
            )),
        ),
        ("hooks = [\"tracepoint/sched/*\"]", None),
        (
            "hooks = [\"tracepoint/net/*\"]",
            Some((
                "programs.at_exec",
                "program at_exec attaches to tracepoint/sched/sched_process_exec; policy.hooks \
                 allows tracepoint/net/*",
            )),
        ),
        // 100 entries of a key of 8, a value of 16, and what the kernel adds.
        ("map_bytes_max = 7200", None),
        (
            "map_bytes_max = 7199",
            Some((
                "maps",
                "its maps take up to 7200 bytes; policy.map_bytes_max is 7199",
            )),
        ),
    ] {
        let told = judge(text, &nothing).err();
        let told = told.map(|error| (error.field(), error.to_string()));
        let refusal = refusal.map(|(field, rule)| (field.to_owned(), rule.to_owned()));
        assert_eq!(told, refusal, "{text}");
    }
}

#[test]
fn what_writes_user_memory_needs_to_be_allowed_by_name() {
    let mut object = object();
    object.programs[0].helpers = vec![kernel_call::id("probe_write_user").unwrap()];
    let judged = Policy::default().judge(&contents(manifest()), &object, &Asked::default(), 1);
    assert!(matches!(judged, Err(PolicyError::HelperDenied { .. })));
    let judged =
        policy("helpers_denied = []").judge(&contents(manifest()), &object, &Asked::default(), 1);
    assert!(judged.is_ok());
}

#[test]
fn a_program_that_is_not_loaded_is_not_judged_by_its_hook() {
    let mut object = object();
    object.programs[0].autoload = false;
    let none = policy("hooks = []");
    assert!(
        none.judge(&contents(manifest()), &object, &Asked::default(), 1)
            .is_ok()
    );
}

#[test]
fn a_global_is_set_only_where_manifest_and_policy_let_it() {
    let asked = |name: &'static str| Asked {
        globals: [(name, "3".to_owned())].into(),
        ..Asked::default()
    };
    let presets = judge("", &asked("level")).unwrap().presets;
    assert_eq!(presets[0].section, ".rodata");
    assert_eq!(
        (presets[0].path.as_str(), presets[0].value.as_str()),
        ("globals.level", "3")
    );
    for name in ["secret", "none"] {
        let error = judge("", &asked(name)).unwrap_err();
        assert_eq!(error.field(), format!("globals.{name}"));
        assert!(
            error.to_string().contains("it does so for level"),
            "{error}"
        );
    }
    assert!(judge("settable_globals = [\"acme/*:level\"]", &asked("level")).is_ok());
    let error = judge("settable_globals = [\"other/*\"]", &asked("level")).unwrap_err();
    assert_eq!(error.field(), "globals.level");
    assert!(error.to_string().contains("acme/trace:level"), "{error}");
}

#[test]
fn a_target_is_set_only_where_manifest_and_policy_let_it_and_is_a_hook_like_any() {
    let asked = |program: &'static str| Asked {
        targets: [(program, "net/netif_rx")].into(),
        ..Asked::default()
    };
    let targets = judge("", &asked("at_exec")).unwrap().targets;
    assert_eq!(targets["at_exec"], "net/netif_rx");
    let error = judge("", &asked("other")).unwrap_err();
    assert!(
        error.to_string().contains("it does so for at_exec"),
        "{error}"
    );
    let error = judge("settable_targets = [\"uprobe/*\"]", &asked("at_exec")).unwrap_err();
    assert!(
        matches!(error, PolicyError::TargetNotAllowed { .. }),
        "{error}"
    );
    // The policy looks at where it really goes, not at what its section says.
    let error = judge("hooks = [\"tracepoint/sched/*\"]", &asked("at_exec")).unwrap_err();
    assert!(
        error.to_string().contains("tracepoint/net/netif_rx"),
        "{error}"
    );
    let mut manifest = manifest();
    manifest.programs[0].target_settable = false;
    let judged = Policy::default().judge(&contents(manifest), &object(), &asked("at_exec"), 1);
    assert!(matches!(judged, Err(PolicyError::TargetNotDeclared { .. })));
}

#[test]
fn unsigned_releases_find_the_door_shut_unless_it_was_opened() {
    assert_eq!(
        Policy::default().unsigned_door().unwrap_err(),
        PolicyError::Unsigned
    );
    assert!(policy("unsigned = \"always\"").unsigned_door().is_ok());
    assert!(toml::from_str::<Policy>("unsigned = \"sometimes\"").is_err());
}

#[test]
fn the_size_of_maps_is_what_they_can_grow_to_and_never_wraps() {
    let bytes = |map| {
        let mut object = object();
        object.maps = vec![map];
        footprint::map_bytes(&object, 4)
    };
    assert_eq!(bytes(map(MapKind::RINGBUF, 0, 0, 4096)), 4096);
    assert_eq!(bytes(map(MapKind::ARRAY, 4, 4, 10)), 80);
    assert_eq!(bytes(map(MapKind::PERCPU_ARRAY, 4, 4, 10)), 320);
    assert!(bytes(map(MapKind::PERCPU_HASH, 4, u32::MAX, u32::MAX)) > 1 << 60);
    let huge = map(MapKind::HASH, u32::MAX, u32::MAX, u32::MAX);
    let mut outer = map(MapKind::ARRAY_OF_MAPS, 4, 4, u32::MAX);
    outer.inner = Some(Box::new(huge));
    assert_eq!(bytes(outer), u64::MAX);
}

#[test]
fn a_handler_gets_what_manifest_and_policy_let_it_and_all_of_it_through_a_door() {
    let mut handled = contents(manifest());
    let asked = manifest::Handler {
        call_ms_max: 20,
        ..manifest::Handler::of_world(&"1.0.0".parse().unwrap())
    };
    handled.manifest.handler = Some(asked);
    handled.handler = Some(b"\0asm\x01\0\0\0".to_vec());
    let judged = |text| policy(text).judge(&handled, &object(), &Asked::default(), 4);
    let grant = judged("").unwrap().grant.unwrap();
    assert_eq!(grant.limits.call_ms_max, 20);
    let error = judged("[handler]\ncall_ms_max = 15").unwrap_err();
    assert_eq!(error.field(), "handler.call_ms_max");
    let error = judged("[handler]\nlanes = [\"component\"]").unwrap_err();
    assert!(error.to_string().contains("core lane"), "{error}");
    assert!(judge("[handler]\nallowed = false", &Asked::default()).is_ok());
    let manifest = &handled.manifest;
    let asked = Asked::default();
    let through = Policy::of_door(manifest, &object(), &asked, Declared::Needed).unwrap();
    assert_eq!(through.grant.unwrap().limits.call_ms_max, 20);
}

//! What the inspection finds in each object of the corpus, and why it refuses some.
//! Runs anywhere: nothing is loaded. Whether a kernel takes them is shown by corpus.rs.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use payload::btf;
use payload::object::{
    ExternKind, Kind, MapKind, Object, ObjectError, Privilege, Special, inspect,
};
use tests::corpus;

fn object(name: &str) -> Result<Object> {
    inspect(&corpus::object(name)?).with_context(|| name.to_owned())
}

fn refusal(name: &str) -> Result<ObjectError> {
    let error = inspect(&corpus::object(name)?).err();
    error.with_context(|| format!("{name} is accepted"))
}

fn events(object: &Object) -> Vec<(&str, &str)> {
    let pairs = object.events.iter();
    pairs
        .map(|event| (event.map.as_str(), event.struct_name.as_str()))
        .collect()
}

fn kinds(object: &Object) -> BTreeSet<MapKind> {
    let inner = object.maps.iter().filter_map(|map| map.inner.as_deref());
    object
        .maps
        .iter()
        .chain(inner)
        .map(|map| map.kind)
        .collect()
}

#[test]
fn every_map_kind_is_in_the_corpus() -> Result<()> {
    let mut found = BTreeSet::new();
    for name in corpus::names()?
        .iter()
        .filter(|name| name.starts_with("maps_"))
    {
        found.extend(kinds(&object(name)?));
    }
    let all: BTreeSet<_> = MapKind::ALL.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(found, all);
    Ok(())
}

#[test]
fn every_btf_kind_is_in_the_corpus() -> Result<()> {
    let mut found = BTreeSet::new();
    for name in ["btf_kinds", corpus::ENUM64] {
        let types = object(name)?.btf.context("no BTF")?;
        found.extend(types.ids().map(|id| format!("{:?}", types.kind(id))));
    }
    // 0 is void, which no record has.
    let missing: Vec<_> = (1..20)
        .filter_map(btf::Kind::of)
        .map(|kind| format!("{kind:?}"))
        .filter(|kind| !found.contains(kind))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
    Ok(())
}

#[test]
fn programs_are_functions_in_sections_that_name_a_hook() -> Result<()> {
    let several = object("several_programs")?;
    let names: Vec<_> = several
        .programs
        .iter()
        .map(|program| program.name.as_str())
        .collect();
    assert_eq!(names, ["first", "second", "third", "fourth"]);
    let functions = object("functions")?;
    let names: Vec<_> = functions
        .programs
        .iter()
        .map(|program| program.name.as_str())
        .collect();
    assert_eq!(names, ["calls", "loops"]);
    Ok(())
}

#[test]
fn programs_that_others_tail_call_are_told() -> Result<()> {
    let object = object("programs_in_array")?;
    let in_array = |name| object.program(name).map(|program| program.in_array);
    assert_eq!(in_array("called"), Some(true));
    assert_eq!(in_array("calls"), Some(false));
    Ok(())
}

#[test]
fn helpers_are_found_through_calls_and_callbacks() -> Result<()> {
    let object = object("functions")?;
    let calls = object.program("calls").context("calls")?;
    assert!(
        calls.uses("get_prandom_u32"),
        "by way of two static functions"
    );
    assert!(calls.uses("ktime_get_ns"), "by way of a global function");
    assert!(!calls.uses("loop"));
    let loops = object.program("loops").context("loops")?;
    assert!(loops.uses("loop") && !loops.uses("get_prandom_u32"));
    Ok(())
}

#[test]
fn rings_are_paired_with_structs() -> Result<()> {
    let several = object("several_rings")?;
    let expected = [
        ("exec_ring", "exec_event"),
        ("exits", "exit_event"),
        ("samples", "sample"),
    ];
    assert_eq!(events(&several), expected);
    assert_eq!(events(&object("btf_kinds")?), [("events", "event")]);
    let sized = [("alpha", "large"), ("beta", "small")];
    assert_eq!(events(&object("sized_rings")?), sized);
    assert!(events(&object("raw_ring")?).is_empty());
    assert!(events(&object("shared_ring")?).is_empty());
    for (name, elf) in corpus::payloads()? {
        let object = inspect(&elf).with_context(|| name.clone())?;
        let has_ring = kinds(&object).contains(&MapKind::RINGBUF);
        let expected: &[_] = if has_ring { &["event"] } else { &[] };
        let pairs = events(&object);
        let structs: Vec<&str> = pairs.iter().map(|(_, name)| *name).collect();
        assert_eq!(structs, expected, "{name}");
    }
    Ok(())
}

#[test]
fn pairs_can_be_set_but_not_to_what_is_not_there() -> Result<()> {
    let mut object = object("several_rings")?;
    let pair = |map: &str, of: &str| [(map.to_owned(), of.to_owned())];
    object.set_events(&pair("exits", "exec_event"))?;
    assert!(events(&object).contains(&("exits", "exec_event")));
    let error = object
        .set_events(&pair("nowhere", "exec_event"))
        .unwrap_err();
    for ring in ["exec_ring", "exits", "samples"] {
        assert!(error.to_string().contains(ring), "{error}");
    }
    assert!(object.set_events(&pair("exits", "no_such_struct")).is_err());
    Ok(())
}

#[test]
fn each_data_section_is_a_map_with_its_variables() -> Result<()> {
    let object = object("many_sections")?;
    let sections: BTreeSet<_> = object
        .maps
        .iter()
        .filter_map(|map| map.section.as_deref())
        .collect();
    let expected = [
        ".bss",
        ".bss.cold",
        ".data",
        ".data.moved",
        ".rodata",
        ".rodata.text",
    ];
    assert_eq!(sections, expected.into());
    let global = |name: &str| object.globals.iter().find(|global| global.name == name);
    let limit = global("limit").context("limit")?;
    assert_eq!(
        (limit.section.as_str(), &limit.default[..]),
        (".rodata", &[7, 0, 0, 0][..])
    );
    let moved = global("moved").context("moved")?;
    assert_eq!((moved.section.as_str(), moved.size), (".data.moved", 24));
    let hidden = global("hidden").context("hidden")?;
    assert!(!hidden.exported && hidden.default.is_empty() && hidden.type_id.is_some());
    Ok(())
}

#[test]
fn variables_of_bss_do_not_share_an_offset() -> Result<()> {
    for name in corpus::names()? {
        let Ok(object) = inspect(&corpus::object(&name)?) else {
            continue;
        };
        for pair in object.globals.windows(2) {
            let [one, other] = pair else { continue };
            let apart = one.section != other.section || one.offset + one.size <= other.offset;
            assert!(apart, "{name}: {one:?} {other:?}");
        }
    }
    Ok(())
}

#[test]
fn attributes_of_maps_are_read() -> Result<()> {
    let object = object("maps_hash")?;
    let map = |name: &str| object.map(name).with_context(|| name.to_owned());
    let hash = map("hash")?;
    assert_eq!(
        (hash.key_size, hash.value_size, hash.max_entries),
        (8, 8, 64)
    );
    assert_eq!((hash.flags, hash.numa_node), (5, Some(0)));
    assert!(hash.key_type.is_some() && map("percpu_hash")?.key_type.is_none());
    assert_eq!(map("bloom_filter")?.extra, 3);
    let nested = self::object("maps_of_maps")?;
    let inner = nested
        .map("array_of_maps")
        .and_then(|map| map.inner.as_deref());
    let inner = inner.context("an inner map")?;
    assert_eq!((inner.kind, inner.max_entries), (MapKind::ARRAY, 2));
    Ok(())
}

#[test]
fn what_binds_a_map_to_its_generation_is_found() -> Result<()> {
    let jobs = object("maps_timer")?;
    let holds = &jobs.map("jobs").context("jobs")?.holds;
    assert_eq!(*holds, [Special::Timer, Special::Lock].into());
    Ok(())
}

#[test]
fn names_that_the_kernel_defines_are_found() -> Result<()> {
    let kernel = object("ksyms")?;
    let named = |kind| {
        let externs = kernel
            .externs
            .iter()
            .filter(move |extern_| extern_.kind == kind);
        externs
            .map(|extern_| extern_.name.as_str())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        named(ExternKind::Kfunc),
        ["bpf_task_from_pid", "bpf_task_release"].into()
    );
    assert_eq!(named(ExternKind::Ksym), ["schedule"].into());
    assert_eq!(
        kernel.programs[0].kfuncs,
        ["bpf_task_from_pid", "bpf_task_release"]
    );
    assert!(
        kernel
            .privileges()
            .contains(&Privilege::CallsKernelFunctions)
    );
    let kconfig = object("kconfig")?;
    let weak: Vec<_> = kconfig
        .externs
        .iter()
        .filter(|extern_| extern_.weak)
        .collect();
    assert_eq!(weak.len(), 1, "{weak:?}");
    let map = kconfig.map(".kconfig").context(".kconfig")?;
    assert_eq!(map.value_size, 4 + 1 + 12);
    Ok(())
}

#[test]
fn an_object_that_reads_registers_is_bound_to_its_architecture() -> Result<()> {
    assert!(object("core_registers")?.reads_registers());
    assert!(
        !object("hook_uprobe")?.reads_registers(),
        "its context is registers, unread"
    );
    assert!(!object("core_fields")?.reads_registers());
    Ok(())
}

#[test]
fn hooks_are_told_by_the_section() -> Result<()> {
    let lsm = object("hook_lsm_sleepable")?;
    assert_eq!(
        (lsm.programs[0].kind, lsm.programs[0].sleepable),
        (Kind::Lsm, true)
    );
    let uprobe = object("hook_uprobe")?;
    assert_eq!(
        uprobe.programs[0].target.as_deref(),
        Some("libc.so.6:hcreate")
    );
    let loose = object("no_target")?;
    assert_eq!(loose.program("anywhere").context("anywhere")?.target, None);
    let question = object("question_mark")?;
    assert!(!question.program("asleep").context("asleep")?.autoload);
    Ok(())
}

#[test]
fn privileges_follow_from_helpers_hooks_and_relocations() -> Result<()> {
    for (name, privilege) in [
        ("core_fields", Privilege::ReadsKernelMemory),
        ("hook_lsm", Privilege::DecidesPermission),
        ("hook_lsm_sleepable", Privilege::Sleeps),
        ("hook_xdp", Privilege::FiltersTraffic),
        ("hook_syscall", Privilege::MakesSystemCalls),
        ("maps_struct_ops", Privilege::ReplacesKernelOperations),
    ] {
        let privileges = object(name)?.privileges();
        assert!(privileges.contains(&privilege), "{name}: {privileges:?}");
    }
    assert_eq!(object("no_map")?.privileges(), BTreeSet::new());
    Ok(())
}

#[test]
fn needs_are_what_the_kernel_must_have() -> Result<()> {
    let needs = object("several_rings")?.needs();
    assert!(
        needs.helpers.contains("ringbuf_reserve"),
        "{:?}",
        needs.helpers
    );
    assert_eq!(
        needs.map_kinds,
        ["array", "perf_event_array", "ringbuf"]
            .map(str::to_owned)
            .into()
    );
    assert!(!needs.kernel_btf && !needs.one_architecture);
    let needs = object("core_fields")?.needs();
    assert!(needs.kernel_types.contains("task_struct") && needs.kernel_btf);
    assert!(object("hook_tp_btf")?.needs().kernel_btf, "typed arguments");
    assert!(object("core_registers")?.needs().one_architecture);
    Ok(())
}

#[test]
fn licences_are_read() -> Result<()> {
    assert_eq!(object("no_map")?.license.as_deref(), Some("Dual BSD/GPL"));
    assert_eq!(object("no_license")?.license, None);
    Ok(())
}

#[test]
fn objects_without_types_are_inspected() -> Result<()> {
    let object = object("no_btf")?;
    assert!(object.btf.is_none() && object.events.is_empty());
    let hits = object
        .globals
        .iter()
        .find(|global| global.name == "hits")
        .context("hits")?;
    assert_eq!((hits.size, hits.type_id), (8, None));
    Ok(())
}

#[test]
fn refusals_name_the_rule() -> Result<()> {
    for (name, text) in [
        ("big_endian", "big-endian"),
        ("legacy_maps", "section \"maps\""),
        ("no_btf_maps", "no BTF"),
        ("no_program", "no program"),
        ("static_program", "\"hidden\""),
        ("unknown_section", "\"marrow/nonsense\""),
        ("unknown_map_field", "\"colour\""),
        ("map_sizes", "4 and 8"),
    ] {
        let refusal = refusal(name)?;
        assert!(refusal.to_string().contains(text), "{name}: {refusal}");
    }
    Ok(())
}

#[test]
fn files_that_are_no_bpf_object_are_told_apart() -> Result<()> {
    let own = std::fs::read(std::env::current_exe()?)?;
    let start = own.get(..1 << 16).context("a small test program")?;
    assert!(matches!(
        inspect(start),
        Err(ObjectError::MachineNotBpf { .. })
    ));
    assert!(matches!(inspect(b"{}"), Err(ObjectError::NotElf { .. })));
    assert!(matches!(inspect(b""), Err(ObjectError::NotElf { .. })));
    let object = corpus::object("no_map")?;
    assert_eq!(
        inspect(&object[..12]).unwrap_err(),
        ObjectError::Cut { bytes: 12 }
    );
    Ok(())
}

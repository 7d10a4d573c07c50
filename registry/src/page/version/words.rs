//! Entries of a manifest in words: what tables show, and what a difference compares. Called by
//! `contents` and `difference`. Must never leave out what an author could change.

use payload::manifest::{Access, Carry, Global, Handler, Manifest, Map, MapAccess, Merge, Program};
use payload::object::Field;

use super::super::format::{grouped, size};

/// `kprobe do_unlinkat, may sleep`.
pub(super) fn hook(program: &Program) -> String {
    let target = program.target.as_deref();
    let mut words = vec![match target {
        Some(target) => format!("{} {target}", program.kind),
        None => program.kind.clone(),
    }];
    if program.sleepable {
        words.push("may sleep".to_owned());
    }
    if program.target_settable {
        words.push("a deployment may attach it elsewhere".to_owned());
    }
    words.join(", ")
}

/// A ring's number of entries is its size.
pub(super) fn room(map: &Map) -> String {
    let entries = u64::from(map.max_entries);
    if map.kind == "ringbuf" || map.kind == "user_ringbuf" {
        size(entries)
    } else {
        format!("{} entries", grouped(entries))
    }
}

/// `u32 (4 B) → struct count (16 B)`; nothing for what has neither.
pub(super) fn entry(map: &Map) -> String {
    if map.key_size == 0 && map.value_size == 0 {
        return String::new();
    }
    let side = |name: &Option<String>, bytes: u32| match name {
        Some(name) => format!("{name} ({bytes} B)"),
        None => format!("{bytes} B"),
    };
    let key = side(&map.key_type, map.key_size);
    format!("{key} → {}", side(&map.value_type, map.value_size))
}

/// What an update does with what is in it.
pub(super) fn hand_over(map: &Map) -> &'static str {
    match (map.carry, map.merge) {
        (Carry::Never, _) => "begins empty",
        (Carry::Auto, Merge::None) => "carried where it fits",
        (Carry::Auto, Merge::Add) => "carried where it fits, added up",
        (Carry::Auto, Merge::Replace) => "carried where it fits, replaced",
        (Carry::Require, Merge::None) => "must be carried",
        (Carry::Require, Merge::Add) => "must be carried, added up",
        (Carry::Require, Merge::Replace) => "must be carried, replaced",
    }
}

/// All of a map.
pub(super) fn map(map: &Map) -> String {
    let flags = match map.flags {
        0 => String::new(),
        flags => format!("flags {flags:#x}"),
    };
    let words = [map.kind.clone(), room(map), entry(map), flags];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(", ")
}

/// The bytes a global starts with, in the order of memory.
pub(super) fn default(global: &Global) -> String {
    match &global.default {
        None => "zeros".to_owned(),
        Some(hex) => format!("bytes {hex}"),
    }
}

/// All of a global.
pub(super) fn global(global: &Global) -> String {
    let type_name = global.type_name.as_deref().unwrap_or("no type");
    let settable = if global.settable {
        ", a deployment may set it"
    } else {
        ""
    };
    let (section, default) = (&global.section, default(global));
    format!(
        "{type_name} in {section}, {} B, {default}{settable}",
        global.size_bytes
    )
}

/// A map that a handler asks for.
pub(super) fn right(wish: &MapAccess) -> &'static str {
    match wish.access {
        Access::Read => "reads it",
        Access::Write => "reads and writes it",
    }
}

/// What a handler may use up, by the names that policy and recipe have for it.
pub(super) fn limits(handler: &Handler) -> [(&'static str, String); 7] {
    [
        ("memory_bytes_max", handler.memory_bytes_max),
        ("call_ms_max", handler.call_ms_max.into()),
        ("state_ms_max", handler.state_ms_max.0.into()),
        ("state_bytes_max", handler.state_bytes_max.0.into()),
        ("emits_per_s_max", handler.emits_per_s_max.0.into()),
        (
            "emit_bytes_per_s_max",
            handler.emit_bytes_per_s_max.0.into(),
        ),
        ("log_lines_per_s_max", handler.log_lines_per_s_max.0.into()),
    ]
    .map(|(name, limit)| (name, grouped(limit)))
}

/// `u32 pid at 8`.
pub(super) fn field(field: &Field) -> String {
    let name = match field.name.as_str() {
        "" => "(anonymous)",
        name => name,
    };
    let (type_name, at) = (&field.type_name, place(field));
    format!("{type_name} {name} at {at}")
}

/// Where a member begins, bytes; bits behind them where it begins inside one.
pub(super) fn place(field: &Field) -> String {
    let (bytes, bits) = (field.offset_bits / 8, field.offset_bits % 8);
    let at = match bits {
        0 => bytes.to_string(),
        bits => format!("{bytes}, bit {bits}"),
    };
    match field.bits {
        None => at,
        Some(width) => format!("{at}, {width} bits wide"),
    }
}

/// What is said of an entry by its name, in a list of the manifest.
pub(super) fn of(manifest: &Manifest, list: &str, name: &str) -> Option<String> {
    match list {
        "program" => manifest
            .programs
            .iter()
            .find(|one| one.name == name)
            .map(hook),
        "map" => manifest.maps.iter().find(|one| one.name == name).map(map),
        _ => manifest
            .globals
            .iter()
            .find(|one| one.name == name)
            .map(global),
    }
}

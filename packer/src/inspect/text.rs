//! The summary for people. Called by `inspect`.
//! Must never leave out what the JSON says: it only says it in another form.

use std::collections::BTreeSet;

use payload::manifest::{Carry, Global, Manifest, Map, Merge, Program};
use payload::object::Object;

use super::layout::Layout;
use super::{Judgement, Report, handler, value};
use crate::table::{Text, bytes, grouped, row};

/// The whole summary, each line ended. The types in `object` tell what the values mean.
pub(super) fn of(report: &Report<'_>, object: &Object) -> String {
    let mut text = Text::default();
    heading(&mut text, report);
    lists(&mut text, report.manifest, object);
    events(&mut text, &report.events);
    if let (Some(report), Some(listed)) = (&report.handler, &report.manifest.handler) {
        handler::show(&mut text, report, listed);
    }
    for judgement in &report.judgements {
        judged(&mut text, judgement, report.judgements.len() > 1);
    }
    text.into_string()
}

fn heading(text: &mut Text, report: &Report<'_>) {
    let manifest = report.manifest;
    let kind = match report.generation {
        Some(generation) => format!("{}, generation {generation}", report.kind),
        None => report.kind.to_owned(),
    };
    let mut rows = vec![
        row(["kind", &kind]),
        row(["name", &format!("{} {}", manifest.name, manifest.version)]),
        row(["digest", &report.digest]),
        row(["size", &bytes(report.size_bytes as u64)]),
    ];
    let build = manifest.build.as_ref().map(|build| match &build.btf {
        Some(btf) => format!("clang {}, vmlinux.h of BTF {btf}", build.clang),
        None => format!("clang {}", build.clang),
    });
    let optional = [
        ("instance", report.instance.map(str::to_owned)),
        ("description", manifest.description.clone()),
        ("licence", manifest.license.clone()),
        ("source", manifest.source.clone()),
        ("build", build),
        (
            "kernel",
            manifest
                .kernel_min
                .map(|version| format!("{version} or later")),
        ),
    ];
    for (label, value) in optional {
        if let Some(value) = value {
            rows.push(row([label, &value]));
        }
    }
    text.rows("", rows);
    text.list(
        "presets",
        report.presets.iter().map(|preset| vec![preset.clone()]),
    );
}

fn lists(text: &mut Text, manifest: &Manifest, object: &Object) {
    let objects = manifest.objects.iter().map(|object| {
        let license = object.license.as_deref().unwrap_or("no licence");
        let digest = object.digest.to_string();
        row([
            object.arch.as_str(),
            &bytes(object.size_bytes),
            license,
            &digest,
        ])
    });
    text.list("objects", objects);
    text.list("programs", manifest.programs.iter().map(program));
    text.list("maps", manifest.maps.iter().map(map));
    let globals = manifest.globals.iter();
    text.list("globals", globals.map(|listed| global(listed, object)));
}

fn events(text: &mut Text, layouts: &[Layout]) {
    for layout in layouts {
        let heading = format!("event in {}: struct {}", layout.map, layout.struct_name);
        let fields = layout.record.fields.iter().map(|field| {
            let bits = field
                .bits
                .map_or_else(String::new, |bits| format!("{bits} bits"));
            let name = if field.name.is_empty() {
                "(anonymous)"
            } else {
                &field.name
            };
            row([name, &field.type_name, &bits])
        });
        text.list(
            &format!("{heading}, {}", bytes(layout.record.size_bytes)),
            fields,
        );
    }
}

fn program(program: &Program) -> Vec<String> {
    let target = program.target.as_deref().unwrap_or("-");
    let sleepable = if program.sleepable { "sleepable" } else { "" };
    let settable = if program.target_settable {
        "target settable"
    } else {
        ""
    };
    row([&program.name, &program.kind, target, sleepable, settable])
}

fn map(map: &Map) -> Vec<String> {
    let of_type = |name: &Option<String>, size: u32| match name {
        Some(name) => format!("{name} ({size})"),
        None => size.to_string(),
    };
    let types = if map.key_size == 0 && map.value_size == 0 {
        String::new()
    } else {
        let key = of_type(&map.key_type, map.key_size);
        format!("{key} → {}", of_type(&map.value_type, map.value_size))
    };
    let carry = match map.carry {
        Carry::Auto => "",
        Carry::Never => "carry never",
        Carry::Require => "carry required",
    };
    let merge = match map.merge {
        Merge::None => "",
        Merge::Add => "merge add",
        Merge::Replace => "merge replace",
    };
    // A ring's number of entries is its size.
    let room = if map.kind == "ringbuf" || map.kind == "user_ringbuf" {
        bytes(u64::from(map.max_entries))
    } else {
        format!("{} entries", grouped(u64::from(map.max_entries)))
    };
    row([&map.name, &map.kind, &room, &types, carry, merge])
}

fn global(global: &Global, object: &Object) -> Vec<String> {
    let type_name = global.type_name.as_deref().unwrap_or("-");
    let settable = if global.settable { "settable" } else { "" };
    let size = bytes(u64::from(global.size_bytes));
    row([
        &global.name,
        &global.section,
        type_name,
        &size,
        &value::of(global, object),
        settable,
    ])
}

fn judged(text: &mut Text, judgement: &Judgement, several: bool) {
    let needs = &judgement.needs;
    let joined = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let flag = |set: bool, words: &str| if set { words.to_owned() } else { String::new() };
    let architecture = format!("only {}", judgement.arch);
    let rows = [
        ("helpers", joined(&needs.helpers)),
        ("kfuncs", joined(&needs.kfuncs)),
        ("ksyms", joined(&needs.ksyms)),
        ("kconfig", joined(&needs.kconfig)),
        ("kernel types", joined(&needs.kernel_types)),
        ("architecture", flag(needs.one_architecture, &architecture)),
        ("kernel", flag(needs.kernel_btf, "with BTF")),
    ];
    let suffix = if several {
        format!(" ({})", judgement.arch)
    } else {
        String::new()
    };
    let said = rows.iter().filter(|(_, value)| !value.is_empty());
    text.list(
        &format!("needs{suffix}"),
        said.map(|(label, value)| row([label, value])),
    );
    let privileges = judgement.privileges.iter();
    let words = privileges.map(|privilege| vec![privilege.words().to_owned()]);
    text.list(&format!("can{suffix}"), words);
}

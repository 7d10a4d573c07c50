//! One release for people: what is in it, what it could do, what is new. Called by `list`.
//! Must never leave out what the JSON says of its privileges.

use api::registry::{Difference, Release};
use payload::manifest::{Manifest, Program};

use super::{Shown, stands};
use crate::moment;
use crate::summary;
use crate::table::{Text, row};

pub(super) fn of(shown: &Shown<'_>, now_ms: u64) -> String {
    let mut text = Text::default();
    text.rows("", heading(shown, now_ms));
    // A manifest of a later format is the registry's to show, and this packer's to leave alone.
    if let Ok(manifest) = serde_json::from_value::<Manifest>(shown.release.manifest.clone()) {
        inside(&mut text, &manifest);
    }
    if let Some(difference) = shown.difference {
        changed(&mut text, difference);
    }
    text.into_string()
}

fn heading(shown: &Shown<'_>, now_ms: u64) -> Vec<Vec<String>> {
    let release: &Release = shown.release;
    let mut rows = vec![
        row([
            "payload",
            &format!("{} {}", release.payload, release.version),
        ]),
        row(["digest", &release.digest]),
        row(["size", &moment::size(release.size_bytes)]),
        row(["state", stands(shown.above, release)]),
    ];
    if let Some(floor) = shown.above {
        let minimum = &floor.minimum_version;
        rows.push(row(["floor", &format!("nothing below {minimum} may run")]));
    }
    if let Some(reason) = release.reason.as_deref().filter(|text| !text.is_empty()) {
        rows.push(row(["reason", reason]));
    }
    if !shown.channels.is_empty() {
        rows.push(row(["channels", &shown.channels.join(", ")]));
    }
    let at = moment::utc(release.published_ms);
    let ago = moment::relative(now_ms, release.published_ms);
    let published = format!("{at} ({ago}) by {}", release.published_by);
    rows.push(row(["published", &published]));
    rows.push(row(["nodes", &release.nodes.to_string()]));
    if release.signers.is_empty() {
        rows.push(row([
            "signed by",
            "nobody: `packer sign --release` can change that",
        ]));
    } else {
        summary::push_all(&mut rows, "signed by", release.signers.iter().cloned());
    }
    let privileges = release.privileges.iter().cloned();
    summary::push_all(&mut rows, "can", privileges);
    rows
}

fn inside(text: &mut Text, manifest: &Manifest) {
    let program = |program: &Program| {
        let target = program.target.as_deref().unwrap_or("-");
        let settable = if program.target_settable {
            "target settable"
        } else {
            ""
        };
        row([&program.name, &program.kind, target, settable])
    };
    text.list("programs", manifest.programs.iter().map(program));
    let settable = manifest.globals.iter().filter(|global| global.settable);
    text.list(
        "settable globals",
        settable.map(|global| {
            let type_name = global.type_name.as_deref().unwrap_or("-");
            row([&global.name, type_name])
        }),
    );
}

/// What a release has that the version before had not, and the other way round.
pub(crate) fn changed(text: &mut Text, difference: &Difference) {
    let lists = [
        ("programs", "+", &difference.programs_added),
        ("programs", "-", &difference.programs_removed),
        ("programs", "~", &difference.programs_changed),
        ("maps", "+", &difference.maps_added),
        ("maps", "-", &difference.maps_removed),
        ("maps", "~", &difference.maps_changed),
        ("globals", "+", &difference.globals_added),
        ("globals", "-", &difference.globals_removed),
        ("globals", "~", &difference.globals_changed),
        ("handler", "+", &difference.handler_added),
        ("handler", "-", &difference.handler_removed),
        ("privileges", "+", &difference.privileges_added),
        ("privileges", "-", &difference.privileges_removed),
    ];
    let rows = lists.into_iter().flat_map(|(what, sign, names)| {
        let changed = names.iter();
        changed.map(move |name| row([what, &format!("{sign} {name}")]))
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let heading = format!("since {}", difference.from);
    if rows.is_empty() {
        text.lines(
            "",
            &format!("{heading}: the same programs, maps, globals, rights and privileges"),
        );
    } else {
        text.list(&heading, rows.into_iter());
    }
}

//! `packer inspect`: what a payload, an object or legacy JSON contains, needs and could do.
//! Called by `main`. Everything shown is computed from the bytes.
//! Must never show text of the input unescaped: it goes to a terminal.

mod handler;
mod layout;
mod text;
mod value;

use std::collections::BTreeSet;

use payload::legacy::{Generation, Preset};
use payload::manifest::{Arch, Manifest};
use payload::object::{INSPECTION_VERSION, Needs, Object, Privilege};
use payload::unsigned::Origin;
use serde::Serialize;

use crate::cli::InspectArguments;
use crate::failure::Failure;
use crate::input::Input;
use crate::output;
use handler::HandlerReport;
use layout::Layout;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    /// `payload`, `object` or `legacy`.
    kind: &'static str,
    /// Of legacy JSON: 0, 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u8>,
    /// The instance that legacy JSON asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    /// Of the file; of the object where the file is legacy JSON.
    digest: String,
    size_bytes: usize,
    /// As stored in a payload, or as it would be: defaults of globals are bytes in hexadecimal.
    manifest: &'a Manifest,
    /// What the records of the manifest's events are made of.
    events: Vec<Layout>,
    /// What the bytes of the handler say beside the manifest, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    handler: Option<HandlerReport>,
    /// Values that legacy JSON gives to variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    presets: Vec<String>,
    /// The version of the inspection that judged.
    inspection: u32,
    /// One for each object.
    judgements: Vec<Judgement>,
}

/// What an object needs and could do.
#[derive(Debug, Serialize)]
struct Judgement {
    arch: Arch,
    needs: Needs,
    privileges: BTreeSet<Privilege>,
}

/// Prints the summary.
pub(crate) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    let input = Input::read(&arguments.input)?;
    let report = Report::of(&input);
    output::shown(arguments.json, &report, || {
        text::of(&report, input.unsigned.inspected())
    })?;
    Ok(())
}

impl<'a> Report<'a> {
    fn of(input: &'a Input) -> Self {
        let unsigned = &input.unsigned;
        let contents = unsigned.contents();
        let (kind, generation) = match input.origin {
            Origin::Payload => ("payload", None),
            Origin::Object => ("object", None),
            Origin::Legacy(Generation::Zero) => ("legacy", Some(0)),
            Origin::Legacy(Generation::One) => ("legacy", Some(1)),
            Origin::Legacy(Generation::Two) => ("legacy", Some(2)),
        };
        let arches = contents.objects.iter().map(|object| object.arch);
        let judged = |arch| {
            unsigned
                .inspected_for(arch)
                .map(|object| Judgement::of(arch, object))
        };
        Self {
            kind,
            generation,
            instance: input.instance.as_deref(),
            digest: unsigned.digest().to_string(),
            size_bytes: input.bytes.len(),
            manifest: &contents.manifest,
            events: layout::of(&contents.manifest.events, unsigned.inspected()),
            handler: contents.handler.as_deref().and_then(HandlerReport::of),
            presets: unsigned.presets().iter().map(preset).collect(),
            inspection: INSPECTION_VERSION,
            judgements: arches.filter_map(judged).collect(),
        }
    }
}

impl Judgement {
    fn of(arch: Arch, object: &Object) -> Self {
        Self {
            arch,
            needs: object.needs(),
            privileges: object.privileges(),
        }
    }
}

fn preset(preset: &Preset) -> String {
    format!("{} {} = {}", preset.section, preset.variable, preset.value)
}

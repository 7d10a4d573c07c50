//! The three generations of the legacy JSON, and the wrapper of 2022 around them.
//! Called by `legacy::read` with a document that is already bounded.
//! Must never accept a size that is not the size of the data.

use super::base64;
use super::error::{LegacyError, Rule};
use super::fields::{Field, Fields};
use super::inflate::inflate;
use super::json;
use super::path::Path;
use super::{Description, Exporter, Generation, Legacy, Places, Preset, Wrapped};
use crate::limits::{LEGACY_PRESETS_MAX, MAPS_MAX, OBJECT_BYTES_MAX, PROGRAMS_MAX};

/// What `data` of generations 0 and 1 must be.
const DATA: &str = "a string: base64 of the object";
/// What `data_sz` and `bpf_object_size` must be.
const SIZE: &str = "the size of the object in bytes";

/// Reads a document that may be wrapped.
pub(super) fn document(text: &[u8]) -> Result<Legacy, LegacyError> {
    let path = Path::document();
    let json = json::parse(text, &path)?;
    let fields = Field { json: &json, path }.object()?;
    if !fields.has("args") && !fields.has("export_handlers") {
        return bare(&fields);
    }
    if fields.has("data") {
        let rule = Rule::MixedGenerations {
            one: "args",
            other: "data",
        };
        return Err(fields.path_of("args").error(rule));
    }
    wrapped(&fields)
}

fn wrapped(fields: &Fields<'_>) -> Result<Legacy, LegacyError> {
    let expected = "an array that holds the JSON of the program as a string";
    let args = fields.required("args", expected)?;
    let arguments = args.elements(usize::MAX)?;
    let [argument] = arguments.as_slice() else {
        return Err(args.path.error(Rule::WrongArgumentCount {
            count: arguments.len(),
        }));
    };
    let name = match fields.optional("name") {
        Some(name) => name.identifier()?.to_owned(),
        None => String::new(),
    };
    let wrapped = Wrapped {
        name,
        exporters: exporters(fields)?,
    };
    let inner = json::parse(argument.text()?.as_bytes(), &argument.path)?;
    let program = Field {
        json: &inner,
        path: argument.path.clone(),
    }
    .object()?;
    Ok(Legacy {
        wrapped: Some(wrapped),
        ..bare(&program)?
    })
}

fn exporters(fields: &Fields<'_>) -> Result<Vec<Exporter>, LegacyError> {
    let Some(handlers) = fields.optional("export_handlers") else {
        return Ok(Vec::new());
    };
    let mut exporters = Vec::new();
    for handler in handlers.elements(Exporter::ALL.len())? {
        let handler = handler.object()?;
        let name = handler.required("name", "the name of an export handler")?;
        let exporter = Exporter::ALL
            .into_iter()
            .find(|known| Ok(known.name()) == name.text());
        exporters.push(exporter.ok_or_else(|| unknown_exporter(&name))?);
    }
    Ok(exporters)
}

fn unknown_exporter(name: &Field<'_>) -> LegacyError {
    match name.text() {
        Ok(text) => {
            let allowed = Exporter::ALL.map(Exporter::name).join(", ");
            let found = super::error::escaped(text);
            name.path.error(Rule::UnknownExporter { found, allowed })
        }
        Err(wrong_type) => wrong_type,
    }
}

fn bare(fields: &Fields<'_>) -> Result<Legacy, LegacyError> {
    let second = ["bpf_object", "bpf_object_size", "meta"]
        .into_iter()
        .find(|key| fields.has(key));
    match second {
        Some(key) if fields.has("data") => {
            let rule = Rule::MixedGenerations {
                one: key,
                other: "data",
            };
            Err(fields.path_of(key).error(rule))
        }
        Some(_) => generation_2(fields),
        None => generation_0_or_1(fields),
    }
}

fn generation_0_or_1(fields: &Fields<'_>) -> Result<Legacy, LegacyError> {
    let data = fields.required("data", DATA)?;
    let size = fields.required("data_sz", SIZE)?;
    let expected = "an array of the names of the object's maps";
    let maps = fields.either("maps", "maps_name", expected)?;
    let expected = "an array of the names of the object's programs";
    let programs = fields.either("progs", "progs_name", expected)?;
    let places = Places {
        maps: maps.path.to_string(),
        programs: programs.path.to_string(),
    };
    let maps = maps.elements(MAPS_MAX)?;
    let programs = programs.elements(PROGRAMS_MAX)?;
    let name = fields
        .required("name", "a string, which may be empty")?
        .identifier()?
        .to_owned();

    let bytes = data.text().and_then(|text| decoded(&data, text))?;
    let declared = size.whole()?;
    if declared != bytes.len() as i128 {
        let rule = Rule::SizeDiffers {
            declared,
            field: "data",
            decoded: bytes.len(),
        };
        return Err(size.path.error(rule));
    }
    if bytes.len() > OBJECT_BYTES_MAX {
        let rule = Rule::TooLarge {
            bytes: bytes.len(),
            bytes_max: OBJECT_BYTES_MAX,
        };
        return Err(data.path.error(rule));
    }
    // The generations differ in what the arrays hold; without any element there is nothing to tell.
    let listed = [maps.as_slice(), programs.as_slice()].concat();
    let generation = match listed.first() {
        Some(first) if first.text().is_err() => Generation::One,
        _ => Generation::Zero,
    };
    let names = match generation {
        Generation::Zero => plain_names,
        Generation::One | Generation::Two => object_names,
    };
    Ok(Legacy {
        generation,
        name,
        object: bytes,
        programs: names(&programs)?,
        maps: names(&maps)?,
        wrapped: None,
        description: description(fields)?,
        presets: Vec::new(),
        places,
    })
}

fn generation_2(fields: &Fields<'_>) -> Result<Legacy, LegacyError> {
    let expected = "a string: base64 of the zlib stream of the object";
    let data = fields.required("bpf_object", expected)?;
    let size = fields.required("bpf_object_size", SIZE)?;
    let meta = fields.required("meta", "an object")?.object()?;
    let skeleton = meta.required("bpf_skel", "an object")?.object()?;
    let name = skeleton
        .required("obj_name", "a string")?
        .identifier()?
        .to_owned();
    let places = Places {
        maps: skeleton.path_of("maps").to_string(),
        programs: skeleton.path_of("progs").to_string(),
    };
    let maps = nullable_names(&skeleton, "maps", MAPS_MAX)?;
    let programs = nullable_names(&skeleton, "progs", PROGRAMS_MAX)?;
    let presets = presets(&skeleton)?;

    let compressed = data.text().and_then(|text| decoded(&data, text))?;
    let declared = size.whole()?;
    let object = inflate(&compressed, declared, &data.path, &size.path, "bpf_object")?;
    if object.is_empty() {
        return Err(data.path.error(Rule::Empty));
    }
    Ok(Legacy {
        generation: Generation::Two,
        name,
        object,
        programs,
        maps,
        wrapped: None,
        description: Description::default(),
        presets,
        places,
    })
}

/// The bytes of a base64 field; an object of no bytes is refused here.
fn decoded(field: &Field<'_>, text: &str) -> Result<Vec<u8>, LegacyError> {
    let bytes = base64::decode(text).map_err(|rule| field.path.error(rule))?;
    if bytes.is_empty() {
        return Err(field.path.error(Rule::Empty));
    }
    Ok(bytes)
}

fn plain_names(names: &[Field<'_>]) -> Result<Vec<String>, LegacyError> {
    names
        .iter()
        .map(|name| name.identifier().map(str::to_owned))
        .collect()
}

fn object_names(named: &[Field<'_>]) -> Result<Vec<String>, LegacyError> {
    let name_of = |element: &Field<'_>| {
        let name = element.clone().object()?.required("name", "a string")?;
        name.identifier().map(str::to_owned)
    };
    named.iter().map(name_of).collect()
}

fn nullable_names(
    skeleton: &Fields<'_>,
    key: &str,
    count_max: usize,
) -> Result<Vec<String>, LegacyError> {
    let list = skeleton.required(key, "an array or null")?;
    match list.json {
        json::Json::Null => Ok(Vec::new()),
        _ => object_names(&list.elements(count_max)?),
    }
}

/// Variables to which the document gives a value of its own, for which the predecessor's loader
/// changed the object before loading it: `value`, or the default of its command-line argument.
fn presets(skeleton: &Fields<'_>) -> Result<Vec<Preset>, LegacyError> {
    let mut presets = Vec::new();
    let Some(sections) = skeleton.optional("data_sections") else {
        return Ok(presets);
    };
    if matches!(sections.json, json::Json::Null) {
        return Ok(presets);
    }
    for section in sections.elements(MAPS_MAX)? {
        let section = section.object()?;
        let section_name = section.required("name", "a string")?.identifier()?;
        for variable in section
            .required("variables", "an array")?
            .elements(usize::MAX)?
        {
            let variable = variable.object()?;
            let Some(value) = preset_value(&variable)? else {
                continue;
            };
            let name = variable.required("name", "a string")?.identifier()?;
            if presets.len() == LEGACY_PRESETS_MAX {
                let (count, count_max) = (presets.len() + 1, LEGACY_PRESETS_MAX);
                return Err(value.path.error(Rule::TooMany { count, count_max }));
            }
            presets.push(Preset {
                section: section_name.to_owned(),
                variable: name.to_owned(),
                value: value.scalar()?,
                path: value.path.to_string(),
            });
        }
    }
    Ok(presets)
}

/// The default of the command-line argument before the value: the predecessor's loader went through
/// a command line, given or not.
fn preset_value<'j>(variable: &Fields<'j>) -> Result<Option<Field<'j>>, LegacyError> {
    let is_set = |field: &Field<'_>| !matches!(field.json, json::Json::Null);
    if let Some(argument) = variable.optional("cmdarg").filter(is_set)
        && let Some(default) = argument.object()?.optional("default").filter(is_set)
    {
        return Ok(Some(default));
    }
    Ok(variable.optional("value").filter(is_set))
}

fn description(fields: &Fields<'_>) -> Result<Description, LegacyError> {
    let text = |key: &str| match fields.optional(key) {
        Some(field) => field.text().map(|text| Some(text.to_owned())),
        None => Ok(None),
    };
    Ok(Description {
        version: text("version")?,
        license: text("license")?,
        author: text("author")?,
        url: text("url")?,
        description: text("description")?,
    })
}

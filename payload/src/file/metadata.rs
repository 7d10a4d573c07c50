//! The sections by which ordinary Wasm tools show a payload's name, version, licence and
//! description: those that `wasm-tools metadata` reads (its crate `wasm-metadata`; OCI's annotation
//! names without `org.opencontainers.image.`) and the tool conventions' producers section.
//! Must never depend on anything but the manifest: a reader compares them byte for byte.

use wasm_encoder::{
    ComponentNameSection, CustomSection, Encode as _, NameSection, ProducersField, ProducersSection,
};

use super::CUSTOM;
use super::section::Layer;
use crate::manifest::Manifest;

/// Names of the sections that [`sections`] writes; no handler may carry one of its own.
/// The `name` section of a module is not among them: it also names functions.
pub(super) const NAMES: [&str; 6] = [
    "component-name",
    "producers",
    "version",
    "description",
    "licenses",
    "source",
];

/// All metadata sections of a payload with this manifest.
pub(super) fn sections(manifest: &Manifest, layer: Layer) -> Vec<u8> {
    let mut bytes = vec![CUSTOM];
    let name = manifest.name.as_str();
    match layer {
        Layer::Component => {
            let mut names = ComponentNameSection::new();
            names.component(name);
            names.encode(&mut bytes);
        }
        Layer::Module => {
            let mut names = NameSection::new();
            names.module(name);
            names.encode(&mut bytes);
        }
    }
    if let Some(build) = &manifest.build {
        let mut language = ProducersField::new();
        language.value("C", "");
        let mut processed_by = ProducersField::new();
        processed_by.value("clang", &build.clang);
        let mut producers = ProducersSection::new();
        producers
            .field("language", &language)
            .field("processed-by", &processed_by);
        bytes.push(CUSTOM);
        producers.encode(&mut bytes);
    }
    let mut text = |name: &str, text: &str| {
        bytes.push(CUSTOM);
        CustomSection {
            name: name.into(),
            data: text.as_bytes().into(),
        }
        .encode(&mut bytes);
    };
    text("version", manifest.version.as_str());
    for (name, value) in [
        ("description", &manifest.description),
        ("licenses", &manifest.license),
        ("source", &manifest.source),
    ] {
        if let Some(value) = value {
            text(name, value);
        }
    }
    bytes
}

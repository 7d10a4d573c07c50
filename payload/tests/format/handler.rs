//! Handlers inside payloads: carried as they are, without metadata that would hide the payload's.
//! Must never run one.

use payload::file::handler::bare;
use payload::file::{Contents, encode};
use payload::unsigned::Unsigned;
use wasm_encoder::{
    CodeSection, Component, CustomSection, Function, FunctionSection, Module, ModuleSection,
    NameMap, NameSection, ProducersField, ProducersSection, TypeSection,
};

use super::build::{contents, contents_with_handler, section};

/// A module with one function that does nothing, and with what tools add to it.
fn module(with_metadata: bool) -> Vec<u8> {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut code = CodeSection::new();
    let mut body = Function::new([]);
    body.instructions().end();
    code.function(&body);
    module.section(&types).section(&functions).section(&code);
    let mut names = NameSection::new();
    if with_metadata {
        names.module("guest");
    }
    let mut functions = NameMap::new();
    functions.append(0, "nothing");
    names.functions(&functions);
    module.section(&names);
    if with_metadata {
        let mut field = ProducersField::new();
        field.value("Rust", "");
        let mut producers = ProducersSection::new();
        producers.field("language", &field);
        module.section(&producers);
        module.section(&CustomSection {
            name: "version".into(),
            data: b"9.9.9"[..].into(),
        });
    }
    module.finish()
}

fn component() -> Vec<u8> {
    let mut component = Component::new();
    component.section(&ModuleSection(&Module::new()));
    component.finish()
}

fn round_trip(contents: &Contents) {
    let file = encode(contents).unwrap();
    wasmparser::Validator::new().validate_all(&file).unwrap();
    assert_eq!(Unsigned::from_payload(&file).unwrap().contents(), contents);
}

#[test]
fn handlers_of_both_layers_are_carried_as_they_are() {
    round_trip(&contents_with_handler(module(false)));
    round_trip(&contents_with_handler(component()));
}

#[test]
fn metadata_of_a_handler_is_refused_and_bare_takes_it_out() {
    let error = encode(&contents_with_handler(module(true)))
        .unwrap_err()
        .to_string();
    assert!(error.contains("handler has a section \"name\""), "{error}");
    assert_eq!(bare(&module(true)).unwrap(), module(false));
    assert_eq!(bare(&module(false)).unwrap(), module(false));
    round_trip(&contents_with_handler(bare(&module(true)).unwrap()));
}

#[test]
fn sections_of_the_payload_inside_a_handler_are_refused() {
    for name in ["marrow:manifest", "marrow:object/x86_64", "marrow:more"] {
        let handler = [module(false), section(name, b"")].concat();
        assert!(encode(&contents_with_handler(handler)).is_err(), "{name}");
    }
}

#[test]
fn handlers_that_are_no_valid_webassembly_are_refused() {
    let mut broken = module(false);
    // The type index of the only function (function section: id 3, length 2, count 1, index).
    let at = broken
        .windows(4)
        .position(|bytes| bytes == [3, 2, 1, 0])
        .unwrap();
    broken[at + 3] = 7;
    let error = encode(&contents_with_handler(broken))
        .unwrap_err()
        .to_string();
    assert!(error.contains("not valid WebAssembly"), "{error}");
    assert!(encode(&contents_with_handler(b"\0asm".to_vec())).is_err());
    assert!(encode(&contents_with_handler(Vec::new())).is_err());
}

#[test]
fn handler_and_manifest_come_together_or_not_at_all() {
    let mut without_code = contents_with_handler(component());
    without_code.handler = None;
    assert!(
        encode(&without_code)
            .unwrap_err()
            .to_string()
            .contains("the file has none")
    );
    let mut without_word = contents();
    without_word.handler = Some(component());
    let error = encode(&without_word).unwrap_err().to_string();
    assert!(error.contains("manifest lists no handler"), "{error}");
}

//! Handlers inside payloads: carried as they are, without metadata that would hide the payload's.
//! Must never run one.

use payload::file::handler::bare;
use payload::file::{Contents, encode};
use payload::unsigned::Unsigned;
use wasm_encoder::{
    CodeSection, Component, CustomSection, Function, FunctionSection, Module, ModuleSection,
    NameMap, NameSection, ProducersField, ProducersSection, TypeSection,
};

use super::build::{contents, contents_with_handler, core_importing, section};

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

/// What is said where the manifest of contents is changed.
fn refused(handler: Vec<u8>, change: impl FnOnce(&mut payload::manifest::Handler)) -> String {
    let mut contents = contents_with_handler(handler);
    change(contents.manifest.handler.as_mut().unwrap());
    encode(&contents).unwrap_err().to_string()
}

#[test]
fn imports_that_the_manifest_leaves_out_or_adds_are_refused_with_both_lists() {
    let handler = core_importing(&["emit".to_owned(), "log".to_owned()]);
    round_trip(&contents_with_handler(handler.clone()));
    let said = refused(handler, |listed| {
        listed.imports = vec![
            "some:module/host@1.0.0#config".to_owned(),
            "some:module/host@1.0.0#log".to_owned(),
        ];
    });
    assert_eq!(
        said,
        "handler.imports: only the manifest has some:module/host@1.0.0#config, only the handler \
         has some:module/host@1.0.0#emit"
    );
}

#[test]
fn what_the_sdk_wrote_and_the_manifest_must_be_the_same() {
    let abi = section("handler-abi", b"world=1.0.0;sdk=c/1;schema=3;accepts=1,2");
    let handler = [module(false), abi].concat();
    round_trip(&contents_with_handler(handler.clone()));
    let says = |field: &str, manifest: &str, handler: &str| {
        format!(
            "handler.{field}: the manifest says {manifest}, the handler's handler-abi {handler}"
        )
    };
    assert_eq!(
        refused(handler.clone(), |m| m.world = "marrow:handler@1.1.0".into()),
        says(
            "world",
            "\"marrow:handler@1.1.0\"",
            "\"marrow:handler@1.0.0\""
        )
    );
    assert_eq!(
        refused(handler.clone(), |m| m.sdk = None),
        says("sdk", "null", "\"c/1\"")
    );
    assert_eq!(
        refused(handler.clone(), |m| m.schema = 4),
        says("schema", "4", "3")
    );
    assert_eq!(
        refused(handler, |m| m.accepts = vec![2]),
        says("accepts", "[2]", "[1,2]")
    );
}

#[test]
fn a_handler_without_a_word_of_its_sdk_is_what_the_manifest_says() {
    let mut contents = contents_with_handler(module(false));
    let listed = contents.manifest.handler.as_mut().unwrap();
    (listed.schema, listed.accepts) = (7, vec![1, 2]);
    round_trip(&contents);
}

#[test]
fn a_core_module_may_be_as_large_as_its_lane_allows_and_a_component_larger() {
    let bound = payload::limits::HANDLER_CORE_BYTES_MAX;
    // A custom section whose bytes fill up to the bound: id, length and name come on top.
    let padded = |bytes: usize, mut wasm: Vec<u8>| {
        let beside = section("x", &vec![0; 3 << 20]).len() - (3 << 20);
        let fill = bytes - wasm.len() - beside;
        wasm.extend(section("x", &vec![0; fill]));
        wasm
    };
    let fits = padded(bound, module(false));
    assert_eq!(fits.len(), bound);
    round_trip(&contents_with_handler(fits));
    let error = encode(&contents_with_handler(padded(bound + 1, module(false)))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "handler: 4194305 bytes, at most 4194304 are allowed in the core lane"
    );
    round_trip(&contents_with_handler(padded(bound + 1, component())));
}

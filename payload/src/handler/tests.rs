//! What is found in handlers of both lanes, and what is refused. Run by `cargo test`.
//! Must never take a tool's word for what a handler imports.

use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, CustomSection,
    EntityType, ExportKind, ExportSection, ImportSection, InstanceType, MemoryType, Module,
    ModuleSection, PrimitiveValType, TypeBounds, TypeSection,
};

use super::*;

const HOST: &str = "marrow:handler/host@1.0.0";

/// A core module with these imports and a memory that it imports and exports.
fn module(imports: &[(&str, &str)]) -> Module {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut section = ImportSection::new();
    for (from, name) in imports {
        section.import(from, name, EntityType::Function(0));
    }
    let memory = MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    section.import("env", "memory", memory);
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    module.section(&types).section(&section).section(&exports);
    module
}

fn abi(text: &str) -> CustomSection<'_> {
    CustomSection {
        name: ABI_SECTION.into(),
        data: text.as_bytes().into(),
    }
}

#[test]
fn imports_of_a_core_module_are_all_of_them_ascending_each_once() {
    let mut module = module(&[(HOST, "log"), (HOST, "emit"), (HOST, "log")]);
    module.section(&abi("world=1.0.0"));
    let found = inspect(&module.finish()).unwrap();
    assert_eq!(found.lane, Lane::Core);
    assert_eq!(
        found.imports,
        [
            "env#memory",
            "marrow:handler/host@1.0.0#emit",
            "marrow:handler/host@1.0.0#log"
        ]
    );
    assert_eq!(found.exports, ["memory"]);
    assert_eq!(found.abi, Some(Abi::parse(b"world=1.0.0").unwrap()));
}

/// A component that imports an instance with a function, a type and a resource, a function outside
/// of any, and a type; inside is a module with imports and a section of its own.
fn component() -> Component {
    let mut types = ComponentTypeSection::new();
    types
        .function()
        .params([("x", PrimitiveValType::U32)])
        .result(None);
    let mut instance = InstanceType::new();
    instance.ty().defined_type().enum_type(["error", "warn"]);
    instance.export("level", ComponentTypeRef::Type(TypeBounds::Eq(0)));
    instance.export("handle", ComponentTypeRef::Type(TypeBounds::SubResource));
    instance
        .ty()
        .function()
        .params([("x", PrimitiveValType::U32)])
        .result(None);
    instance.export("log", ComponentTypeRef::Func(3));
    types.instance(&instance);
    let mut imports = ComponentImportSection::new();
    imports.import(HOST, ComponentTypeRef::Instance(1));
    imports.import("print", ComponentTypeRef::Func(0));
    imports.import("thing", ComponentTypeRef::Type(TypeBounds::SubResource));
    let mut component = Component::new();
    component.section(&types).section(&imports);
    let mut inner = module(&[("inner", "secret")]);
    inner.section(&abi("not what a handler says"));
    component.section(&ModuleSection(&inner));
    component
}

#[test]
fn imports_of_a_component_are_the_functions_and_resources_of_its_instances() {
    let mut component = component();
    component.section(&abi("world=1.0.0;schema=2"));
    let found = inspect(&component.finish()).unwrap();
    assert_eq!(found.lane, Lane::Component);
    assert_eq!(
        found.imports,
        [
            "$root#print",
            "$root#thing",
            "marrow:handler/host@1.0.0#handle",
            "marrow:handler/host@1.0.0#log"
        ]
    );
    assert_eq!(found.exports, Vec::<String>::new());
    assert_eq!(found.abi.unwrap().schema, 2);
    assert_eq!(inspect(&self::component().finish()).unwrap().abi, None);
}

fn refused(wasm: &[u8]) -> String {
    inspect(wasm).expect_err("must be refused").to_string()
}

#[test]
fn what_no_manifest_could_say_is_refused() {
    let names: Vec<String> = (0..=IMPORTS_MAX)
        .map(|number| format!("f{number}"))
        .collect();
    let imports: Vec<(&str, &str)> = names.iter().map(|name| (HOST, name.as_str())).collect();
    // The memory is an import too.
    assert!(inspect(&module(&imports[2..]).finish()).is_ok());
    assert!(refused(&module(&imports[1..]).finish()).contains("more than 256 imports"));
    let long = "n".repeat(IDENTIFIER_BYTES_MAX);
    assert!(refused(&module(&[("m", &long)]).finish()).contains("is too long"));
    for (from, name) in [("m#", "emit"), ("m", "a#emit")] {
        assert!(refused(&module(&[(from, name)]).finish()).contains("has a # of its own"));
    }
    let said = refused(&module(&[("m", "a\u{1b}[31m")]).finish());
    assert!(
        said.contains("has control characters") && !said.contains('\u{1b}'),
        "{said}"
    );
}

#[test]
fn exports_end_at_their_bound_and_have_names() {
    let exporting = |names: &[String]| {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import(HOST, "log", EntityType::Function(0));
        let mut exports = ExportSection::new();
        for name in names {
            exports.export(name, ExportKind::Func, 0);
        }
        module.section(&types).section(&imports).section(&exports);
        module.finish()
    };
    let names: Vec<String> = (0..=EXPORTS_MAX)
        .map(|number| format!("f{number}"))
        .collect();
    assert_eq!(
        inspect(&exporting(&names[1..])).unwrap().exports,
        names[1..]
    );
    assert!(refused(&exporting(&names)).contains("more than 1024 exports"));
    assert!(refused(&exporting(&[String::new()])).contains("is empty"));
}

#[test]
fn the_word_of_the_sdk_stands_once_and_is_read_strictly() {
    let mut twice = module(&[]);
    twice
        .section(&abi("world=1.0.0"))
        .section(&abi("world=1.0.0"));
    assert!(refused(&twice.finish()).contains("a second section handler-abi"));
    let mut wrong = module(&[]);
    wrong.section(&abi("world=1.0.0;colour=blue"));
    assert_eq!(
        refused(&wrong.finish()),
        "handler's section handler-abi: unknown key \"colour\"; world, sdk, schema and accepts \
         are known"
    );
}

#[test]
fn bytes_that_are_no_handler_are_refused() {
    assert!(refused(b"").contains("not a WebAssembly"));
    assert!(refused(b"\0asm\x02\0\0\0").contains("not a WebAssembly"));
    // A code section without functions that it would be of.
    assert!(refused(b"\0asm\x01\0\0\0\x0a\x02\x01\x00").contains("not valid WebAssembly"));
    assert!(refused(b"\0asm\x01\0\0\0\x0a\x7f").contains("section at byte 8"));
}

//! Pieces that the tests of the format are made of: the golden files, a contents, a key.
//! Must never read the clock or the network: every run builds the same.

use payload::digest::Digest;
use payload::file::Contents;
use payload::handler;
use payload::manifest::{Build, Handler};
use payload::name::Namespace;
use payload::signature::{Envelope, PublicKey, SigningKey, Statement, TrustedKeys};
use payload::unsigned::Unsigned;
use wasm_encoder::{EntityType, ImportSection, Module, TypeSection};

pub(crate) const OBJECT: &[u8] = include_bytes!("../golden/small.bpf.o");
pub(crate) const FILE: &[u8] = include_bytes!("../golden/small.wasm");
pub(crate) const ENVELOPE: &[u8] = include_bytes!("../golden/small.envelope.json");
const PRIVATE: &[u8] = include_bytes!("../golden/openssl-private.pem");
const PUBLIC: &[u8] = include_bytes!("../golden/openssl-public.pem");

/// What the golden payload holds.
pub(crate) fn contents() -> Contents {
    let name = "acme/small".parse().unwrap();
    let mut contents = Unsigned::from_object(&name, OBJECT)
        .unwrap()
        .into_contents();
    let manifest = &mut contents.manifest;
    manifest.version = "1.0.0".parse().unwrap();
    manifest.description =
        Some("Says which process starts.\nThe golden payload of the format.".to_owned());
    manifest.license = Some("GPL-2.0-only".to_owned());
    manifest.source = Some("https://example.org/small".to_owned());
    manifest.build = Some(Build {
        clang: "14.0.6".to_owned(),
        btf: None,
    });
    manifest.kernel_min = Some("5.15".parse().unwrap());
    for global in &mut manifest.globals {
        global.settable = global.name == "min_pid";
    }
    contents
}

/// Contents with this handler, which no node runs: the format only carries it. The manifest says of
/// it what its bytes do.
pub(crate) fn contents_with_handler(wasm: Vec<u8>) -> Contents {
    let mut contents = contents();
    let mut listed = Handler::of_world(&"1.0.0".parse().unwrap());
    if let Ok(handler) = handler::inspect(&wasm) {
        listed.take_facts(&handler);
    }
    contents.manifest.handler = Some(listed);
    contents.handler = Some(wasm);
    contents
}

/// The golden private key.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_pem(PRIVATE).unwrap()
}

/// Trust in the golden public key for the golden payload's namespace.
pub(crate) fn trusted() -> TrustedKeys {
    let mut keys = TrustedKeys::new();
    let namespace: Namespace = "acme".parse().unwrap();
    keys.trust(PublicKey::from_pem(PUBLIC).unwrap(), namespace)
        .unwrap();
    keys
}

/// The envelope of a file by one key, under the golden payload's name and version.
pub(crate) fn signed(file: &[u8], key: &SigningKey) -> Envelope {
    let manifest = contents().manifest;
    let digest = Digest::of(file);
    let statement = Statement {
        name: manifest.name,
        version: manifest.version,
        digest,
    };
    Envelope::sign(&statement, key).unwrap()
}

/// A core module that imports these functions of one module, each without parameters.
pub(crate) fn core_importing(names: &[String]) -> Vec<u8> {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    for name in names {
        imports.import("some:module/host@1.0.0", name, EntityType::Function(0));
    }
    module.section(&types).section(&imports);
    module.finish()
}

/// A custom section: id, length, length of the name, name, data.
pub(crate) fn section(name: &str, data: &[u8]) -> Vec<u8> {
    let inside = [length(name.len()), name.as_bytes().to_vec(), data.to_vec()].concat();
    [vec![0], length(inside.len()), inside].concat()
}

/// A length in LEB128 (WebAssembly core specification, 5.2.2).
pub(crate) fn length(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

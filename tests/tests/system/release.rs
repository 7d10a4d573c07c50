//! Signed releases for the fleet tests: real payload files of the tests' objects, real keys.

use std::collections::BTreeSet;
use std::path::Path;

use payload::digest::Digest;
use payload::file::{ArchObject, Contents, encode};
use payload::manifest::{Arch, Described, Inspected, Manifest};
use payload::signature::{FloorStatement, SignedEnvelope, SigningKey, Statement};
use serde_json::{Value, json};

use super::objects::object;

/// A payload file, and what was signed about it.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) file: Vec<u8>,
    pub(crate) digest: String,
    pub(crate) envelope: String,
}

/// A publisher's key.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Writes the public half into a folder of trusted keys.
pub(crate) fn trust(folder: &Path, file: &str, seed: u8, namespace: &str) {
    let pem = key(seed).public().to_pem().unwrap();
    let text = format!("namespaces = [\"{namespace}\"]\nkey = \"\"\"\n{pem}\"\"\"\n");
    write(&folder.join(file), text.as_bytes());
}

/// Puts a file in its place at once, as who changes keys under a running node must.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    let folder = path.parent().unwrap();
    let mut file = tempfile::NamedTempFile::new_in(folder).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    file.persist(path).unwrap();
}

/// The object `tests/system/<of>.bpf.c` as `name` `version`, signed by the key of `seed`; its
/// programs may be attached elsewhere.
pub(crate) fn release(of: &str, name: &str, version: &str, seed: u8) -> Release {
    release_of(&object(of), name, version, seed)
}

/// As [`release`], of an object that is compiled elsewhere.
pub(crate) fn release_of(object: &[u8], name: &str, version: &str, seed: u8) -> Release {
    let found = payload::object::inspect(object).unwrap();
    let programs: BTreeSet<String> = found.programs.iter().map(|one| one.name.clone()).collect();
    let described = Described {
        target_settable: programs,
        ..Described::default()
    };
    let inspected = Inspected {
        arch: Arch::Any,
        bytes: object,
        object: &found,
    };
    let (name, version) = (name.parse().unwrap(), version.parse().unwrap());
    let manifest = Manifest::computed(name, version, described, &[inspected]).unwrap();
    let contents = Contents {
        manifest,
        objects: vec![ArchObject {
            arch: Arch::Any,
            bytes: object.to_vec(),
        }],
        handler: None,
    };
    signed(&contents, seed)
}

/// Contents as a file, signed for what their manifest says.
pub(crate) fn signed(contents: &Contents, seed: u8) -> Release {
    let file = encode(contents).unwrap();
    let digest = Digest::of(&file);
    let statement = Statement {
        name: contents.manifest.name.clone(),
        version: contents.manifest.version.clone(),
        digest,
    };
    let envelope = SignedEnvelope::sign(&statement, &key(seed)).unwrap();
    Release {
        name: statement.name.to_string(),
        version: statement.version.to_string(),
        digest: digest.to_string(),
        file,
        envelope: String::from_utf8(envelope.encode().unwrap()).unwrap(),
    }
}

/// A signed floor.
pub(crate) fn floor(name: &str, minimum_version: &str, serial: u64, seed: u8) -> String {
    let statement = FloorStatement {
        name: name.parse().unwrap(),
        minimum_version: minimum_version.parse().unwrap(),
        serial,
    };
    let envelope = SignedEnvelope::sign(&statement, &key(seed)).unwrap();
    String::from_utf8(envelope.encode().unwrap()).unwrap()
}

impl Release {
    /// What a registry says that wants it under `instance`.
    pub(crate) fn wanted(&self, instance: &str) -> Value {
        json!({
            "instance": instance,
            "deployment": format!("{instance}-everywhere"),
            "payload": self.name,
            "version": self.version,
            "digest": self.digest,
            "size_bytes": self.file.len(),
            "envelope": self.envelope,
        })
    }

    /// The same, brought by a rollout that has the node watch it so long.
    pub(crate) fn brought(&self, instance: &str, rollout: u64, bake_ms: u64) -> Value {
        let mut wanted = self.wanted(instance);
        wanted["rollout"] = json!({ "id": rollout, "bake_ms": bake_ms });
        wanted
    }

    /// The same, to take over at a time.
    pub(crate) fn brought_at(&self, instance: &str, rollout: u64, at_ms: u64) -> Value {
        let mut wanted = self.brought(instance, rollout, 60_000);
        wanted["rollout"]["flip_at_ms"] = at_ms.into();
        wanted
    }
}

//! `registry backup`: a copy that serves, made while others publish.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use payload::digest::Digest;
use serde_json::Value;

use crate::fixture::{Made, made};
use crate::stage::{Registry, run};

#[test]
fn a_copy_made_while_others_publish_is_whole() {
    let mut registry = Registry::start();
    registry.trust();
    for count in 0..10 {
        registry
            .publish(&registry.admin, &made(&format!("1.{count}.0")))
            .expect(201);
    }
    let copy = registry.folder.path().join("copy");
    let data_dir = registry.data_dir();
    let arguments = [
        "--json",
        "backup",
        copy.to_str().unwrap(),
        "--data-dir",
        data_dir.to_str().unwrap(),
    ];
    let done = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            for count in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let release = made(&format!("2.{count}.0"));
                registry.publish(&registry.admin, &release).expect(201);
            }
        });
        let output = run(&arguments);
        done.store(true, Ordering::Relaxed);
        output
    });
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let releases = told["releases"].as_u64().unwrap();
    assert!(releases >= 10, "{told}");
    // A second time there is something in the way.
    let again = run(&arguments);
    assert_eq!(again.status.code(), Some(2));

    assert!(registry.stop().success());
    std::fs::rename(&data_dir, registry.folder.path().join("lost")).unwrap();
    std::fs::rename(&copy, &data_dir).unwrap();
    registry.start_again();
    let payload = registry
        .admin("GET", "/payloads/acme/small", None)
        .expect(200)
        .json();
    let all = payload["releases"].as_array().unwrap();
    assert_eq!(all.len() as u64, releases);
    for release in all {
        let path = format!("/blobs/{}", release["digest"].as_str().unwrap());
        let bytes = registry.admin("GET", &path, None).expect(200).body;
        assert_eq!(bytes, made(release["version"].as_str().unwrap()).file);
    }
    registry
        .publish(&registry.admin, &made("3.0.0"))
        .expect(201);
}

/// Runs a backup into `copy`, whose parent is the test's folder; gives the code and what was said.
fn backup(registry: &Registry, copy: &str) -> (i32, String) {
    let (copy, data_dir) = (registry.folder.path().join(copy), registry.data_dir());
    let (copy, data_dir) = (copy.to_str().unwrap(), data_dir.to_str().unwrap());
    let output = run(&["--json", "backup", copy, "--data-dir", data_dir]);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

/// What lies in the test's folder.
fn beside(registry: &Registry) -> Vec<String> {
    let entries = std::fs::read_dir(registry.folder.path()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn without_data_or_a_parent_there_is_no_copy() {
    let registry = Registry::start();
    let (none, copy) = (registry.folder.path(), registry.folder.path().join("copy"));
    let (none, copy) = (none.to_str().unwrap(), copy.to_str().unwrap());
    let refused = run(&["backup", copy, "--data-dir", none]);
    assert_eq!(refused.status.code(), Some(2));
    let (code, said) = backup(&registry, "no/copy");
    assert_eq!(code, 1, "{said}");
    assert_eq!(beside(&registry), ["data"]);
}

#[test]
fn what_lies_beside_the_copy_is_nobodys_to_remove() {
    let registry = Registry::start();
    let other = registry.folder.path().join("copy.partial");
    std::fs::create_dir_all(other.join("precious")).unwrap();
    let (code, said) = backup(&registry, "copy");
    assert_eq!(code, 0, "{said}");
    assert!(other.join("precious").is_dir());
    assert_eq!(beside(&registry), ["copy", "copy.partial", "data"]);
}

#[test]
fn lost_bytes_without_a_release_are_left_out() {
    let registry = Registry::start();
    registry.trust();
    let release = made("1.0.0");
    registry.publish(&registry.admin, &release).expect(201);
    for (text, changed) in [("gone", None), ("changed", Some("other"))] {
        let digest = Digest::of(text.as_bytes()).to_string();
        registry
            .put_blob(&registry.admin, &digest, text.as_bytes())
            .expect(201);
        spoil(&registry.blob_file(&digest), changed);
    }
    let (code, said) = backup(&registry, "copy");
    assert_eq!(code, 0, "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&told["blobs"], &told["left_out"]), (&1.into(), &2.into()));
}

#[test]
fn lost_bytes_of_a_release_are_named_and_everything_else_is_copied() {
    let mut registry = Registry::start();
    registry.trust();
    let releases: Vec<Made> = ["1.0.0", "1.1.0", "1.2.0"].map(made).into();
    for release in &releases {
        registry.publish(&registry.admin, release).expect(201);
    }
    spoil(&registry.blob_file(&releases[0].digest), Some("other"));
    spoil(&registry.blob_file(&releases[1].digest), None);
    let (code, said) = backup(&registry, "copy");
    assert_eq!(code, 1, "{said}");
    for lost in &releases[..2] {
        let release = format!("{}@{}", lost.name, lost.version);
        assert!(
            said.contains(&release) && said.contains(&lost.digest),
            "{said}"
        );
    }
    assert!(!said.contains(&releases[2].digest), "{said}");
    // What is served from the copy is whole again when the bytes are put again.
    assert!(registry.stop().success());
    let (data_dir, folder) = (registry.data_dir(), registry.folder.path());
    std::fs::rename(&data_dir, folder.join("lost")).unwrap();
    std::fs::rename(folder.join("copy"), &data_dir).unwrap();
    registry.start_again();
    for (release, status) in releases.iter().zip([500, 500, 200]) {
        let path = format!("/blobs/{}", release.digest);
        registry.admin("GET", &path, None).expect(status);
        registry.publish(&registry.admin, release).expect(200);
        let bytes = registry.admin("GET", &path, None).expect(200).body;
        assert_eq!(bytes, release.file);
    }
    assert_eq!(backup(&registry, "again").0, 0);
}

/// Takes a file away, or puts other bytes in its place.
fn spoil(file: &Path, bytes: Option<&str>) {
    std::fs::remove_file(file).unwrap();
    if let Some(bytes) = bytes {
        std::fs::File::create(file)
            .unwrap()
            .write_all(bytes.as_bytes())
            .unwrap();
    }
}

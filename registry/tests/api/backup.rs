//! `registry backup`: a copy that serves, made while others publish.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::fixture::made;
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

#[test]
fn without_data_or_with_changed_bytes_there_is_no_copy() {
    let registry = Registry::start();
    registry.trust();
    let release = made("1.0.0");
    registry.publish(&registry.admin, &release).expect(201);
    let copy = registry.folder.path().join("copy");
    let backup = |data_dir: &std::path::Path| {
        let data_dir = data_dir.to_str().unwrap();
        run(&["backup", copy.to_str().unwrap(), "--data-dir", data_dir])
    };
    assert_eq!(backup(registry.folder.path()).status.code(), Some(2));
    let hex = release.digest.strip_prefix("sha256:").unwrap();
    let file = registry
        .data_dir()
        .join("blobs/sha256")
        .join(&hex[..2])
        .join(hex);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::io::Write::write_all(&mut std::fs::File::create(&file).unwrap(), &bytes).unwrap();
    let refused = backup(&registry.data_dir());
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains(&release.digest), "{said}");
    assert!(!copy.exists() && !registry.folder.path().join("copy.partial").exists());
}

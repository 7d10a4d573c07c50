//! A full disk: what does not fit is refused with a time to come back, what is there is served,
//! and once there is room again everything goes on.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::{self, key, made, made_with};
use crate::stage::Registry;

/// A small file system of its own over a registry's data folder, gone with the test.
struct Small(PathBuf);

impl Small {
    fn mounted(on: &Path) -> Option<Self> {
        std::fs::create_dir_all(on).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"])
            .arg(on)
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(on.to_owned()))
    }

    fn grow(&self) {
        let grown = Command::new("mount")
            .args(["-o", "remount,size=64m"])
            .arg(&self.0)
            .status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // The registry may have files open there still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_for_now_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(small) = Small::mounted(&data) else {
        println!("not run: mounting a tmpfs needs root");
        return;
    };
    let registry = Registry::start_in(folder);
    registry.trust();
    let first = made("1.0.0");
    registry.publish(&registry.admin, &first).expect(201);
    let mut published = vec![first];
    // Each takes some room; the disk has 2 MiB.
    let refused = (1..2000).find_map(|count| {
        let version = format!("1.{count}.0");
        let release = made_with(fixture::OBJECT, "acme/small", &version, &version, &[key(1)]);
        let put = registry.put_blob(&registry.admin, &release.digest, &release.file);
        if put.status == 503 {
            return Some(put);
        }
        let answer = registry.admin("PUT", &release.path(), Some(&release.body()));
        if answer.status == 503 {
            return Some(answer);
        }
        answer.expect(201);
        published.push(release);
        None
    });
    let refused = refused.expect("the disk is full in the end").expect(503);
    assert!(refused.header("retry-after").is_some());
    for release in &published {
        registry.admin("GET", &release.path(), None).expect(200);
        let path = format!("/blobs/{}", release.digest);
        assert_eq!(
            registry.admin("GET", &path, None).expect(200).body,
            release.file
        );
    }
    small.grow();
    registry
        .publish(&registry.admin, &made("2.0.0"))
        .expect(201);
}

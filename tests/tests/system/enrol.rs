//! Enrolment where the disk takes no file: a one-time token is not spent for a credential that
//! can't be kept, and a credential that was given is not lost.

use std::fs;

use super::home::{Home, following, polled};
use super::served::{CREDENTIAL, Served};
use super::waiting::{is_root, until};

/// A folder in the way of the file of this name in the state folder.
fn in_the_way(home: &Home, name: &str) -> String {
    let path = home.path(&format!("state/{name}"));
    fs::create_dir_all(&path).unwrap();
    path
}

fn times_enrolled(registry: &Served) -> usize {
    let says = registry.says();
    let enrols = says.asked.iter().filter(|asked| asked.ends_with("/enrol"));
    enrols.count()
}

fn trouble(home: &super::node::Node, word: &str) {
    until(word, || {
        let told = following(home)["trouble"]["problem"].to_string();
        told.contains(word).then_some(())
    });
}

#[test]
fn a_credential_that_can_not_be_kept_is_kept_as_soon_as_it_can() {
    if !is_root("credentials on a full disk") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let blocks = in_the_way(&home, "credential.json.new");
    let node = home.start(&registry.url());
    trouble(&node, "packer nodes here --forget");
    polled(&registry);
    trouble(&node, "the credential can't be kept");
    assert!(!home.credential().exists());
    fs::remove_dir(blocks).unwrap();
    until("it is kept", || {
        let kept = fs::read_to_string(home.credential()).ok()?;
        kept.contains(CREDENTIAL).then_some(())
    });
    until("the trouble is over", || {
        following(&node)["trouble"].is_null().then_some(())
    });
    drop(node);
    let node = home.start(&registry.url());
    polled(&registry);
    assert_eq!(following(&node)["standing"], "enrolled");
    assert_eq!(times_enrolled(&registry), 1);
}

#[test]
fn no_token_is_spent_where_no_credential_could_be_kept() {
    if !is_root("tokens on a full disk") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let blocks = in_the_way(&home, "room.new");
    let node = home.start(&registry.url());
    trouble(&node, "the token is not spent");
    let (url, token, state) = (registry.url(), home.path("token"), home.path("state"));
    let enrol = || {
        node.cli(&[
            "enrol",
            "--registry",
            &url,
            "--node-name",
            "here",
            "--token-file",
            &token,
            "--state-dir",
            &state,
        ])
    };
    let told = String::from_utf8(enrol().stderr).unwrap();
    assert!(told.contains("the token is not spent"), "{told}");
    assert_eq!(times_enrolled(&registry), 0);
    fs::remove_dir(blocks).unwrap();
    polled(&registry);
    assert_eq!(times_enrolled(&registry), 1);

    // The command ends, so it says what is left to do.
    fs::remove_file(home.credential()).unwrap();
    in_the_way(&home, "credential.json.new");
    let lost = enrol();
    let told = String::from_utf8(lost.stderr).unwrap();
    assert!(!lost.status.success());
    assert!(told.contains("packer nodes here --forget"), "{told}");
}

//! The folder of keys, on real files.

use std::os::unix::fs::PermissionsExt;

use payload::signature::{SignedEnvelope, SigningKey};

use super::*;

fn pem(seed: u8) -> String {
    SigningKey::from_seed(&[seed; 32])
        .public()
        .to_pem()
        .unwrap()
}

fn put(folder: &Path, name: &str, text: &str) {
    crate::durable::replace(&folder.join(name), text.as_bytes()).unwrap();
}

fn key(seed: u8, namespaces: &str) -> String {
    format!(
        "namespaces = [{namespaces}]\nkey = \"\"\"\n{}\"\"\"\n",
        pem(seed)
    )
}

/// How the folder stands after a look: changes, keys, trouble.
fn looked(keys: &KeyFolder) -> (u64, usize, Option<String>) {
    keys.look();
    let Told {
        changes,
        count,
        trouble,
    } = keys.told();
    (changes, count, trouble)
}

#[test]
fn a_folder_is_read_again_when_it_changed_and_kept_when_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    put(path, "acme.toml", &key(1, "\"acme\""));
    put(path, "thresholds.toml", "acme = 2\n");
    let keys = KeyFolder::open(path).unwrap();
    assert_eq!(looked(&keys), (0, 1, None));

    put(path, "other.pem", &pem(2));
    put(
        path,
        "other.toml",
        "namespaces = [\"acme\", \"x\"]\nkey_file = \"other.pem\"\n",
    );
    assert_eq!(looked(&keys), (1, 2, None));

    put(
        path,
        "other.toml",
        "namespaces = [\"acme\"]\nkey_flie = \"other.pem\"\n",
    );
    let (changes, count, trouble) = looked(&keys);
    assert_eq!((changes, count), (1, 2), "the keys of before");
    let trouble = trouble.unwrap();
    assert!(trouble.contains("other.toml:2: "), "{trouble}");
    assert_eq!(looked(&keys).2, Some(trouble));

    fs::remove_file(path.join("other.toml")).unwrap();
    assert_eq!(looked(&keys), (2, 1, None));
}

#[test]
fn thresholds_do_not_go_with_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    put(path, "acme.toml", &key(1, "\"acme\""));
    put(path, "thresholds.toml", "acme = 2\nx = 1\n");
    let keys = KeyFolder::open(path).unwrap();
    let statement = payload::signature::FloorStatement {
        name: "acme/a".parse().unwrap(),
        minimum_version: "1.0.0".parse().unwrap(),
        serial: 1,
    };
    let signed = SignedEnvelope::sign(&statement, &SigningKey::from_seed(&[1; 32])).unwrap();
    let enough = || keys.keys().signers(&signed).is_ok();
    assert!(!enough(), "one signature of two");

    fs::remove_file(path.join("thresholds.toml")).unwrap();
    let (changes, _, trouble) = looked(&keys);
    assert!(changes == 1 && trouble.unwrap().contains("acme = 2"));
    assert!(!enough(), "the threshold holds");
    // Other keys count from now on, also none.
    fs::remove_dir_all(path).unwrap();
    assert!(matches!(looked(&keys), (2, 0, Some(_))));
    fs::create_dir(path).unwrap();
    put(path, "acme.toml", &key(1, "\"acme\""));
    assert!(matches!(looked(&keys), (3, 1, Some(_))));
    assert!(!enough());
    // An empty file says so on purpose.
    put(path, "thresholds.toml", "");
    assert_eq!(looked(&keys), (4, 1, None));
    assert!(enough());
    fs::remove_file(path.join("thresholds.toml")).unwrap();
    assert_eq!(looked(&keys), (5, 1, None), "there is nothing to hold");
}

#[test]
fn what_is_no_regular_file_is_told_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    put(path, "acme.toml", &key(1, "\"acme\""));
    fs::create_dir(path.join("a-folder")).unwrap();
    let keys = KeyFolder::open(path).unwrap();
    for name in ["pipe.toml", "thresholds.toml"] {
        let made = std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(path.join(name))
            .status();
        assert!(made.unwrap().success());
        let (changes, count, trouble) = looked(&keys);
        assert_eq!((changes, count), (0, 1));
        let trouble = trouble.unwrap();
        assert!(
            trouble.contains(&format!("{name}: is no regular file")),
            "{trouble}"
        );
        fs::remove_file(path.join(name)).unwrap();
    }
    // A key behind a link counts, and what the link leads to is what others may not write.
    let elsewhere = tempfile::tempdir().unwrap();
    put(elsewhere.path(), "real.toml", &key(2, "\"acme\""));
    let (real, link) = (elsewhere.path().join("real.toml"), path.join("link.toml"));
    std::os::unix::fs::symlink(&real, link).unwrap();
    assert!(matches!(looked(&keys), (1, 2, None)));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o666)).unwrap();
    put(path, "more.toml", &key(3, "\"acme\""));
    assert!(looked(&keys).2.unwrap().contains("0666"));
}

#[test]
fn each_rule_of_a_key_file_is_told_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    for (text, word) in [
        (key(1, ""), "namespaces: is empty"),
        (key(1, "\"A\""), "acme.toml:1: "),
        ("namespaces = [\"acme\"]\n".to_owned(), "key: is missing"),
        (
            "namespaces = [\"acme\"]\nkey = \"x\"\n".to_owned(),
            "key: not an Ed25519",
        ),
        (
            "namespaces = [\"acme\"]\nkey_file = \"../x\"\n".to_owned(),
            "key_file: \"../x\"",
        ),
        (
            "namespaces = [\"acme\"]\nkey_file = \"/x\"\n".to_owned(),
            "key_file: \"/x\"",
        ),
        (
            "namespaces = [\"acme\"]\nkey_file = \"gone\"\n".to_owned(),
            "gone: ",
        ),
        (
            format!("{}key_file = \"x\"\n", key(1, "\"acme\"")),
            "key_file: stands beside key",
        ),
        (
            format!("namespaces = [\"acme\"]\nkey = \"{}\"\n", "x".repeat(5000)),
            "5000 bytes",
        ),
    ] {
        put(folder.path(), "acme.toml", &text);
        let error = KeyFolder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    put(folder.path(), "acme.toml", &key(1, "\"acme\""));
    put(folder.path(), "thresholds.toml", "acme = 0\n");
    assert!(
        KeyFolder::open(folder.path()).is_err(),
        "no signature at all is no threshold"
    );
}

#[test]
fn what_others_may_write_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "acme.toml", &key(1, "\"acme\""));
    let open_to = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        KeyFolder::open(folder.path()).map_err(|error| error.to_string())
    };
    let file = folder.path().join("acme.toml");
    assert!(open_to(&file, 0o664).unwrap_err().contains("0664"));
    assert!(open_to(&file, 0o644).is_ok());
    assert!(open_to(folder.path(), 0o777).unwrap_err().contains("0777"));
}

#[test]
fn no_folder_trusts_nobody_until_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let keys = KeyFolder::open(&path).unwrap();
    assert_eq!(looked(&keys), (0, 0, None));
    fs::create_dir(&path).unwrap();
    put(&path, "acme.toml", &key(1, "\"acme\""));
    assert_eq!(looked(&keys), (1, 1, None));
}

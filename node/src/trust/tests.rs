//! The folder of keys, on real files.

use std::os::unix::fs::PermissionsExt;

use payload::signature::SigningKey;

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

#[test]
fn a_folder_is_read_again_when_it_changed_and_kept_when_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    put(path, "acme.toml", &key(1, "\"acme\""));
    put(path, "thresholds.toml", "acme = 2\n");
    let keys = KeyFolder::open(path).unwrap();
    assert_eq!(keys.told(), (1, None));
    assert_eq!(keys.look(), Look::Same);

    put(path, "other.pem", &pem(2));
    put(
        path,
        "other.toml",
        "namespaces = [\"acme\", \"x\"]\nkey_file = \"other.pem\"\n",
    );
    assert_eq!(keys.look(), Look::Changed(2));

    put(
        path,
        "other.toml",
        "namespaces = [\"acme\"]\nkey_flie = \"other.pem\"\n",
    );
    let Look::Broken(reason) = keys.look() else {
        panic!("a misspelt key passed")
    };
    assert!(reason.contains("other.toml:2: "), "{reason}");
    assert_eq!(keys.look(), Look::Same, "told once");
    assert_eq!(keys.told(), (2, Some(reason)), "the keys of before");

    fs::remove_file(path.join("other.toml")).unwrap();
    assert_eq!(keys.look(), Look::Changed(1));
    assert_eq!(keys.told(), (1, None));
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
    assert_eq!(keys.told(), (0, None));
    fs::create_dir(&path).unwrap();
    put(&path, "acme.toml", &key(1, "\"acme\""));
    assert_eq!(keys.look(), Look::Changed(1));
}

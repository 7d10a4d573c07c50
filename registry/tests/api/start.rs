//! Starting and stopping: the first token, the loopback rule, TLS, the configuration, the lock.

use std::fs;
use std::io::Write;
use std::path::Path;

use api::client::registry::{RegistryClient, Settings};
use serde_json::json;

use crate::stage::{Registry, command, run, stderr_of, until};

/// Writes a file as a test may: nobody reads it before it is whole.
fn write(path: &Path, text: &str) {
    fs::File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn a_non_loopback_address_without_tls_is_refused_with_the_flag_that_allows_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let (status, said) = stderr_of(command(&data, &["--listen", address]));
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(
            said.contains("--allow-plain-http") && said.contains("--tls-cert"),
            "{said}"
        );
    }
    assert!(!data.exists(), "a refusal leaves nothing");
}

#[test]
fn the_flag_allows_it() {
    let registry = Registry::start_with(&["--listen", "0.0.0.0:0", "--allow-plain-http"]);
    assert!(registry.address.ip().is_unspecified());
}

#[test]
fn a_data_folder_is_one_registrys_at_a_time_and_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let registry = Registry::start();
    let (status, said) = stderr_of(command(&registry.data_dir(), &[]));
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains("another registry"), "{said}");
    let mode = fs::metadata(registry.data_dir())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// Everything in a folder that others than its owner may do something with.
fn open_to_others(folder: &Path, found: &mut Vec<String>) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kept = entry.metadata().unwrap();
        if kept.permissions().mode() & 0o077 != 0 {
            found.push(entry.path().display().to_string());
        }
        if kept.is_dir() {
            open_to_others(&entry.path(), found);
        }
    }
}

#[test]
fn what_is_kept_is_its_owners_alone_whatever_the_umask_is() {
    let registry = Registry::start_behind("umask 000");
    registry
        .put_blob(
            &registry.admin,
            &payload::digest::Digest::of(b"x").to_string(),
            b"x",
        )
        .expect(201);
    let copy = registry.folder.path().join("copy");
    let data = registry.data_dir();
    let [from, into] = [&data, &copy].map(|path| path.to_str().unwrap());
    assert!(run(&["backup", "--data-dir", from, into]).status.success());
    assert!(data.join("registry.sqlite-wal").exists());
    let mut found = Vec::new();
    open_to_others(registry.folder.path(), &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_data_folder_that_others_may_write_into_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    // It ends either way.
    let flags = ["--listen", "192.0.2.1:1", "--allow-plain-http"];
    for mode in [0o720, 0o702, 0o1777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let (status, said) = stderr_of(command(folder.path(), &flags));
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("{mode:04o}")) && said.contains("chmod"),
            "{said}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (_, said) = stderr_of(command(folder.path(), &flags));
    assert!(said.contains("can't be bound"), "{said}");
}

#[test]
fn a_database_of_something_else_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.sqlite");
    write(&file, &"this is no database. ".repeat(1000));
    let before = fs::read(&file).unwrap();
    let (status, said) = stderr_of(command(folder.path(), &[]));
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("database"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.toml");
    let named = |text: &str| {
        write(&file, text);
        ["--config", file.to_str().unwrap()].map(str::to_owned)
    };
    // An address that can't be bound says which of them was taken.
    let bound = |flags: &[&str], environment: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_registry"));
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(flags);
        command.env_remove("MARROW_REGISTRY_LISTEN");
        if let Some(value) = environment {
            command.env("MARROW_REGISTRY_LISTEN", value);
        }
        stderr_of(command).1
    };
    let [config, path] = named("listen = \"192.0.2.1:1\"\n");
    let of_file = [config.as_str(), &path];
    assert!(bound(&of_file, None).contains("192.0.2.1:1"));
    assert!(bound(&of_file, Some("192.0.2.2:2")).contains("192.0.2.2:2"));
    let with_flag = [of_file.as_slice(), &["--listen", "192.0.2.3:3"]].concat();
    assert!(bound(&with_flag, Some("192.0.2.2:2")).contains("192.0.2.3:3"));
    named("listne = \"127.0.0.1:1\"\n");
    assert!(bound(&of_file, None).contains("listne"));
    named("requests_per_second = 0\n");
    assert!(bound(&of_file, None).contains("requests_per_second"));
    fs::remove_file(&file).unwrap();
    assert!(bound(&of_file, None).contains("registry.toml"));
    assert!(bound(&["--tls-key", "key.pem"], None).contains("--tls-cert"));
}

#[test]
fn a_token_is_told_again_only_where_no_admin_token_is_in_force() {
    let mut registry = Registry::start();
    // Its name is not its scope.
    registry.token("publisher", &["publish:admin"]);
    let second = registry.token("second", &["admin"]);
    let first = registry.admin.clone();
    registry
        .ask(&second, "DELETE", "/tokens/admin", None)
        .expect(204);
    assert!(registry.stop().success());
    registry.start_again();
    registry.ask(&first, "GET", "/whoami", None).expect(401);

    let mut registry = Registry::start();
    registry.token("publisher", &["publish:admin"]);
    let body = json!({ "name": "short", "scopes": ["admin"], "expires_in_s": 1 });
    let short = registry.admin("POST", "/tokens", Some(&body)).expect(201);
    let short = short.json()["secret"].as_str().unwrap().to_owned();
    registry
        .ask(&short, "DELETE", "/tokens/admin", None)
        .expect(204);
    until("the last token ends", || {
        registry.ask(&short, "GET", "/whoami", None).status == 401
    });
    assert!(registry.stop().success());
    let told = registry.started_again().expect("a new token");
    assert_ne!(told, registry.admin);
    registry.admin("GET", "/whoami", None).expect(401);
    registry.ask(&told, "GET", "/tokens", None).expect(200);
}

#[test]
fn it_stops_when_it_is_asked_to_and_keeps_everything() {
    let mut registry = Registry::start();
    let token = registry.token("kept", &["read"]);
    assert_eq!(registry.stop().code(), Some(0));
    registry.start_again();
    registry.ask(&token, "GET", "/whoami", None).expect(200);
}

#[test]
fn tls_is_spoken_with_the_certificate_that_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    write(&cert, &made.cert.pem());
    write(&key, &made.signing_key.serialize_pem());
    let (cert_flag, key_flag) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let registry = Registry::start_with(&["--tls-cert", cert_flag, "--tls-key", key_flag]);
    let url = format!("https://{}", registry.address);
    let ask = |ca_pem: Option<&[u8]>| {
        let settings = Settings {
            url: &url,
            bearer: Some(&registry.admin),
            ca_pem,
            allow_plain: false,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(RegistryClient::new(settings).unwrap().whoami())
    };
    assert_eq!(ask(Some(made.cert.pem().as_bytes())).unwrap().name, "admin");
    // Another certificate under the same name.
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    assert!(ask(Some(other.cert.pem().as_bytes())).is_err());
    // Who does not speak TLS gets no answer.
    let plain = crate::client::send(registry.address, "GET", "/healthz", &[], b"");
    assert!(plain.is_err(), "{plain:?}");

    let data = folder.path().join("other");
    let swapped = ["--tls-cert", key_flag, "--tls-key", cert_flag];
    let (status, said) = stderr_of(command(&data, &swapped));
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("--tls-cert"), "{said}");
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = String::from_utf8(run(&["serve", "--help"]).stdout).unwrap();
    assert!(
        help.contains("Examples:") && help.contains("MARROW_REGISTRY_LISTEN"),
        "{help}"
    );
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(help.contains("Exit codes:"), "{help}");
    assert_eq!(run(&["serve", "--no-such-flag"]).status.code(), Some(2));
}

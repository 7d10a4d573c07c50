//! The order of flags, environment and file, and what a file may say. Run by `cargo test`.

use super::*;
use crate::files::Access;

fn arguments() -> RegistryArguments {
    RegistryArguments {
        registry: None,
        token_file: None,
        ca: None,
        allow_plain_http: false,
        config: None,
    }
}

/// A folder of configurations with this file in it.
fn home(text: &str) -> (tempfile::TempDir, Environment) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(USER_FILE);
    files::make_folder(file.parent().unwrap()).unwrap();
    files::write(&file, text.as_bytes()).unwrap();
    let environment = Environment {
        config_home: Some(folder.path().to_owned()),
        ..Environment::default()
    };
    (folder, environment)
}

fn secret(folder: &Path, name: &str, token: &str) -> PathBuf {
    let path = folder.join(name);
    files::write_new(&path, token.as_bytes(), Access::Owner).unwrap();
    path
}

#[test]
fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
    let (_folder, environment) = home("registry = \"https://file\"\n");
    let read = Configuration::read(&arguments(), &environment).unwrap();
    assert_eq!(read.registry, "https://file");
    let flag = RegistryArguments {
        registry: Some("https://flag".to_owned()),
        ..arguments()
    };
    let read = Configuration::read(&flag, &environment).unwrap();
    assert_eq!(read.registry, "https://flag");
    let (_folder, environment) = home("");
    let read = Configuration::read(&arguments(), &environment).unwrap();
    assert_eq!(read.registry, DEFAULT_REGISTRY);
    assert_eq!(read.token, None);
}

#[test]
fn the_flags_token_goes_before_the_environments_and_that_before_the_files() {
    let (folder, mut environment) = home("token_file = \"file.token\"\n");
    secret(folder.path(), "marrow/file.token", "of-file\n");
    let read = Configuration::read(&arguments(), &environment).unwrap();
    assert_eq!(read.token.as_deref(), Some("of-file"));
    environment.token = Some("of-environment".into());
    let read = Configuration::read(&arguments(), &environment).unwrap();
    assert_eq!(read.token.as_deref(), Some("of-environment"));
    let flag = RegistryArguments {
        token_file: Some(secret(folder.path(), "flag.token", "of-flag")),
        ..arguments()
    };
    let read = Configuration::read(&flag, &environment).unwrap();
    assert_eq!(read.token.as_deref(), Some("of-flag"));
}

#[test]
fn a_token_that_no_header_can_carry_is_refused_without_being_shown() {
    let (_folder, mut environment) = home("");
    for token in ["two words", "line\nbreak", "ü", " "] {
        environment.token = Some(token.into());
        let Err(error) = Configuration::read(&arguments(), &environment) else {
            panic!("{token:?} was taken");
        };
        let error = error.to_string();
        assert!(error.starts_with("MARROW_TOKEN holds no token"), "{error}");
    }
}

#[test]
fn an_error_in_the_file_names_file_line_and_key() {
    for (text, said) in [
        (
            "registry = \"a\"\nregistri = \"b\"\n",
            ":2: unknown field `registri`",
        ),
        ("\n\nca = 7\n", ":3: "),
        ("token_file\n", ":1: "),
    ] {
        let (_folder, environment) = home(text);
        let Err(error) = Configuration::read(&arguments(), &environment) else {
            panic!("{text:?} was taken");
        };
        let error = error.to_string();
        assert!(error.contains(&format!("packer.toml{said}")), "{error}");
    }
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let asked = RegistryArguments {
        config: Some("nowhere.toml".into()),
        ..arguments()
    };
    let read = Configuration::read(&asked, &Environment::default());
    assert!(matches!(read, Err(ConfigurationError::File(_))));
}

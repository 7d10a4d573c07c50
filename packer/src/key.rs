//! `packer key`: whose signatures the registry takes. Called by `main`.
//! Must never send a private key.

use std::path::Path;

use api::registry::{TrustedKey, TrustedKeys};
use payload::signature::KeyId;

use crate::cli::{AddKeyArguments, KeyCommand};
use crate::failure::Failure;
use crate::keys::{self, KeyFileError};
use crate::list::or_dash;
use crate::output;
use crate::registry::Registry;
use crate::table::{Text, row};

/// Does what was asked.
pub(crate) fn run(command: &KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Add(arguments) => add(arguments),
        KeyCommand::List(arguments) => {
            let registry = Registry::connect(&arguments.registry)?;
            let keys = registry.ask(registry.client().keys())?;
            output::shown(arguments.json, &keys, || text(&keys))?;
            if keys.keys.is_empty() && !arguments.json {
                output::note("no keys yet: `packer key add` adds one");
            }
            Ok(())
        }
        KeyCommand::Rm(arguments) => {
            let key = id(&arguments.key)?;
            let registry = Registry::connect(&arguments.registry)?;
            registry.ask(registry.client().delete_key(&key))?;
            output::note(&format!(
                "{key}: no more releases that only it signed are taken"
            ));
            Ok(())
        }
    }
}

fn add(arguments: &AddKeyArguments) -> Result<(), Failure> {
    let public = keys::public(&arguments.key)?;
    let pem = public.to_pem().map_err(|source| KeyFileError::Key {
        path: arguments.key.clone(),
        source,
    })?;
    let key = TrustedKey {
        key: public.id().to_string(),
        pem,
        namespaces: arguments
            .namespace
            .iter()
            .map(ToString::to_string)
            .collect(),
        comment: arguments.comment.clone(),
    };
    let registry = Registry::connect(&arguments.registry)?;
    let (_new, key) = registry.ask(registry.client().put_key(&key))?;
    let namespaces = key.namespaces.join(", ");
    output::note(&format!("{} may sign for {namespaces}", key.key));
    Ok(())
}

/// The id that was given, or that of the key in the file.
fn id(text: &str) -> Result<String, KeyFileError> {
    match text.parse::<KeyId>() {
        Ok(id) => Ok(id.to_string()),
        Err(_) => Ok(keys::public(Path::new(text))?.id().to_string()),
    }
}

fn text(keys: &TrustedKeys) -> String {
    let names = ["key", "namespaces", "comment"];
    let rows = keys.keys.iter().map(|key| {
        let namespaces = key.namespaces.join(", ");
        row([&key.key, &namespaces, &or_dash(&key.comment)])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut text = Text::default();
    if !rows.is_empty() {
        text.table(names, rows);
    }
    text.into_string()
}

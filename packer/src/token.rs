//! `packer token`: makes, shows and revokes tokens. Called by `main`.
//! Must never show a secret but the one that was just made, and that only where it was asked for.

use std::path::Path;

use api::registry::{NewToken, Token, TokenMade, Tokens};

use crate::cli::{NewTokenArguments, TokenCommand};
use crate::failure::Failure;
use crate::files::{self, Access};
use crate::list::or_dash;
use crate::moment;
use crate::output;
use crate::pair;
use crate::registry::Registry;
use crate::table::{Text, row};

/// Does what was asked.
pub(crate) fn run(command: &TokenCommand, now_ms: u64) -> Result<(), Failure> {
    match command {
        TokenCommand::New(arguments) => make(arguments, now_ms),
        TokenCommand::List(arguments) => {
            let registry = Registry::connect(&arguments.registry)?;
            let tokens = registry.every(|after| {
                let client = registry.client();
                async move {
                    let page = client.tokens(after.as_deref()).await?;
                    Ok((page.tokens, page.next))
                }
            })?;
            let tokens = Tokens { tokens, next: None };
            output::shown(arguments.json, &tokens, || text(&tokens.tokens, now_ms))?;
            Ok(())
        }
        TokenCommand::Rm(arguments) => {
            let registry = Registry::connect(&arguments.registry)?;
            registry.ask(registry.client().revoke_token(&arguments.name))?;
            output::note(&format!("{} is in force no more", arguments.name));
            Ok(())
        }
    }
}

fn make(arguments: &NewTokenArguments, now_ms: u64) -> Result<(), Failure> {
    let token = NewToken {
        name: arguments.name.clone(),
        scopes: arguments.scope.clone(),
        expires_in_s: arguments.expires.map(|time| time.as_secs()),
        uses: arguments.uses,
        labels: pair::by_name("label", &arguments.label)?,
    };
    if let Some(path) = &arguments.output {
        // Before there is a token that nobody holds.
        files::absent(path)?;
    }
    let registry = Registry::connect(&arguments.registry)?;
    let made = registry.ask(registry.client().make_token(&token))?;
    if let Some(path) = &arguments.output {
        keep(&registry, &made, path)?;
    } else {
        output::shown(arguments.json, &made, || format!("{}\n", made.secret))?;
    }
    let expires = moment::relative(now_ms, made.token.expires_ms);
    let (name, scopes) = (&made.token.name, made.token.scopes.join(", "));
    output::note(&format!("{name}: {scopes}; ends {expires}"));
    if arguments.output.is_none() {
        output::note("this secret is shown only now");
    }
    Ok(())
}

/// Writes the secret to its file; a token whose secret is lost is revoked again.
fn keep(registry: &Registry, made: &TokenMade, path: &Path) -> Result<(), Failure> {
    let secret = format!("{}\n", made.secret);
    if let Err(error) = files::write_new(path, secret.as_bytes(), Access::Owner) {
        registry.ask(registry.client().revoke_token(&made.token.name))?;
        return Err(error.into());
    }
    Ok(())
}

fn text(tokens: &[Token], now_ms: u64) -> String {
    let names = ["name", "scopes", "ends", "used", "uses left", "made"];
    let rows = tokens.iter().map(|token| {
        let ends = match token.revoked_ms {
            Some(at_ms) => format!("revoked {}", moment::relative(now_ms, at_ms)),
            None => moment::relative(now_ms, token.expires_ms),
        };
        let used = token.used_ms.map(|at_ms| moment::relative(now_ms, at_ms));
        let left = token.uses_left.map(|left| left.to_string());
        row([
            &token.name,
            &token.scopes.join(", "),
            &ends,
            used.as_deref().unwrap_or("never"),
            &or_dash(&left.unwrap_or_default()),
            &moment::relative(now_ms, token.created_ms),
        ])
    });
    let mut text = Text::default();
    text.table(names, rows.collect());
    text.into_string()
}

//! Texts of others that would be markup: on every page that shows them they are text.

use std::io::Write as _;

use api::registry::{Enrol, Facts};

use super::every_page::{each, none};
use super::site::{BOOKWORM, Site};
use crate::registry_packer::fleet::Part;
use crate::registry_packer::said::{client, facts};
use crate::registry_packer::stage::Stage;

/// As an element it would run something, and leave an attribute or an address of a link.
const HOSTILE: &str = "\"'><script>window.hit=1</script><img src=x onerror=window.hit=1>&amp;";
/// What the verifier of a node that refuses says, as `fleet` tells it.
const LOG: &str = "0: R1=ctx() <script>window.hit=1</script>";
/// Whether any of it became markup.
const HIT: &str = "window.hit === 1 || document.querySelector('img, main script') !== null";

/// Enrols a node that tells this of itself.
fn enrol(stage: &Stage, node: &str, facts: Facts) {
    let new = ["token", "new", "odd", "--scope", "enrol"];
    let token = stage.run(&new).done().text;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let node = node.to_owned();
    let enrol = Enrol { node, facts };
    let enrolled = runtime.block_on(client(stage, token.trim()).enrol(&enrol));
    enrolled.unwrap();
}

#[test]
fn what_nodes_and_publishers_write_is_text_on_every_page() {
    let Some(mut site) = Site::new(&[(Part::Good, BOOKWORM), (Part::Rejects, BOOKWORM)]) else {
        return;
    };
    site.waits_at_its_gate(&["--waves", "1,100%"]);
    let mut odd = facts("6.1.0<b>");
    odd.os = HOSTILE.to_owned();
    odd.labels.insert(
        "owner".to_owned(),
        "<script>window.hit=1</script>".to_owned(),
    );
    odd.labels
        .insert("quote".to_owned(), "\"'><img src=x>".to_owned());
    enrol(&site.stage, "odd", odd);
    site.stage.payload("1.2.0", "");
    let recipe = site.stage.path("exec/payload.toml");
    let mut recipe = std::fs::File::create(recipe).unwrap();
    let named = "name = \"acme/exec\"\nversion = \"1.2.0\"\n";
    writeln!(recipe, "{named}description = '''{HOSTILE}'''").unwrap();
    let publish = ["publish", "exec", "--key", "acme.key"];
    site.stage.run(&publish).done();
    let yank = ["yank", "acme/exec@1.2.0", "--reason", HOSTILE];
    site.stage.run(&yank).done();
    let pin = ["pin", "exec", "n0", "--reason", HOSTILE];
    site.stage.run(&pin).done();
    site.tab.faults();
    let mut seen = String::new();
    let faults = each(&mut site.tab, |tab| {
        assert_eq!(tab.ask(HIT), false);
        // What is folded up is there too.
        let all = tab.ask("document.body.textContent");
        seen.push_str(all.as_str().unwrap());
        tab.faults()
    });
    none(&faults);
    for text in [
        HOSTILE,
        LOG,
        "6.1.0<b>",
        "owner=<script>window.hit=1</script>",
    ] {
        assert!(seen.contains(text), "no page shows {text}: {seen}");
    }
}

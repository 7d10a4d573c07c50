//! Log-in and log-out, by the form.

use super::every_page::none;
use super::site::{chromium, log_in};
use super::tab::{Key, Tab, Thing};
use crate::registry_packer::stage::Stage;

#[test]
fn a_token_logs_in_and_out() {
    let Some(chromium) = chromium() else { return };
    let stage = Stage::new();
    let mut tab = Tab::new(chromium, stage.url());
    tab.go("/payloads/acme/exec");
    tab.until_at("/login");
    log_in(&mut tab, stage.admin());
    tab.until_says("admin");
    none(&tab.faults());
    // Script reads no cookie; that it is asked is noted.
    assert_eq!(tab.ask("document.cookie"), "");
    tab.faults();
    tab.click(Thing::Saying("Log out"));
    tab.until_at("/login");
    tab.go("/");
    tab.until_at("/login");
    none(&tab.faults());
}

#[test]
fn a_wrong_token_is_told_where_it_was_typed_and_may_be_tried_again() {
    let Some(chromium) = chromium() else { return };
    let stage = Stage::new();
    let mut tab = Tab::new(chromium, stage.url());
    tab.go("/login");
    // The field has the focus from the beginning.
    tab.write("marrow_wrong");
    tab.press(Key::Enter);
    tab.until_says("This token does not open the page");
    // Whoever hears the page hears why, with the field.
    tab.until(
        "the field has the focus and says why",
        "(document.activeElement.getAttribute('aria-describedby') ?? '').split(' ')\
         .some((id) => document.getElementById(id)?.role === 'alert')",
    );
    assert_eq!(tab.status(), 401);
    assert_eq!(tab.path(), "/login");
    let faults = tab.faults();
    assert!(
        faults.iter().all(|fault| fault.contains("status of 401")),
        "{faults:?}"
    );
    log_in(&mut tab, stage.admin());
    none(&tab.faults());
}

//! The pages of who runs no script: all is readable, and every button does what it says.

use super::every_page::{each, none};
use super::site::{Site, chromium, log_in};
use super::tab::{Tab, Thing};
use crate::registry_packer::stage::Stage;

#[test]
fn who_runs_no_script_logs_in_and_out() {
    let Some(chromium) = chromium() else { return };
    let stage = Stage::new();
    let mut tab = Tab::new(chromium, stage.url());
    tab.without_script();
    log_in(&mut tab, stage.admin());
    tab.click(Thing::Saying("Log out"));
    tab.until_at("/login");
    none(&tab.faults());
}

#[test]
fn every_page_is_whole_without_script() {
    let Some(mut site) = Site::furnished() else {
        return;
    };
    site.tab.without_script();
    site.tab.faults();
    let faults = each(&mut site.tab, |tab| {
        // Buttons that only script can press are not shown.
        assert_eq!(
            tab.ask(
                "[...document.querySelectorAll('button.copy')].some((one) => one.checkVisibility())"
            ),
            false
        );
        tab.faults()
    });
    none(&faults);
    site.tab.go("/payloads/acme/exec");
    let versions = site.tab.text();
    assert!(
        versions.contains("1.0.0") && versions.contains("1.1.0"),
        "{versions}"
    );
}

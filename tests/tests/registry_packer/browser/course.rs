//! The main thing that people come for: a release is published, rolled out, watched, paused, taken
//! back; with a mouse, with nothing but keys, and without script.

use std::time::{Duration, Instant};

use super::every_page::none;
use super::site::{BOOKWORM, BULLSEYE, Site};
use super::tab::{Key, Tab, Thing};
use crate::registry_packer::fleet::Part;

/// How long what others do may take until it is seen by who reads again and again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a person does it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    Mouse,
    Keys,
    /// A mouse, and pages that run no script.
    Plain,
}

/// Somebody at a page.
struct Person<'a> {
    tab: &'a mut Tab,
    hand: Hand,
}

impl Person<'_> {
    /// Goes where a link or a button leads.
    #[track_caller]
    fn follow(&mut self, thing: Thing) {
        let loads = self.tab.loads();
        match self.hand {
            Hand::Mouse | Hand::Plain => self.tab.click(thing),
            Hand::Keys => {
                self.tab.tab_to(thing);
                self.tab.press(Key::Enter);
            }
        }
        self.tab.until_loaded_after(loads);
    }

    /// Types into a field.
    #[track_caller]
    fn fill(&mut self, thing: Thing, text: &str) {
        match self.hand {
            Hand::Mouse | Hand::Plain => self.tab.click(thing),
            Hand::Keys => self.tab.tab_to(thing),
        }
        self.tab.write(text);
    }

    #[track_caller]
    fn tick(&mut self, thing: Thing) {
        match self.hand {
            Hand::Mouse | Hand::Plain => self.tab.click(thing),
            Hand::Keys => {
                self.tab.tab_to(thing);
                self.tab.press(Key::Space);
            }
        }
    }

    /// Waits until the page says something: without loading it again, unless it runs no script.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        if self.hand != Hand::Plain {
            let loads = self.tab.loads();
            self.tab.until_says(text);
            assert_eq!(self.tab.loads(), loads, "it was loaded again for {text:?}");
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        let path = self.tab.path();
        while !self.tab.text().contains(text) {
            assert!(Instant::now() < deadline, "{text:?}: {}", self.tab.text());
            self.tab.go(&path);
        }
    }

    /// Fills in the new rollout: one node, approved by somebody, then all; none is watched for long.
    fn plan(&mut self) {
        self.tab.choose(Thing::Labelled("Version"), "1.1.0");
        for (row, reach) in [(1, "1"), (2, "100%"), (3, ""), (4, "")] {
            for (label, text) in [("Reach", reach), ("Watched for", "0s")] {
                let input = format!("tr:nth-child({row}) input[aria-label='{label}']");
                self.fill(Thing::At(&input), text);
            }
            if row == 1 {
                self.tick(Thing::At("tr:nth-child(1) input[type='checkbox']"));
            }
        }
    }
}

/// Starts, approves, pauses, resumes, and takes back.
fn course(site: &mut Site, hand: Hand) {
    let tab = &mut site.tab;
    tab.faults();
    let mut person = Person { tab, hand };
    person.follow(Thing::Saying("Rollouts"));
    person.follow(Thing::Saying("New rollout"));
    person.follow(Thing::Saying("Choose"));
    person.plan();
    if hand != Hand::Plain {
        let waves = "document.querySelectorAll('#preview tbody tr').length === 2";
        person.tab.until("the preview has two waves", waves);
    }
    person.follow(Thing::Saying("Start for 3 nodes"));
    assert_eq!(person.tab.path(), "/rollouts/1");
    person.sees("Promote to wave 2, 2 nodes");
    person.follow(Thing::Saying("Pause, "));
    person.sees("paused");
    person.follow(Thing::Saying("Resume for "));
    person.follow(Thing::Saying("Promote to wave 2, 2 nodes"));
    person.sees("Roll back 3 nodes");
    person.sees("succeeded");
    person.follow(Thing::Saying("Roll back 3 nodes"));
    person.sees("rolled back");
    let questions = person.tab.questions();
    match hand {
        // What can't be undone is asked about.
        Hand::Mouse | Hand::Keys => assert_eq!(questions, ["Take 1.1.0 back from 3 nodes?"]),
        Hand::Plain => assert!(questions.is_empty(), "{questions:?}"),
    }
    none(&person.tab.faults());
    let status = site.stage.json(&["rollout", "status", "1"]);
    assert_eq!(status["rollout"]["phase"], "rolled_back");
}

fn site() -> Option<Site> {
    Site::new(&[
        (Part::Good, BOOKWORM),
        (Part::Good, BULLSEYE),
        (Part::Good, BOOKWORM),
    ])
}

#[test]
fn a_release_is_rolled_out_and_taken_back_by_clicks() {
    let Some(mut site) = site() else { return };
    course(&mut site, Hand::Mouse);
}

#[test]
fn a_release_is_rolled_out_and_taken_back_by_keys() {
    let Some(mut site) = site() else { return };
    course(&mut site, Hand::Keys);
}

#[test]
fn a_release_is_rolled_out_and_taken_back_without_script() {
    let Some(mut site) = site() else { return };
    site.tab.without_script();
    course(&mut site, Hand::Plain);
}

#[test]
fn what_others_do_is_seen_without_loading_the_page_again() {
    let Some(mut site) = site() else { return };
    site.tab.go("/payloads/acme/exec");
    let publish = ["publish", "exec", "--key", "acme.key"];
    site.stage.payload("1.2.0", "seen += 2;");
    let loads = site.tab.loads();
    site.stage.run(&publish).done();
    site.tab.until_says("1.2.0");
    assert_eq!(site.tab.loads(), loads);
    let start = ["rollout", "start", "exec", "--version", "1.2.0"];
    let plan = ["--waves", "1,100%", "--bake", "0s", "--approve", "first"];
    site.stage.run(&[&start[..], &plan].concat()).done();
    site.tab.go("/rollouts/1");
    site.tab.until_says("Promote to wave 2");
    let loads = site.tab.loads();
    site.stage.run(&["rollout", "promote", "1"]).done();
    site.tab.until_says("succeeded");
    assert_eq!(site.tab.loads(), loads);
    none(&site.tab.faults());
}

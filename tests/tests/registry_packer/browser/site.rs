//! A registry with something to see on every page, and whoever looks at it.
//! Called by the tests. Must never show what differs from run to run where a picture is taken of it.

use super::chromium::Chromium;
use super::tab::{Key, Tab, Thing};
use crate::registry_packer::fleet::{Fleet, Part};
use crate::registry_packer::stage::Stage;

pub(crate) const BOOKWORM: &str = "6.1.0-18-amd64";
pub(crate) const BULLSEYE: &str = "5.10.0-28-amd64";

/// A registry, its nodes, and a browser at its log-in.
pub(crate) struct Site {
    pub(crate) tab: Tab,
    pub(crate) stage: Stage,
    /// It acts by itself as long as there is somebody to look.
    _fleet: Fleet,
}

/// A browser, unless there is none here, which is said.
pub(crate) fn chromium() -> Option<Chromium> {
    let started = Chromium::start();
    started.map_err(|why| println!("not run: {why}")).ok()
}

impl Site {
    /// Nodes that run 1.0.0 of `acme/exec`, which `stable` names, and 1.1.0 beside it; the
    /// administrator is logged in.
    pub(crate) fn new(parts: &[(Part, &str)]) -> Option<Self> {
        let chromium = chromium()?;
        let stage = Stage::with_publisher();
        let publish = ["publish", "exec", "--key", "acme.key"];
        let stable = ["--channel", "stable"];
        stage.run(&[&publish[..], &stable].concat()).done();
        stage.payload("1.1.0", "seen += 1;");
        stage.run(&publish).done();
        let deploy = [
            "deploy",
            "exec",
            "--payload",
            "acme/exec",
            "--version",
            "1.0.0",
        ];
        let selector = ["--selector", "env=prod"];
        stage.run(&[&deploy[..], &selector].concat()).done();
        let fleet = Fleet::of(&stage, parts);
        fleet.settled(&stage, parts.len());
        let mut tab = Tab::new(chromium, stage.url());
        log_in(&mut tab, stage.admin());
        Some(Self {
            tab,
            stage,
            _fleet: fleet,
        })
    }

    /// Something to see on each page: a rollout that waits at its first gate, and a node that refused
    /// the release.
    pub(crate) fn furnished() -> Option<Self> {
        let site = Self::new(&[
            (Part::Good, BOOKWORM),
            (Part::Good, BOOKWORM),
            (Part::Rejects, BULLSEYE),
        ])?;
        site.waits_at_its_gate(&["--waves", "1,100%"]);
        Some(site)
    }

    /// Begins a rollout to 1.1.0 that one node may refuse, and waits until its first gate waits for
    /// somebody.
    pub(crate) fn waits_at_its_gate(&self, plan: &[&str]) {
        let start = ["rollout", "start", "exec", "--version", "1.1.0"];
        let gate = ["--bake", "0s", "--approve", "first", "--failures", "1"];
        self.stage.run(&[&start[..], &gate, plan].concat()).done();
        let watch = ["rollout", "watch", "exec", "--until-paused"];
        self.stage.run(&watch).failed(7);
    }
}

/// Logs in as a person does.
pub(crate) fn log_in(tab: &mut Tab, token: &str) {
    tab.go("/login");
    tab.click(Thing::Labelled("Token"));
    tab.write(token);
    tab.press(Key::Enter);
    tab.until_at("/");
}

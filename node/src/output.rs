//! Everything that the node prints: results on standard output, notes and failures on standard error.
//! Called by the command line only.
//! Must never let a name or a log from outside steer the terminal.

mod following;
mod histogram;
mod history;
mod instance;
mod maps;
mod proof;
mod table;
mod verdict;

use std::io::{self, Write};

use api::node::{
    Applied, Flipped, Following, History, Instance, Instances, MapContent, Maps, Proof, Proofs,
};
use api::problem::Problem;
use serde::Serialize;

use crate::engine::Verdict;
use table::{clean, clean_lines};

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

/// Where a daemon listens.
#[derive(Debug, Serialize)]
pub(crate) struct Listening {
    /// The path of its unix socket.
    pub(crate) socket: String,
    /// Its TCP address, if it has one.
    pub(crate) legacy: Option<String>,
}

impl Output {
    /// JSON for programs, or text for people.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Where the daemon listens.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn listening(self, listening: &Listening) -> io::Result<()> {
        if self.json {
            return print_json(listening);
        }
        let tcp = listening.legacy.as_ref();
        let tcp = tcp.map_or_else(String::new, |address| format!(" and http://{address}"));
        print(&format!("listening on {}{tcp}\n", clean(&listening.socket)))
    }

    /// What a start or a hot update did.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn applied(self, applied: &Applied) -> io::Result<()> {
        if self.json {
            print_json(applied)
        } else {
            print(&proof::text(&applied.proof))
        }
    }

    /// The same on standard error, because standard output belongs to the events.
    pub(crate) fn applied_beside_events(self, applied: &Applied) {
        let text = if self.json {
            serde_json::to_string(&applied.proof).unwrap_or_default() + "\n"
        } else {
            proof::text(&applied.proof)
        };
        print_error(&text);
    }

    /// What the kernel says to a payload.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn verdict(self, verdict: &Verdict) -> io::Result<()> {
        if self.json {
            print_json(verdict)
        } else {
            print(&verdict::text(verdict))
        }
    }

    /// How an instance was started and updated.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn proofs(self, proofs: &[Proof]) -> io::Result<()> {
        if self.json {
            return print_json(&Proofs {
                proofs: proofs.to_vec(),
            });
        }
        let texts: Vec<String> = proofs.iter().map(proof::text).collect();
        print(&texts.join("\n"))
    }

    /// What was in charge of an instance.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn history(self, history: &History) -> io::Result<()> {
        if self.json {
            print_json(history)
        } else {
            print(&history::text(history))
        }
    }

    /// What a flip did, or when it will be.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn flipped(self, flipped: &Flipped) -> io::Result<()> {
        if self.json {
            return print_json(flipped);
        }
        match &flipped.proof {
            Some(proof) => print(&proof::text(proof)),
            None => print(&instance::one(&flipped.instance)),
        }
    }

    /// That nothing is staged any more.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn unstaged(self, name: &str) -> io::Result<()> {
        if self.json {
            return print_json(&serde_json::json!({ "unstaged": name }));
        }
        print(&format!("nothing is staged for {} any more\n", clean(name)))
    }

    /// How the node stands with the registry it follows; `now_ms` is milliseconds since 1970.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn following(self, following: &Following, now_ms: u64) -> io::Result<()> {
        if self.json {
            print_json(following)
        } else {
            print(&following::text(following, now_ms))
        }
    }

    /// That the node has a credential of its own.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn enrolled(self, node: &str, registry: &str) -> io::Result<()> {
        if self.json {
            return print_json(&serde_json::json!({ "node": node, "registry": registry }));
        }
        print(&format!(
            "enrolled as {} at {}\n",
            clean(node),
            clean(registry)
        ))
    }

    /// All instances.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn instances(self, instances: &[Instance]) -> io::Result<()> {
        if self.json {
            return print_json(&Instances {
                instances: instances.to_vec(),
            });
        }
        print(&instance::list(instances))
    }

    /// One instance.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn instance(self, instance: &Instance) -> io::Result<()> {
        if self.json {
            print_json(instance)
        } else {
            print(&instance::one(instance))
        }
    }

    /// The maps of an instance.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn maps(self, maps: &Maps) -> io::Result<()> {
        if self.json {
            print_json(maps)
        } else {
            print(&maps::list(maps))
        }
    }

    /// What is in a map.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn map(self, content: &MapContent, per_cpu: bool) -> io::Result<()> {
        if self.json {
            print_json(content)
        } else {
            print(&maps::content(content, per_cpu))
        }
    }

    /// That an instance was stopped.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn stopped(self, name: &str) -> io::Result<()> {
        if self.json {
            return print_json(&serde_json::json!({ "stopped": name }));
        }
        print(&format!("{} is stopped\n", clean(name)))
    }

    /// What an iterator wrote.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn iterated(self, text: &str) -> io::Result<()> {
        if self.json {
            return print_json(&serde_json::json!({ "text": text }));
        }
        print(&clean_lines(text))
    }

    /// That events are missing here.
    pub(crate) fn lost(self, count: u64) {
        if self.json {
            print_error(&format!("{{\"lost\":{count}}}\n"));
        } else {
            print_error(&format!(
                "{count} events are missing here: read too slowly\n"
            ));
        }
    }

    /// What a foreground instance did, when it has stopped.
    pub(crate) fn summary(self, instance: &Instance) {
        if self.json {
            print_error(&(serde_json::to_string(instance).unwrap_or_default() + "\n"));
        } else {
            print_error(&instance::summary(instance));
        }
    }

    /// What the daemon did, or did not do, and for whom.
    pub(crate) fn journal(self, text: &str) {
        if self.json {
            print_error(&format!("{}\n", serde_json::json!({ "journal": text })));
        } else {
            print_error(&format!("{}\n", clean(text)));
        }
    }

    /// A remark for a person.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            print_error(&format!("{}\n", clean(text)));
        }
    }

    /// Why a command failed, the verifier's log included.
    pub(crate) fn failure(self, problem: &Problem) {
        if self.json {
            print_error(&(serde_json::to_string(problem).unwrap_or_default() + "\n"));
            return;
        }
        let mut text = format!("node: {}\n", clean(&problem.to_string()));
        if let Some(log) = &problem.log {
            text.push_str("the verifier's log:\n");
            text.push_str(&clean_lines(log));
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        print_error(&text);
    }
}

fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(&(serde_json::to_string(value)? + "\n"))
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// There is nowhere left to say that standard error is closed.
fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

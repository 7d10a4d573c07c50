//! A rollout while hostile nodes, thieves of tokens and callers without any do what they can, all at
//! once: it goes as it would without them, and each of them is refused.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use api::registry::{OutcomeKind, Reports, RolloutPhase, Source};

use super::actor::{Fleet, Part, furnished, quick, start};
use super::waits::ends;
use crate::client;
use crate::fleet::harness::{Registry, TestNode, facts, outcome, spec};

/// How often each attack is tried at most.
const TIMES_MAX: usize = 2_000;
/// How often it is tried whatever the rollout does.
const TIMES_MIN: usize = 20;

/// Attacks that go on until the rollout has ended.
struct Siege {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    attackers: Vec<JoinHandle<Vec<String>>>,
}

impl Siege {
    fn of(registry: &Registry) -> Self {
        Self {
            address: registry.stage.address,
            over: Arc::new(AtomicBool::new(false)),
            attackers: Vec::new(),
        }
    }

    /// Lets one more attacker send requests: method, path, body. Each must come to one of these ends.
    fn by(
        &mut self,
        who: &'static str,
        bearer: Option<&str>,
        requests: Vec<(&'static str, String, String)>,
        ends: &'static [u16],
    ) {
        let (address, over) = (self.address, Arc::clone(&self.over));
        let bearer = bearer.map(|bearer| format!("Bearer {bearer}"));
        self.attackers.push(std::thread::spawn(move || {
            let mut wrong = Vec::new();
            for (time, (method, path, body)) in requests.iter().cycle().take(TIMES_MAX).enumerate()
            {
                if time >= TIMES_MIN && over.load(Ordering::Relaxed) {
                    break;
                }
                let mut headers = vec![("content-type", "application/json")];
                headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
                let answer = client::send(address, method, path, &headers, body.as_bytes());
                match answer {
                    Ok(answer) if ends.contains(&answer.status) => {}
                    Ok(answer) => wrong.push(format!(
                        "{who}: {method} {path}: {} {}",
                        answer.status,
                        answer.text()
                    )),
                    Err(error) => wrong.push(format!("{who}: {method} {path}: {error}")),
                }
            }
            wrong
        }));
    }

    /// Ends it; what was not refused.
    fn end(self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        let attackers = self.attackers.into_iter();
        attackers.flat_map(|one| one.join().unwrap()).collect()
    }
}

/// What a node says of a rollout, as the body of a report.
fn lies(rollout: u64, digest: &str, first: u64) -> String {
    let kinds = [
        OutcomeKind::SignatureRejected,
        OutcomeKind::LoadRejected,
        OutcomeKind::RolledBack,
        OutcomeKind::Committed,
    ];
    let told = (first..).zip(kinds).map(|(serial, kind)| {
        let mut told = outcome(serial, kind, digest);
        (told.rollout, told.staging) = (Some(rollout), serial % 2 == 0);
        told
    });
    let reports = Reports {
        // Its own word for what only its enrolment may say.
        facts: facts(&[("env", "prod")]),
        instances: Vec::new(),
        outcomes: told.collect(),
    };
    serde_json::to_string(&reports).unwrap()
}

/// Speaks for others with its own credential.
fn impersonates(siege: &mut Siege, liar: &TestNode, lie: &str) {
    let mut requests = Vec::new();
    for name in ["p0", "p3", "outsider"] {
        let of = |what: &str| format!("/api/v1/nodes/{name}/{what}");
        requests.push(("POST", of("reports"), lie.to_owned()));
        requests.push(("GET", of("desired"), String::new()));
        requests.push(("GET", of("doorbell"), String::new()));
        requests.push(("GET", of("explain"), String::new()));
        requests.push(("DELETE", format!("/api/v1/nodes/{name}"), String::new()));
    }
    siege.by("impersonates", Some(&liar.credential), requests, &[403]);
}

/// Operates without the right to.
fn operates(siege: &mut Siege, bearer: &str, rollout: u64) {
    let mut requests = Vec::new();
    for what in ["pause", "promote", "abort", "rollback", "resume"] {
        let path = format!("/api/v1/rollouts/{rollout}/{what}");
        requests.push(("POST", path, String::new()));
    }
    let reason = r#"{"reason":"x"}"#.to_owned();
    let release = "/api/v1/payloads/acme/execsnoop/versions/1.1.0";
    requests.push(("POST", format!("{release}/revoke"), reason));
    let body = r#"{"version":"1.1.0"}"#.to_owned();
    let stable = "/api/v1/payloads/acme/execsnoop/channels/stable";
    requests.push(("PUT", stable.to_owned(), body));
    requests.push(("DELETE", "/api/v1/deployments/d".to_owned(), String::new()));
    siege.by("operates", Some(bearer), requests, &[403]);
}

/// Guesses tokens.
fn guesses(siege: &mut Siege, rollout: u64) {
    let guess = format!("marrow_{}", "A".repeat(43));
    let requests = vec![
        (
            "POST",
            format!("/api/v1/rollouts/{rollout}/abort"),
            String::new(),
        ),
        ("GET", "/api/v1/nodes/p0/desired".to_owned(), String::new()),
        ("POST", "/api/v1/nodes/enrol".to_owned(), "{}".to_owned()),
    ];
    siege.by("guesses", Some(&guess), requests.clone(), &[401, 429]);
    siege.by("has no token", None, requests, &[401, 429]);
}

/// Enrols under names that are taken, with a token that is worth one node.
fn steals_names(siege: &mut Siege, token: &str) {
    let requests = ["p0", "p1", "outsider"].map(|name| {
        let body = serde_json::json!({ "node": name, "facts": facts(&[]) });
        ("POST", "/api/v1/nodes/enrol".to_owned(), body.to_string())
    });
    siege.by("steals names", Some(token), requests.into(), &[409]);
}

/// Holds connections with halves of reports, of which nothing follows.
fn holds_halves(registry: &Registry, liar: &TestNode) -> Vec<std::net::TcpStream> {
    let halves = (0..40).map(|_| {
        let mut stream = client::connect(registry.stage.address).unwrap();
        let head = format!(
            "POST /api/v1/nodes/{}/reports HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: 60000\r\n\r\n{{\"facts\":",
            liar.name, liar.credential
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    });
    halves.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_under_attack_goes_as_it_would_without() {
    let registry = furnished(60_000).await;
    let mut prod = spec("env=prod");
    prod.source = Source::Version("1.0.0".into());
    registry.admin().put_deployment("d", &prod).await.unwrap();
    let mut fleet = Fleet::of(&registry, &[]).await;
    let token = registry
        .token_with("prod", &["enrol"], Some(12), &[("env", "prod")])
        .await;
    for index in 0..12 {
        let node = registry.enrol(&token, &format!("p{index}"), &[]).await;
        fleet.add(node.unwrap(), Part::Good);
    }
    let outside = registry
        .token_with("dev", &["enrol"], Some(2), &[("env", "dev")])
        .await;
    let outsider = registry.enrol(&outside, "outsider", &[]).await.unwrap();
    let liar = registry.enrol(&outside, "liar", &[]).await.unwrap();
    fleet.all_run("1.0.0").await;

    let reader = registry.token("reader", &["read"]).await;
    let thief = registry.token_with("thief", &["enrol"], Some(1), &[]).await;
    let begun = start(&registry, "1.1.0", quick()).await;
    let (rollout, lie) = (begun.rollout, lies(begun.rollout, &begun.digest, 1));
    let mut siege = Siege::of(&registry);
    let own = format!("/api/v1/nodes/{}/reports", liar.name);
    let lying = vec![
        ("POST", own.clone(), lie.clone()),
        ("POST", own.clone(), lies(rollout, &begun.digest, 1_000)),
    ];
    siege.by("lies of itself", Some(&liar.credential), lying, &[204]);
    let long = format!("{{\"facts\":{{\"os\":\"{}\"}}}}", "x".repeat(100_000));
    let broken = vec![
        ("POST", own.clone(), long),
        ("POST", own.clone(), "[".repeat(50_000)),
        ("POST", own, "{\"facts\":{},\"facts\":{}}".to_owned()),
    ];
    siege.by("sends rubbish", Some(&liar.credential), broken, &[400, 422]);
    impersonates(&mut siege, &liar, &lie);
    operates(&mut siege, &reader, rollout);
    operates(&mut siege, &outsider.credential, rollout);
    guesses(&mut siege, rollout);
    steals_names(&mut siege, &thief);
    let halves = holds_halves(&registry, &liar);

    let detail = ends(&registry, rollout, RolloutPhase::Succeeded).await;
    let wrong = siege.end();
    assert!(
        wrong.is_empty(),
        "{} were let through: {}",
        wrong.len(),
        wrong[0]
    );
    drop(halves);
    fleet.all_run("1.1.0").await;
    let counts = detail.rollout.counts;
    assert_eq!((counts.nodes, counts.committed, counts.failed), (12, 12, 0));
    assert!(detail.failures.is_empty(), "{:?}", detail.failures);
    for node in [&outsider, &liar] {
        assert!(
            node.wanted().await.is_empty(),
            "{} is given something",
            node.name
        );
    }
    // The token that was worth one node is worth it still.
    registry.enrol(&thief, "honest", &[]).await.unwrap();
    let admin = registry.admin();
    assert!(admin.node("p0").await.is_ok() && admin.deployment("d").await.is_ok());
}

//! A registry with nodes: the stage of all tests, asked through the typed client.
//! Must never outlive its test.

use std::collections::BTreeMap;

use api::client::ClientError;
use api::client::registry::{RegistryClient, Settings};
use api::node::{InstanceState, Trust};
use api::registry::{
    DeploymentSpec, Enrol, Facts, InstanceCounts, InstanceReport, NewToken, Outcome, OutcomeKind,
    Release, Reports, SetEnvelope, Source, Wanted,
};

use crate::client::{self, Answer};
use crate::fixture;
use crate::stage;

/// Nodes ask so often in these tests, milliseconds.
pub(crate) const POLL_MS: u64 = 60_000;

/// A running registry; stopped when it is dropped.
pub(crate) struct Registry {
    pub(crate) stage: stage::Registry,
}

/// A node of a test: its name and its client.
pub(crate) struct TestNode {
    pub(crate) name: String,
    pub(crate) credential: String,
    pub(crate) client: RegistryClient,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::start_with("100000")
    }

    /// One that lets an address send so many wrong tokens a minute.
    pub(crate) fn start_with(failures_per_minute: &str) -> Self {
        let poll_ms = POLL_MS.to_string();
        let stage = stage::Registry::start_with(&[
            "--poll-ms",
            &poll_ms,
            "--requests-per-second",
            "100000",
            "--failures-per-minute",
            failures_per_minute,
        ]);
        stage.trust();
        Self { stage }
    }

    /// One whose nodes are asked to poll so often, milliseconds.
    pub(crate) fn start_polled(poll_ms: u64) -> Self {
        let poll_ms = poll_ms.to_string();
        let stage = stage::Registry::start_with(&[
            "--poll-ms",
            &poll_ms,
            "--requests-per-second",
            "100000",
        ]);
        stage.trust();
        Self { stage }
    }

    /// Kills it as a power cut would, and starts it again on the same folder.
    pub(crate) fn restart(&mut self) {
        self.stage.kill();
        self.stage.start_again();
    }

    /// `http://HOST:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.stage.address)
    }

    /// Any request to any path, as a browser would send it.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        client::send(self.stage.address, method, path, headers, body.as_bytes()).unwrap()
    }

    /// Asks the API with a bearer.
    pub(crate) fn ask_as(&self, bearer: &str, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {bearer}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.ask(method, path, &headers, body)
    }

    pub(crate) fn client(&self, bearer: Option<&str>) -> RegistryClient {
        let settings = Settings {
            url: &self.url(),
            bearer,
            ca_pem: None,
            allow_plain: false,
        };
        RegistryClient::new(settings).unwrap()
    }

    pub(crate) fn admin(&self) -> RegistryClient {
        self.client(Some(&self.stage.admin))
    }

    /// The secret of a new token.
    pub(crate) async fn token(&self, name: &str, scopes: &[&str]) -> String {
        self.token_with(name, scopes, None, &[]).await
    }

    pub(crate) async fn token_with(
        &self,
        name: &str,
        scopes: &[&str],
        uses: Option<u32>,
        labels: &[(&str, &str)],
    ) -> String {
        let token = NewToken {
            name: name.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_in_s: None,
            uses,
            labels: texts(labels),
        };
        self.admin().make_token(&token).await.unwrap().secret
    }

    /// Enrols a node with these labels of its own.
    pub(crate) async fn node(&self, name: &str, labels: &[(&str, &str)]) -> TestNode {
        let token = self.token(&format!("enrol-{name}"), &["enrol"]).await;
        self.enrol(&token, name, labels).await.unwrap()
    }

    pub(crate) async fn enrol(
        &self,
        token: &str,
        name: &str,
        labels: &[(&str, &str)],
    ) -> Result<TestNode, ClientError> {
        let enrol = Enrol {
            node: name.into(),
            facts: facts(labels),
        };
        let enrolled = self.client(Some(token)).enrol(&enrol).await?;
        Ok(TestNode {
            name: enrolled.node,
            client: self.client(Some(&enrolled.credential)),
            credential: enrolled.credential,
        })
    }

    /// Publishes `acme/execsnoop`, signed by a key that the registry trusts.
    pub(crate) async fn publish(&self, version: &str) -> Release {
        let (name, about) = ("acme/execsnoop", "Shows <programs> & their arguments.");
        let keys = [fixture::key(1)];
        let made = fixture::made_with(fixture::OBJECT, name, version, about, &keys);
        self.stage.publish(&self.stage.admin, &made).expect(201);
        self.admin().release(name, version).await.unwrap()
    }

    /// Raises the floor of `acme/execsnoop`.
    pub(crate) async fn floor(&self, minimum_version: &str, serial: u64) -> String {
        let key = fixture::key(1);
        let envelope = fixture::floor("acme/execsnoop", minimum_version, serial, &key);
        let floor = SetEnvelope {
            envelope: envelope.clone(),
        };
        self.admin()
            .set_floor("acme/execsnoop", &floor)
            .await
            .unwrap();
        envelope
    }

    /// Publishes 1.0.0 and points `stable` there.
    pub(crate) async fn stable(&self) {
        self.publish("1.0.0").await;
        self.channel("1.0.0").await;
    }

    /// Points the channel `stable` of `acme/execsnoop` to a version.
    pub(crate) async fn channel(&self, version: &str) {
        self.admin()
            .set_channel("acme/execsnoop", "stable", version)
            .await
            .unwrap();
    }
}

impl TestNode {
    /// What it should run: instance and version.
    pub(crate) async fn wanted(&self) -> Vec<(String, String)> {
        let wanted = self.instances().await.into_iter();
        wanted.map(|one| (one.instance, one.version)).collect()
    }

    pub(crate) async fn instances(&self) -> Vec<Wanted> {
        let (desired, _) = self
            .client
            .desired(&self.name, None)
            .await
            .unwrap()
            .unwrap();
        desired.instances
    }

    pub(crate) async fn report(&self, reports: Reports) -> Result<(), ClientError> {
        self.client.report(&self.name, &reports).await
    }

    /// Reports that it runs exactly what it should.
    pub(crate) async fn settle(&self, labels: &[(&str, &str)]) {
        let instances = self.instances().await.iter().map(runs).collect();
        let reports = Reports {
            facts: facts(labels),
            instances,
            outcomes: Vec::new(),
        };
        self.report(reports).await.unwrap();
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn facts(labels: &[(&str, &str)]) -> Facts {
    Facts {
        kernel: "6.1.0-18-cloud-amd64".into(),
        arch: "x86_64".into(),
        btf: true,
        os: "Debian 12".into(),
        cpus: 2,
        version: "0.1.0".into(),
        labels: texts(labels),
        shares_events: false,
    }
}

/// `acme/execsnoop` by its channel `stable`.
pub(crate) fn spec(selector: &str) -> DeploymentSpec {
    DeploymentSpec {
        payload: "acme/execsnoop".into(),
        source: Source::Channel("stable".into()),
        selector: selector.into(),
        instance: None,
        globals: BTreeMap::new(),
        targets: BTreeMap::new(),
        rollout: None,
    }
}

/// The report of a node that runs what it should.
pub(crate) fn runs(wanted: &Wanted) -> InstanceReport {
    InstanceReport {
        instance: wanted.instance.clone(),
        payload: wanted.payload.clone(),
        version: Some(wanted.version.clone()),
        digest: wanted.digest.clone(),
        generation: 1,
        state: InstanceState::Running,
        trust: Trust::Signed,
        managed: true,
        started_ms: 1_700_000_000_000,
        counts: InstanceCounts {
            accepted: 1_234_567,
            decoded: 1_234_567,
            ..Default::default()
        },
        watched: false,
        since_flip: api::registry::SinceFlip::default(),
    }
}

/// An outcome of the instance `execsnoop`.
pub(crate) fn outcome(serial: u64, kind: OutcomeKind, digest: &str) -> Outcome {
    Outcome {
        serial,
        at_ms: 1_700_000_000_000 + serial,
        instance: "execsnoop".into(),
        kind,
        payload: "acme/execsnoop".into(),
        version: Some("1.0.0".into()),
        digest: digest.into(),
        proof: None,
        problem: None,
        rollout: None,
        staging: false,
    }
}

/// The status and the problem of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (u16, String) {
    match result {
        Err(ClientError::Refused { problem, .. }) => (problem.status, problem.to_string()),
        other => panic!("it was not refused: {other:?}"),
    }
}

//! The real registry in a folder of its own, a publisher with a key, and releases made for tests.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use api::client::ClientError;
use api::client::registry::{Download, RegistryClient, Settings};
use api::registry::{
    DeploymentSpec, NewToken, Outcome, PublishRelease, SetEnvelope, Source, TrustedKey,
};
use payload::unsigned::Unsigned;
use serde_json::Value;
use tests::{corpus, programs};

use super::node::Node;
use super::release::{self, Release};

/// The namespace of everything that is published here.
pub(crate) const NAMESPACE: &str = "acme";

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
});

/// Waits for a call of a client.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

/// A registry that ends with the test.
pub(crate) struct Registry {
    child: Child,
    folder: tempfile::TempDir,
    url: String,
    token: String,
}

impl Registry {
    /// Starts a new one on a free port, which tells nodes to ask often.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, said) = serve(folder.path(), 2);
        Self {
            child,
            folder,
            url: said[1]["listening"].as_str().unwrap().to_owned(),
            token: said[0]["admin_token"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// What it wrote to standard error.
    pub(crate) fn journal(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("journal")).unwrap_or_default()
    }

    /// Ends it as a machine that loses its power would, without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, on another port, with what the one before left.
    pub(crate) fn start_again(&mut self) {
        let (child, said) = serve(self.folder.path(), 1);
        self.child = child;
        said[0]["listening"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.url);
    }

    /// A client with this bearer.
    pub(crate) fn client_as(&self, bearer: &str) -> RegistryClient {
        client(&self.url, bearer)
    }

    /// A client that may do everything.
    pub(crate) fn admin(&self) -> RegistryClient {
        self.client_as(&self.token)
    }

    /// The bytes of a digest.
    pub(crate) fn fetch(&self, digest: &str, size_bytes: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let download = Download {
            digest,
            from_byte: 0,
            size_bytes,
        };
        let keep = |_at: u64, piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        wait(self.admin().fetch_blob(download, keep)).unwrap();
        bytes
    }

    /// The latest outcome that a node has reported.
    pub(crate) fn latest(&self, node: &str) -> Option<Outcome> {
        let detail = wait(self.admin().node(node)).unwrap();
        detail.outcomes.into_iter().next()
    }

    /// Its serial, 0 where it has reported none.
    pub(crate) fn latest_serial(&self, node: &str) -> u64 {
        self.latest(node).map_or(0, |outcome| outcome.serial)
    }

    /// Deploys what a channel names.
    pub(crate) fn deploy(
        &self,
        deployment: &str,
        payload: &str,
        channel: &str,
        selector: &str,
    ) -> Result<bool, ClientError> {
        let spec = DeploymentSpec {
            payload: payload.to_owned(),
            source: Source::Channel(channel.to_owned()),
            selector: selector.to_owned(),
            instance: None,
            globals: std::collections::BTreeMap::new(),
            targets: std::collections::BTreeMap::new(),
            rollout: None,
        };
        wait(self.admin().put_deployment(deployment, &spec)).map(|(new, _)| new)
    }

    /// A file with a token by which one node may enrol.
    pub(crate) fn enrolment(&self, node: &str) -> PathBuf {
        let token = NewToken {
            name: format!("enrol-{node}"),
            scopes: vec!["enrol".to_owned()],
            expires_in_s: None,
            uses: None,
            labels: std::collections::BTreeMap::new(),
        };
        let made = wait(self.admin().make_token(&token)).unwrap();
        let file = self.folder.path().join(format!("{node}.token"));
        // A temporary file is its owner's alone, and stays so in its place.
        release::write(&file, made.secret.as_bytes());
        file
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            print!("{}", self.journal());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of a registry that listens anywhere.
pub(crate) fn client(url: &str, bearer: &str) -> RegistryClient {
    RegistryClient::new(Settings {
        url,
        bearer: Some(bearer),
        ca_pem: None,
        allow_plain: false,
    })
    .unwrap()
}

/// Starts a registry and gives the first lines that it prints.
fn serve(folder: &Path, lines: usize) -> (Child, Vec<Value>) {
    let journal = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("journal"))
        .unwrap();
    let mut child = Command::new(programs::built("registry"))
        .args(["--json", "serve", "--listen", "127.0.0.1:0"])
        // Tests ask often, from one address, and wrong on purpose.
        .args(["--requests-per-second", "100000"])
        .args(["--poll-ms", "200"])
        .arg("--data-dir")
        .arg(folder.join("registry"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(journal)
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let said: Vec<Value> = out
        .lines()
        .take(lines)
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    assert_eq!(said.len(), lines, "the registry ended: {said:?}");
    (child, said)
}

/// A publisher's key, that signs for [`NAMESPACE`], and the folder in which nodes find its public half.
pub(crate) struct Publisher {
    seed: u8,
    folder: tempfile::TempDir,
}

impl Publisher {
    /// The key of a seed, which the registry is told of.
    pub(crate) fn new(registry: &Registry, seed: u8) -> Self {
        let publisher = Self {
            seed,
            folder: tempfile::tempdir().unwrap(),
        };
        release::trust(publisher.trusted(), "publisher.toml", seed, NAMESPACE);
        let public = release::key(seed).public();
        let key = TrustedKey {
            key: public.id().to_string(),
            pem: public.to_pem().unwrap(),
            namespaces: vec![NAMESPACE.to_owned()],
            comment: String::new(),
        };
        wait(registry.admin().put_key(&key)).unwrap();
        publisher
    }

    /// The folder of trusted keys for a node.
    pub(crate) fn trusted(&self) -> &Path {
        self.folder.path()
    }

    /// An object of the corpus as a payload, signed.
    pub(crate) fn sign(&self, name: &str, version: &str, object: &str) -> Release {
        let object = corpus::object(object).unwrap();
        release::release_of(&object, name, version, self.seed)
    }

    /// The payload under another name and version, signed.
    pub(crate) fn sign_again(&self, base: &Release, name: &str, version: &str) -> Release {
        let unsigned = Unsigned::from_payload(&base.file).unwrap();
        let mut contents = unsigned.into_contents();
        contents.manifest.name = name.parse().unwrap();
        contents.manifest.version = version.parse().unwrap();
        release::signed(&contents, self.seed)
    }

    /// A floor.
    pub(crate) fn floor(&self, name: &str, minimum_version: &str, serial: u64) -> SetEnvelope {
        SetEnvelope {
            envelope: release::floor(name, minimum_version, serial, self.seed),
        }
    }
}

/// Puts the bytes and the release; whether it is new.
pub(crate) async fn publish(
    client: &RegistryClient,
    signed: &Release,
) -> Result<bool, ClientError> {
    client
        .put_blob(&signed.digest, signed.file.clone(), None)
        .await?;
    let release = PublishRelease {
        digest: signed.digest.clone(),
        envelope: signed.envelope.clone(),
    };
    let (new, _) = client
        .publish(&signed.name, &signed.version, &release)
        .await?;
    Ok(new)
}

/// A node that follows a registry, with a state folder that outlives it.
pub(crate) struct Follower {
    state: tempfile::TempDir,
    args: Vec<String>,
}

impl Follower {
    /// One that enrols at the registry under `name`, by way of `url`, and trusts the publisher.
    pub(crate) fn new(registry: &Registry, url: &str, publisher: &Publisher, name: &str) -> Self {
        let token = registry.enrolment(name);
        let args = [
            "--registry",
            url,
            "--enrol-token-file",
            token.to_str().unwrap(),
            "--trusted-keys",
            publisher.trusted().to_str().unwrap(),
            "--node-name",
            name,
        ];
        Self {
            state: tempfile::tempdir().unwrap(),
            args: args.map(str::to_owned).into(),
        }
    }

    /// The same with more arguments.
    pub(crate) fn with(mut self, more: &[&str]) -> Self {
        self.args.extend(more.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Its state folder.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// Starts it, with the state that an earlier start left.
    pub(crate) fn start(&self) -> Node {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        Node::start_over(self.state.path(), &args)
    }
}

//! The fleet: enrols, connects, and does what the bench says on standard input, one command a
//! line, answered by one JSON object. Ends with its input.
//! Must never go on when a node was refused something, nor wait without a deadline.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use api::client::registry::{RegistryClient, Settings as ClientSettings};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::kept::Kept;
use crate::node::{Node, Site};
use crate::output;
use crate::round::Rounds;

/// What is deployed, and the channel that it follows.
const PAYLOAD: &str = "marrow/fleet";
const CHANNEL: &str = "stable";
/// How long one command may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// Nodes that poll at a time.
const POLLERS: usize = 256;
/// Nodes that enrol, or open their doorbell, at a time.
const AT_ONCE: usize = 64;
/// Threads that all nodes share: what they take is not the server's.
const THREADS: usize = 1;

/// What a fleet is started with.
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) nodes: usize,
    /// May move channels.
    pub(crate) operator: String,
    /// Tokens that nodes enrol with, in turn: a registry counts the requests of each.
    pub(crate) enrol: Vec<String>,
}

struct Fleet {
    settings: Settings,
    site: Arc<Site>,
    nodes: Vec<Arc<Node>>,
}

/// Does each command until the input ends.
///
/// # Errors
/// When a command fails.
pub(crate) fn run(settings: Settings) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let address = settings.url.strip_prefix("http://");
    let kept = Kept::new(address.context("URL is no http://HOST:PORT")?)?;
    let site = Site {
        url: settings.url.clone(),
        kept,
        rounds: Rounds::new(settings.nodes),
    };
    let mut fleet = Fleet {
        settings,
        site: Arc::new(site),
        nodes: Vec::new(),
    };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        output::line(
            &fleet
                .command(&runtime, &line)
                .with_context(|| line.clone())?,
        )?;
    }
    Ok(())
}

impl Fleet {
    fn command(&mut self, runtime: &Runtime, line: &str) -> Result<Value> {
        let words: Vec<&str> = line.split(' ').collect();
        let site = Arc::clone(&self.site);
        let done = async {
            match words.as_slice() {
                ["enrol"] => self.enrol().await,
                ["connect", version] => self.connect(version).await,
                ["publish", version] => self.publish(version).await,
                ["polls", count] => self.polls(count.parse()?).await,
                _ => bail!("unknown command"),
            }
        };
        // A part of the nodes' work is done on the thread that waits.
        let done = runtime.block_on(async { timeout(PATIENCE, done).await });
        done.map_err(|_| anyhow!("not done in {PATIENCE:?}: {}", site.rounds.so_far()))?
    }

    async fn enrol(&mut self) -> Result<Value> {
        let began = Instant::now();
        let count = self.settings.nodes;
        let next = Arc::new(AtomicUsize::new(0));
        let tokens = Arc::new(self.settings.enrol.clone());
        let mut tasks = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (site, next, tokens) = (Arc::clone(&self.site), next.clone(), tokens.clone());
            tasks.spawn(async move {
                let mut nodes = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return anyhow::Ok(nodes);
                    }
                    let token = &tokens[index % tokens.len()];
                    nodes.push(Arc::new(Node::enrol(&site, index, token).await?));
                }
            });
        }
        while let Some(nodes) = tasks.join_next().await {
            self.nodes.extend(nodes??);
        }
        ensure!(self.nodes.len() == count, "not every node enrolled");
        Ok(json!({ "enrol_s": began.elapsed().as_secs_f64() }))
    }

    /// Opens every doorbell, and waits until every node runs what is deployed.
    async fn connect(&mut self, version: &str) -> Result<Value> {
        self.site.rounds.begin(version);
        let next = Arc::new(AtomicUsize::new(0));
        let nodes = Arc::new(self.nodes.clone());
        let mut tasks = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (site, next, nodes) = (Arc::clone(&self.site), next.clone(), nodes.clone());
            tasks.spawn(async move {
                while let Some(node) = nodes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let doorbell = node.listen(&site).await?;
                    tokio::spawn(Arc::clone(node).follow(Arc::clone(&site), doorbell));
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        let settled = self.site.rounds.end().await?;
        self.site.kept.open_all();
        Ok(settled)
    }

    /// Moves the channel, and waits until every node has said that it runs that.
    async fn publish(&self, version: &str) -> Result<Value> {
        let operator = RegistryClient::new(ClientSettings {
            url: &self.settings.url,
            bearer: Some(&self.settings.operator),
            ca_pem: None,
            allow_plain: false,
        })?;
        self.site.rounds.begin(version);
        operator.set_channel(PAYLOAD, CHANNEL, version).await?;
        self.site.rounds.end().await
    }

    /// So many polls of nodes that have what they should.
    async fn polls(&self, count: usize) -> Result<Value> {
        let began = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let nodes = Arc::new(self.nodes.clone());
        let mut tasks = JoinSet::new();
        for _ in 0..POLLERS {
            let (site, next, nodes) = (Arc::clone(&self.site), next.clone(), nodes.clone());
            tasks.spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return anyhow::Ok(());
                    }
                    nodes[index % nodes.len()].nothing_new(&site).await?;
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        #[expect(clippy::cast_precision_loss, reason = "a count below 2^53")]
        let per_s = count as f64 / began.elapsed().as_secs_f64();
        Ok(json!({ "polls_per_s": per_s }))
    }
}

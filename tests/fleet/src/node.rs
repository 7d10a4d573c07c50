//! A simulated node: waits at its doorbell; when it rings, asks after a part of the spread, as real
//! nodes do, "runs" and "stages" what it should at once, and reports that. Started by `load`.
//! Must never report what it was not given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::client::registry::{Doorbell, RegistryClient, Settings};
use api::registry::{Desired, Enrol, Enrolled, PREFIX, Reports, Ring, Wanted};
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};

use crate::kept::{Call, Kept};
use crate::report;
use crate::round::Rounds;

/// A multiplier whose products are spread evenly: 2^64 over the golden ratio, odd.
const EVENLY: u64 = 0x9e37_79b9_7f4a_7c15;

/// A node that has enrolled.
pub(crate) struct Node {
    index: usize,
    name: String,
    credential: String,
    bearer: HeaderValue,
    held: Mutex<Held>,
}

/// What it was given last, and what it made of that.
#[derive(Default)]
struct Held {
    etag: Option<HeaderValue>,
    /// Of what it runs.
    digest: String,
    generation: u64,
    /// Outcomes until now.
    serial: u64,
    /// The last rollout whose release it staged.
    staged: Option<u64>,
}

/// What all nodes share.
pub(crate) struct Site {
    pub(crate) url: String,
    pub(crate) kept: Kept,
    pub(crate) rounds: Rounds,
}

impl Node {
    /// Enrols the node of this number.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn enrol(site: &Site, index: usize, token: &str) -> Result<Self> {
        let enrol = Enrol {
            node: format!("node-{index:05}"),
            facts: report::facts(),
        };
        let call = Call {
            method: Method::POST,
            path: format!("{PREFIX}/nodes/enrol"),
            bearer: &bearer(token)?,
            etag: None,
            body: serde_json::to_vec(&enrol)?,
        };
        let answer = site.kept.exchange(call).await?;
        let Enrolled { node, credential } = serde_json::from_slice(&answer.body)?;
        Ok(Self {
            index,
            bearer: bearer(&credential)?,
            name: node,
            credential,
            held: Mutex::default(),
        })
    }

    /// Opens its doorbell.
    ///
    /// # Errors
    /// When there is no place.
    pub(crate) async fn listen(&self, site: &Site) -> Result<Doorbell> {
        let client = RegistryClient::new(Settings {
            url: &site.url,
            bearer: Some(&self.credential),
            ca_pem: None,
            allow_plain: false,
        })?;
        Ok(client.doorbell(&self.name).await?)
    }

    /// Does what it is told until the server ends.
    pub(crate) async fn follow(self: Arc<Self>, site: Arc<Site>, mut doorbell: Doorbell) {
        loop {
            let done = match doorbell.next().await {
                Ok(Some(ring)) => self.rang(&site, &ring).await,
                Ok(None) => return,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = done {
                site.rounds.failed(error.context(self.name.clone()));
                return;
            }
        }
    }

    async fn rang(&self, site: &Site, ring: &Ring) -> Result<()> {
        site.rounds.told(self.index);
        tokio::time::sleep(self.part_of(ring)).await;
        let Some(desired) = self.desired(site).await? else {
            return Ok(());
        };
        let [wanted] = desired.instances.as_slice() else {
            // Nothing is deployed yet.
            return Ok(());
        };
        let mut reports = self.held().done(wanted, &desired.staged);
        if !reports.outcomes.is_empty() {
            self.tell(site, &reports).await?;
        }
        if wanted.rollout.is_some() {
            // A rollout counts who has watched it to the end.
            reports.outcomes.clear();
            reports.instances[0].watched = false;
            self.tell(site, &reports).await?;
        }
        site.rounds.runs(self.index, &wanted.version);
        Ok(())
    }

    async fn tell(&self, site: &Site, reports: &Reports) -> Result<()> {
        let call = self.call(Method::POST, "reports");
        let body = serde_json::to_vec(reports)?;
        site.kept.exchange(Call { body, ..call }).await?;
        Ok(())
    }

    /// Where in the spread its call is: elsewhere at each ring.
    fn part_of(&self, ring: &Ring) -> Duration {
        let drawn = (self.index as u64)
            .wrapping_add(ring.revision)
            .wrapping_mul(EVENLY);
        let part = u128::from(drawn) * u128::from(ring.spread_ms * 1000);
        Duration::from_micros(u64::try_from(part >> 64).unwrap_or_default())
    }

    /// What it should run, where that is new.
    async fn desired(&self, site: &Site) -> Result<Option<Desired>> {
        let answer = site.kept.exchange(self.poll()).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let desired = serde_json::from_slice(&answer.body).context("the desired state")?;
        self.held().etag = answer.etag;
        Ok(Some(desired))
    }

    /// Asks whether there is anything new, where there is nothing.
    ///
    /// # Errors
    /// When the answer is anything but 304.
    pub(crate) async fn nothing_new(&self, site: &Site) -> Result<()> {
        let answer = site.kept.exchange(self.poll()).await?;
        ensure!(
            answer.status == StatusCode::NOT_MODIFIED,
            "{} answered {} in place of 304",
            self.name,
            answer.status
        );
        Ok(())
    }

    fn poll(&self) -> Call<'_> {
        Call {
            etag: self.held().etag.clone(),
            ..self.call(Method::GET, "desired")
        }
    }

    fn call(&self, method: Method, what: &str) -> Call<'_> {
        Call {
            method,
            path: format!("{PREFIX}/nodes/{}/{what}", self.name),
            bearer: &self.bearer,
            etag: None,
            body: Vec::new(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Runs and stages what is new, and says so.
    fn done(&mut self, wanted: &Wanted, staged: &[Wanted]) -> Reports {
        let mut outcomes = Vec::new();
        for one in staged {
            let rollout = one.rollout.map(|by| by.id);
            if self.staged < rollout {
                self.staged = rollout;
                self.serial += 1;
                outcomes.push(report::staged(one, self.serial));
            }
        }
        if self.digest != wanted.digest {
            self.digest.clone_from(&wanted.digest);
            self.generation += 1;
            self.serial += 1;
            outcomes.push(report::runs(wanted, self.serial, self.generation));
        }
        report::reports(wanted, self.generation, outcomes)
    }
}

fn bearer(secret: &str) -> Result<HeaderValue> {
    Ok(HeaderValue::from_str(&format!("Bearer {secret}"))?)
}

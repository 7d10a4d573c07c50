//! The server: folder, database, listener and routes, until it is told to stop.
//! Called by `registry serve`.
//! Must never be reachable before the database is ready, nor by other machines without TLS unless
//! the operator said so.

mod capacity;
mod connection;
mod error;
mod folder;
mod listen;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::access::{self, Secret, network};
use crate::blobs::Blobs;
use crate::cli::{Config, System};
use crate::db::{self, Db};
use crate::fleet::{Fleet, history};
use crate::limits::{ACCEPT_REST, CACHE_BYTES, CONNECTIONS_MAX, DRAIN_TIMEOUT, FILES_MAX};
use crate::output::Output;
use crate::rollouts;
use crate::router::router;
use crate::shares::Shares;
use crate::state::{Made, State};
pub(crate) use capacity::Capacity;
pub(crate) use connection::Peer;
pub(crate) use error::ServeError;
use folder::Folder;

/// A registry whose listener is bound; callers queue until it runs.
pub(crate) struct Server {
    state: State,
    stop: watch::Sender<bool>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    writer: JoinHandle<()>,
    /// Says whose data it is, as long as it serves.
    _folder: Folder,
}

impl Server {
    /// Opens the data folder, brings the database up to date, makes the first token, binds.
    ///
    /// # Errors
    /// What is in the way, and what to change.
    pub(crate) async fn bind(
        config: Config,
        system: System,
        output: Output,
    ) -> Result<Self, ServeError> {
        listen::check(&config)?;
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let folder = Folder::taken(&config.data_dir)?;
        let (db, writer) = Db::open(&folder.database()).await?;
        let blobs = Blobs::open(&folder.blobs(), CACHE_BYTES)?;
        let listener = listen::bind(config.listen).await?;
        let bound = listen::bound(&listener)?;
        let mut start = [0; 4];
        (system.random)(&mut start).map_err(|reason| ServeError::System {
            what: "drawing a random number",
            reason,
        })?;
        let (stop, stopping) = watch::channel(false);
        let capacity = Capacity::raised();
        let (poll_ms, now_ms) = (config.poll_ms.get().into(), (system.now_ms)());
        let fleet = Fleet::load(&db, poll_ms, capacity.doorbells, now_ms).await?;
        let state = State::new(Made {
            db,
            blobs,
            capacity,
            fleet,
            system,
            output,
            stopping,
            requests_per_second: config.requests_per_second,
            failures_per_minute: config.failures_per_minute,
            collect_after_ms: config.collect_after_ms,
            start: u32::from_ne_bytes(start),
        });
        let server = Self {
            state,
            stop,
            listener,
            tls,
            writer,
            _folder: folder,
        };
        server.first_token().await?;
        server.announce(bound)?;
        Ok(server)
    }

    /// Where nobody has an admin token that is in force, as at the first start or when the last one
    /// has expired, one is made and told: who starts the registry owns it.
    async fn first_token(&self) -> Result<(), ServeError> {
        let state = &self.state;
        let mut reader = state.db.reader().await?;
        let known = db::token::any_admin(&mut reader, state.now_ms()).await?;
        drop(reader);
        if known {
            return Ok(());
        }
        let secret = Secret::draw(state.system.random).map_err(|reason| ServeError::System {
            what: "drawing a token",
            reason,
        })?;
        let (kept, entry) = access::first_admin(state.now_ms(), state.next_request());
        let sha256 = secret.sha256();
        // Told first: a token that was told and not kept is told again in another form by the next
        // start; one that was kept and not told would lock everybody out.
        let told = state.output.admin_token(&secret.text());
        told.map_err(|reason| ServeError::System {
            what: "telling the admin token",
            reason,
        })?;
        Ok(state.db.keep_first(kept, sha256, entry).await?)
    }

    fn announce(&self, bound: SocketAddr) -> Result<(), ServeError> {
        let Capacity {
            files, connections, ..
        } = self.state.capacity;
        if connections < CONNECTIONS_MAX {
            self.state.output.journal(&format!(
                "this process may have {files} open files: {connections} connections are served \
                 at a time; with {FILES_MAX} (LimitNOFILE, `ulimit -n`) it is {CONNECTIONS_MAX}"
            ));
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let told = self.state.output.listening(&format!("{scheme}://{bound}"));
        told.map_err(|reason| ServeError::System {
            what: "telling the address",
            reason,
        })
    }

    /// Serves until `until` is done, then lets open requests end.
    ///
    /// # Errors
    /// The database's writer ended by itself.
    pub(crate) async fn run(self, until: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self {
            state,
            stop,
            listener,
            tls,
            mut writer,
            _folder: folder,
        } = self;
        let places = Arc::clone(&state.places);
        let following = tokio::spawn(follow(state.clone()));
        let routes = router(state.clone());
        let addresses = Shares::new(state.capacity.of_one_address);
        let accept = async {
            loop {
                // A place first: callers beyond the last one wait in the kernel's queue.
                let place = Arc::clone(&places).acquire_owned().await;
                let Ok(place) = place else { return };
                match listener.accept().await {
                    Ok((stream, from)) => {
                        // One that has its share already hears the end of it, and nothing else.
                        let Some(share) = addresses.take(network(from.ip())) else {
                            continue;
                        };
                        let serving = connection::Serving {
                            routes: routes.clone(),
                            peer: Peer(from.ip()),
                            stopping: state.stopping.clone(),
                            _places: (place, share),
                        };
                        serving.begin(stream, tls.clone());
                    }
                    // Out of descriptors, or a caller that was gone before it was accepted.
                    Err(_) => sleep(ACCEPT_REST).await,
                }
            }
        };
        let broken = tokio::select! {
            () = accept => false,
            () = until => false,
            _ = &mut writer => true,
        };
        drop(listener);
        // Nobody may be left to hear it.
        let _ = stop.send(true);
        let all = u32::try_from(state.capacity.connections).unwrap_or(u32::MAX);
        let _ = timeout(DRAIN_TIMEOUT, places.acquire_many(all)).await;
        let _ = following.await;
        if broken {
            return Err(ServeError::WriterEnded);
        }
        state.db.close().await;
        drop((routes, state));
        // What was left with the writer is written.
        let _ = timeout(DRAIN_TIMEOUT, writer).await;
        drop(folder);
        Ok(())
    }
}

/// Keeps the fleet up with the database, and its history, and rollouts going, until the registry stops.
async fn follow(state: State) {
    let (db, stopping) = (state.db.clone(), state.stopping.clone());
    let driving = rollouts::drive(state.clone());
    let counting = history::keep(state.clone());
    tokio::join!(
        state.fleet.follow(db, stopping, state.output),
        driving,
        counting
    );
}

//! Bearers that were looked up, remembered so that a request costs no SQL: for a minute, and only
//! until any access is taken away. Used by the extractors.
//! Must never remember a bearer that is unknown, nor one across a revocation.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use super::caller::{Caller, Who};
use super::rate::Rate;
use super::scope::Scopes;
use super::secret::Secret;
use crate::db::{self, Access, Db, DbError};
use crate::limits::{SESSION_TTL_MS, SESSIONS_MAX};

/// A bearer that was looked up.
#[derive(Debug)]
pub(crate) struct Session {
    /// Whose it is.
    pub(crate) caller: Caller,
    /// How often it asks.
    pub(crate) rate: Arc<Rate>,
    /// What it is in the database.
    access: Access,
    looked_up_ms: u64,
    /// Revision of the accesses when it was looked up.
    revision: u64,
}

impl Session {
    /// Who makes a request with it.
    pub(crate) fn who(&self, request: String) -> Who {
        Who {
            name: self.caller.audited(),
            request,
            access: self.access,
        }
    }
}

/// What is remembered.
pub(crate) struct Sessions {
    by_secret: RwLock<HashMap<[u8; 32], Arc<Session>>>,
    requests_per_second: NonZeroU32,
}

impl Sessions {
    /// Remembers nothing yet.
    pub(crate) fn new(requests_per_second: NonZeroU32) -> Self {
        Self {
            by_secret: RwLock::default(),
            requests_per_second,
        }
    }

    /// Whose secret it is; `None` where it is nobody's, or ended.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn find(
        &self,
        db: &Db,
        secret: &Secret,
        now_ms: u64,
    ) -> Result<Option<Arc<Session>>, DbError> {
        self.find_hashed(db, secret.sha256(), now_ms).await
    }

    /// As [`Self::find`], by what is kept of the secret: for who has shown it before.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn find_hashed(
        &self,
        db: &Db,
        key: [u8; 32],
        now_ms: u64,
    ) -> Result<Option<Arc<Session>>, DbError> {
        let known = self.known(&key);
        // Before the look-up: what is taken away while it runs makes its result stale.
        let revision = db.revisions().access();
        if let Some(session) = &known
            && session.revision == revision
            && now_ms.abs_diff(session.looked_up_ms) < SESSION_TTL_MS
        {
            let session = Arc::clone(session);
            return Ok(in_force(&session.caller, now_ms).then_some(session));
        }
        let Some(caller) = look_up(db, &key, now_ms).await? else {
            self.forget(&key);
            return Ok(None);
        };
        // One that asks too often does not begin anew because it was looked up again.
        let rate = known.map_or_else(
            || Arc::new(Rate::per_second(self.requests_per_second)),
            |session| Arc::clone(&session.rate),
        );
        let access = match &caller {
            Caller::Token { .. } => Access::Token(key),
            Caller::Node { .. } => Access::Node(key),
        };
        let session = Arc::new(Session {
            access,
            caller,
            rate,
            looked_up_ms: now_ms,
            revision,
        });
        self.remember(key, &session);
        Ok(Some(session))
    }

    fn known(&self, key: &[u8; 32]) -> Option<Arc<Session>> {
        let map = self
            .by_secret
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        map.get(key).map(Arc::clone)
    }

    fn remember(&self, key: [u8; 32], session: &Arc<Session>) {
        let mut map = self
            .by_secret
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if map.len() >= SESSIONS_MAX {
            // Looked up again when they come back.
            map.clear();
        }
        map.insert(key, Arc::clone(session));
    }

    fn forget(&self, key: &[u8; 32]) {
        let mut map = self
            .by_secret
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        map.remove(key);
    }
}

fn in_force(caller: &Caller, now_ms: u64) -> bool {
    match caller {
        Caller::Token { expires_ms, .. } => now_ms < *expires_ms,
        Caller::Node { .. } => true,
    }
}

async fn look_up(db: &Db, key: &[u8; 32], now_ms: u64) -> Result<Option<Caller>, DbError> {
    let mut reader = db.reader().await?;
    let Some(kept) = db::token::by_secret(&mut reader, key).await? else {
        let node = db::node::by_credential(&mut reader, key).await?;
        return node.as_deref().map(node_caller).transpose();
    };
    drop(reader);
    if !kept.in_force(now_ms) {
        return Ok(None);
    }
    let scopes = Scopes::parse(&kept.token.scopes).map_err(|error| DbError::Column {
        column: "scopes",
        reason: error.to_string(),
    })?;
    let key = *key;
    db.write_soon(move |write| Box::pin(async move { db::token::used(write, &key, now_ms).await }));
    Ok(Some(Caller::Token {
        name: kept.token.name,
        scopes,
        expires_ms: kept.token.expires_ms,
        labels: kept.labels,
    }))
}

fn node_caller(name: &str) -> Result<Caller, DbError> {
    match name.parse() {
        Ok(name) => Ok(Caller::Node { name }),
        Err(error) => Err(DbError::Column {
            column: "name",
            reason: format!("{error}"),
        }),
    }
}

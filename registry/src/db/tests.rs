//! The writer on a real file: what is committed together stays apart where it fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use api::registry::{Facts, Outcome, OutcomeKind, Reports, Token};
use payload::digest::Digest;
use tempfile::TempDir;

use super::{Access, Connection, Db, DbError, token};
use crate::fleet::report::{self, Checked};

fn kept(name: &str) -> token::Kept {
    token::Kept {
        token: Token {
            name: name.to_owned(),
            scopes: vec!["read".to_owned()],
            created_ms: 1,
            expires_ms: 100,
            used_ms: None,
            uses_left: None,
            revoked_ms: None,
        },
        labels: BTreeMap::new(),
    }
}

async fn insert(db: &Db, name: &'static str, secret: u8) -> Result<(), DbError> {
    db.write(move |write| {
        Box::pin(async move { token::insert(write, &kept(name), &[secret; 32]).await })
    })
    .await
}

async fn names(connection: &mut Connection) -> Vec<String> {
    let all = token::page(connection, "", 100).await.unwrap();
    all.into_iter().map(|token| token.name).collect()
}

async fn opened() -> (TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let (db, _writer) = Db::open(&folder.path().join("a file?#%.sqlite"))
        .await
        .unwrap();
    (folder, db)
}

#[tokio::test]
async fn a_job_that_fails_takes_nothing_of_those_beside_it() {
    let (_folder, db) = opened().await;
    // At once, so that they are committed together; two of them have one secret.
    let (a, b, c, d) = tokio::join!(
        insert(&db, "a", 1),
        insert(&db, "b", 2),
        insert(&db, "c", 2),
        insert(&db, "d", 3)
    );
    assert!(a.is_ok() && b.is_ok() && c.is_err() && d.is_ok(), "{c:?}");
    assert_eq!(
        names(&mut db.reader().await.unwrap()).await,
        ["a", "b", "d"]
    );
}

#[tokio::test]
async fn what_a_job_wrote_before_it_failed_is_undone_and_announces_nothing() {
    let (_folder, db) = opened().await;
    let before = db.revisions().access();
    let failed: Result<(), DbError> = db
        .write(|write| {
            Box::pin(async move {
                token::insert(write, &kept("half"), &[1; 32]).await?;
                assert!(token::revoke(write, "half", 5).await?);
                Err(DbError::Stopped)
            })
        })
        .await;
    assert!(failed.is_err());
    assert!(names(&mut db.reader().await.unwrap()).await.is_empty());
    assert_eq!(db.revisions().access(), before);
    insert(&db, "whole", 1).await.unwrap();
    let revoked = db
        .write(|write| Box::pin(async move { token::revoke(write, "whole", 5).await }))
        .await;
    assert!(revoked.unwrap());
    assert_eq!(db.revisions().access(), before + 1);
}

#[tokio::test]
async fn the_audit_is_neither_changed_nor_deleted() {
    let (_folder, db) = opened().await;
    let entry = super::audit::Entry {
        at_ms: 1,
        who: "x".to_owned(),
        what: "token.create",
        subject: "y".to_owned(),
        before: None,
        after: None,
        request: "z".to_owned(),
    };
    let added =
        db.write(move |write| Box::pin(async move { super::audit::add(write, &entry).await }));
    added.await.unwrap();
    for sql in ["UPDATE audit SET who = 'w'", "DELETE FROM audit"] {
        let tried: Result<(), DbError> = db
            .write(move |write| {
                Box::pin(async move {
                    let done = sqlx::query(sql).execute(&mut **write).await;
                    done.map(drop)
                        .map_err(|reason| DbError::sql("trying", reason))
                })
            })
            .await;
        assert!(
            tried.unwrap_err().to_string().contains("append-only"),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_reader_can_not_write() {
    let (_folder, db) = opened().await;
    let mut reader = db.reader().await.unwrap();
    let tried = sqlx::query("DELETE FROM token").execute(&mut *reader).await;
    assert!(tried.is_err());
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let (folder, db) = opened().await;
    insert(&db, "kept", 1).await.unwrap();
    db.close().await;
    drop(db);
    let (db, _writer) = Db::open(&folder.path().join("a file?#%.sqlite"))
        .await
        .unwrap();
    assert_eq!(names(&mut db.reader().await.unwrap()).await, ["kept"]);
}

#[tokio::test]
async fn what_follows_a_commit_comes_in_its_order_and_not_after_a_refusal() {
    let (_folder, db) = opened().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let job = |count: u8| {
        let told = Arc::clone(&told);
        db.write(move |write| {
            Box::pin(async move {
                write.then(move || told.lock().unwrap().push(count));
                // Two of them have one secret.
                token::insert(write, &kept(&count.to_string()), &[count % 3; 32]).await
            })
        })
    };
    let (a, b, c, d) = tokio::join!(job(0), job(1), job(2), job(3));
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_err(), "{d:?}");
    assert_eq!(*told.lock().unwrap(), [0, 1, 2]);
}

#[tokio::test]
async fn of_many_accesses_each_is_judged_for_itself() {
    let (_folder, db) = opened().await;
    insert(&db, "token", 9).await.unwrap();
    for (name, secret) in [("a", 1), ("b", 2)] {
        let kept = node(name);
        let done: Result<(), DbError> = db
            .write(move |write| {
                Box::pin(async move { super::node::insert(write, &kept, &[secret; 32]).await })
            })
            .await;
        done.unwrap();
    }
    // More than one statement takes.
    let mut accesses: Vec<Access> = (0..70).map(|_| Access::Node([1; 32])).collect();
    accesses.extend([
        Access::Node([3; 32]),
        Access::Nobody,
        Access::Token([9; 32]),
        Access::Token([2; 32]),
        Access::Node([2; 32]),
    ]);
    let found: Result<Vec<bool>, DbError> = db
        .write_as_each(accesses, 1, |_, in_force| {
            Box::pin(async move { Ok(in_force) })
        })
        .await;
    let found = found.unwrap();
    assert!(found[..70].iter().all(|in_force| *in_force));
    assert_eq!(found[70..], [false, false, true, false, true]);
}

#[tokio::test]
async fn reports_of_many_nodes_are_kept_each_for_its_own() {
    let (_folder, db) = opened().await;
    let names: Vec<String> = (0..70).map(|number| format!("node-{number:02}")).collect();
    let done: Result<(), DbError> = db
        .write(move |write| {
            Box::pin(async move {
                for (secret, name) in (0..).zip(&names) {
                    super::node::insert(write, &node(name), &[secret; 32]).await?;
                }
                let told = names
                    .iter()
                    .map(|name| report::check(reports(name)).unwrap());
                let told: Vec<Checked> = told.collect();
                let mut rows: Vec<(&str, &Checked)> =
                    names.iter().map(String::as_str).zip(&told).collect();
                rows.push(("nobody", &told[0]));
                super::node::report(write, &rows, 7).await?;
                let outcomes = rows.iter().take(70);
                let outcomes: Vec<_> = outcomes
                    .map(|(node, told)| {
                        (*node, &told.reports.outcomes[0], told.outcomes[0].as_str())
                    })
                    .collect();
                super::outcome::add(write, &outcomes).await?;
                // The same again changes nothing.
                super::outcome::add(write, &outcomes).await
            })
        })
        .await;
    done.unwrap();
    let mut reader = db.reader().await.unwrap();
    let all = super::node::all(&mut reader).await.unwrap();
    assert_eq!(all.len(), 70);
    for kept in all {
        assert_eq!((kept.facts.kernel, kept.seen_ms), (kept.node.clone(), 7));
        let before = super::node::before(&mut reader, &[&kept.node])
            .await
            .unwrap();
        assert_eq!(before[&kept.node].outcomes, 1);
        let told = super::outcome::latest(&mut reader, &kept.node, 8)
            .await
            .unwrap();
        assert_eq!(told[0].instance, kept.node);
    }
}

fn node(name: &str) -> super::node::KeptNode {
    super::node::KeptNode {
        node: name.to_owned(),
        facts: Facts::default(),
        instances: Vec::new(),
        labels: BTreeMap::new(),
        enrolled_ms: 1,
        enrolled_by: "token".to_owned(),
        seen_ms: 1,
    }
}

/// What a node tells that has its own name as kernel and as instance.
fn reports(name: &str) -> Reports {
    let outcome = Outcome {
        serial: 1,
        at_ms: 1,
        instance: name.to_owned(),
        kind: OutcomeKind::Started,
        payload: "acme/a".to_owned(),
        version: None,
        digest: Digest::of(name.as_bytes()).to_string(),
        rollout: None,
        staging: false,
        proof: None,
        problem: None,
    };
    Reports {
        facts: Facts {
            kernel: name.to_owned(),
            ..Facts::default()
        },
        instances: Vec::new(),
        outcomes: vec![outcome],
    }
}

/// Keeps a sample of the history: so many nodes run a release.
async fn sampled(db: &Db, at_ms: u64, nodes: u64) {
    let runs = [(("acme/a".to_owned(), "1.0.0".to_owned()), nodes)].into();
    let kept = db.write(move |write| {
        Box::pin(async move { super::history::add(write, at_ms, &runs).await })
    });
    kept.await.unwrap();
}

#[tokio::test]
async fn the_history_gets_thinner_with_age_and_ends_after_a_week() {
    const MINUTE_MS: u64 = 60_000;
    let (_folder, db) = opened().await;
    let start_ms = 1_700_000_000_000 / (10 * MINUTE_MS) * (10 * MINUTE_MS);
    for minute in 0..240 {
        sampled(&db, start_ms + minute * MINUTE_MS, minute).await;
    }
    let kept = async |payload: Option<&'static str>| {
        let mut reader = db.reader().await.unwrap();
        super::history::since(&mut reader, 0, payload)
            .await
            .unwrap()
    };
    // Two hours by the minute, and what is older every ten.
    let samples = kept(None).await;
    assert_eq!(samples.len(), 121 + 12, "{samples:?}");
    assert!(samples.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms));
    let last = samples.last().unwrap();
    assert_eq!(last.runs.values().copied().collect::<Vec<_>>(), [239]);
    // Of another payload there is nothing, which is known.
    let others = kept(Some("acme/b")).await;
    assert_eq!(others.len(), samples.len());
    assert!(others.iter().all(|sample| sample.runs.is_empty()));
    sampled(&db, start_ms + 8 * 24 * 60 * MINUTE_MS, 1).await;
    assert_eq!(kept(None).await.len(), 1);
}

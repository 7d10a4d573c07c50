//! Several at once: one of them is first, and everybody is told the same.

use std::sync::Barrier;
use std::thread;

use crate::fixture::{self, Made, key, made, made_with};
use crate::stage::Registry;

/// Publishes all of them at one moment and gives the statuses.
fn at_once(registry: &Registry, releases: &[Made]) -> Vec<u16> {
    for release in releases {
        let put = registry.put_blob(&registry.admin, &release.digest, &release.file);
        assert!([200, 201].contains(&put.status));
    }
    let barrier = Barrier::new(releases.len());
    thread::scope(|scope| {
        let publish = |release: &Made| {
            barrier.wait();
            let answer = registry.admin("PUT", &release.path(), Some(&release.body()));
            answer.status
        };
        let publishers: Vec<_> = releases
            .iter()
            .map(|release| scope.spawn(move || publish(release)))
            .collect();
        publishers
            .into_iter()
            .map(|one| one.join().unwrap())
            .collect()
    })
}

#[test]
fn of_two_publishers_of_a_version_one_is_first_and_the_other_is_told() {
    let registry = Registry::start();
    registry.trust();
    for round in 0..8 {
        let version = format!("1.{round}.0");
        let with = |text: &str| made_with(fixture::OBJECT, "acme/small", &version, text, &[key(1)]);
        let releases = [with("one"), with("other")];
        let mut statuses = at_once(&registry, &releases);
        let first = statuses.iter().position(|status| *status == 201).unwrap();
        let kept = registry
            .admin("GET", &releases[0].path(), None)
            .expect(200)
            .json();
        assert_eq!(kept["digest"], releases[first].digest.as_str());
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "round {round}");
    }
    let published = registry.audit();
    let published = published
        .iter()
        .filter(|entry| entry["what"] == "release.publish");
    assert_eq!(published.count(), 8);
}

#[test]
fn of_eight_who_publish_the_same_one_makes_it_and_all_have_it() {
    let registry = Registry::start();
    registry.trust();
    let releases = vec![made("1.0.0"); 8];
    let mut statuses = at_once(&registry, &releases);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
}

#[test]
fn the_same_bytes_put_by_eight_at_once_are_kept_once() {
    let registry = Registry::start();
    let release = made("1.0.0");
    let barrier = Barrier::new(8);
    let mut statuses: Vec<u16> = thread::scope(|scope| {
        let put = || {
            barrier.wait();
            registry
                .put_blob(&registry.admin, &release.digest, &release.file)
                .status
        };
        let all: Vec<_> = (0..8).map(|_| scope.spawn(put)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    let path = format!("/blobs/{}", release.digest);
    assert_eq!(
        registry.admin("GET", &path, None).expect(200).body,
        release.file
    );
}

//! Bytes by digest: put, fetched whole and in part, and every way in which they are refused.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::fs::FileExt;
use std::path::Path;

use payload::digest::Digest;
use payload::limits::PAYLOAD_BYTES_MAX;

use crate::client;
use crate::stage::Registry;

/// Blobs of so many bytes are kept in memory whole.
const CACHED: usize = 4 << 20;

/// Bytes that are no two the same in a row.
fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|at| u8::try_from(at * 31 % 251).unwrap())
        .collect()
}

fn put(registry: &Registry, bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    registry
        .put_blob(&registry.admin, &digest, bytes)
        .expect(201);
    digest
}

fn get(registry: &Registry, digest: &str, more: &[(&str, &str)]) -> client::Answer {
    let bearer = format!("Bearer {}", registry.admin);
    let headers = [&[("authorization", bearer.as_str())], more].concat();
    registry.send("GET", &format!("/blobs/{digest}"), &headers, b"")
}

#[test]
fn bytes_come_as_they_were_put_small_and_large() {
    let registry = Registry::start();
    for count in [0, 1, 65_536, (4 << 20) + 1, (9 << 20) + 17] {
        let bytes = bytes(count);
        let digest = put(&registry, &bytes);
        registry
            .put_blob(&registry.admin, &digest, &bytes)
            .expect(200);
        // The second time from memory.
        for _ in 0..2 {
            let answer = get(&registry, &digest, &[]).expect(200);
            assert_eq!(answer.body, bytes);
            assert_eq!(
                answer.header("etag"),
                Some(format!("\"{digest}\"").as_str())
            );
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
            assert_eq!(answer.header("content-type"), Some("application/wasm"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert!(
                answer
                    .header("cache-control")
                    .unwrap()
                    .contains("immutable")
            );
        }
        let head = registry
            .admin("HEAD", &format!("/blobs/{digest}"), None)
            .expect(200);
        assert_eq!(
            head.header("content-length"),
            Some(count.to_string().as_str())
        );
        assert!(head.body.is_empty());
    }
}

#[test]
fn a_part_is_what_was_asked_for() {
    let registry = Registry::start();
    for count in [1000, (5 << 20) + 3] {
        let bytes = bytes(count);
        let digest = put(&registry, &bytes);
        for (range, from, to) in [
            ("bytes=0-0", 0, 1),
            ("bytes=100-", 100, count),
            ("bytes=-7", count - 7, count),
            ("bytes=5-999999999", 5, count),
        ] {
            let answer = get(&registry, &digest, &[("range", range)]).expect(206);
            assert_eq!(answer.body, bytes[from..to], "{range}");
            let told = format!("bytes {from}-{}/{count}", to - 1);
            assert_eq!(answer.header("content-range"), Some(told.as_str()));
        }
        let beyond = get(&registry, &digest, &[("range", "bytes=999999999-")]).expect(416);
        let told = format!("bytes */{count}");
        assert_eq!(beyond.header("content-range"), Some(told.as_str()));
        let tag = format!("\"{digest}\"");
        let same = [("range", "bytes=1-1"), ("if-range", tag.as_str())];
        get(&registry, &digest, &same).expect(206);
        let other = [("range", "bytes=1-1"), ("if-range", "\"other\"")];
        get(&registry, &digest, &other).expect(200);
        get(&registry, &digest, &[("range", "bytes=0-1,5-6")]).expect(200);
        let unchanged = get(&registry, &digest, &[("if-none-match", &tag)]);
        assert_eq!(unchanged.status, 304);
        assert!(unchanged.body.is_empty());
        get(&registry, &digest, &[("if-none-match", "\"other\"")]).expect(200);
    }
}

#[test]
fn bytes_of_another_digest_are_refused_and_nothing_is_kept() {
    let registry = Registry::start();
    let (told, sent) = (Digest::of(b"told").to_string(), b"sent".to_vec());
    let refused = registry.put_blob(&registry.admin, &told, &sent).expect(422);
    assert_eq!(refused.field(), "digest");
    assert!(refused.detail().contains(&told), "{}", refused.detail());
    assert!(refused.detail().contains(&Digest::of(&sent).to_string()));
    get(&registry, &told, &[]).expect(404);
    get(&registry, &Digest::of(&sent).to_string(), &[]).expect(404);
    assert_eq!(files(&registry), 0);
}

#[test]
fn a_name_that_is_no_digest_is_refused() {
    let registry = Registry::start();
    for name in [
        "sha256:",
        "sha256:00",
        "md5:00000000000000000000000000000000",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "sha256:%00",
        "%ff",
        &format!("sha256:{}", "A".repeat(64)),
        &format!("sha256:{}%2f", "a".repeat(64)),
        &"a".repeat(4000),
    ] {
        for method in ["GET", "HEAD", "PUT"] {
            let answer = registry.admin(method, &format!("/blobs/{name}"), None);
            assert_eq!(answer.status, 400, "{method} {name}");
        }
    }
    assert_eq!(files(&registry), 0);
}

#[test]
fn more_bytes_than_a_payload_has_are_refused_before_and_while_they_come() {
    let registry = Registry::start();
    let digest = Digest::of(b"x").to_string();
    let bearer = format!("Bearer {}", registry.admin);
    let declared = (PAYLOAD_BYTES_MAX + 1).to_string();
    let path = format!("/blobs/{digest}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-length", &declared),
    ];
    registry.send("PUT", &path, &headers, b"x").expect(413);
    // Without a length, in pieces.
    let mut stream = client::connect(registry.address).unwrap();
    let head = format!(
        "PUT /api/v1{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {bearer}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let piece = vec![0; 1 << 20];
    for _ in 0..=PAYLOAD_BYTES_MAX >> 20 {
        // It may have said no already.
        let _ = write!(stream, "{:x}\r\n", piece.len());
        let _ = stream.write_all(&piece);
        let _ = stream.write_all(b"\r\n");
    }
    client::read(&mut stream).unwrap().expect(413);
    assert_eq!(files(&registry), 0);
}

#[test]
fn half_an_upload_leaves_nothing() {
    let registry = Registry::start();
    let whole = bytes(100_000);
    let digest = Digest::of(&whole).to_string();
    let bearer = format!("Bearer {}", registry.admin);
    let mut stream = client::connect(registry.address).unwrap();
    let head = format!(
        "PUT /api/v1/blobs/{digest} HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\n\
         content-length: {}\r\n\r\n",
        whole.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&whole[..50_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    if let Ok(answer) = client::read(&mut stream) {
        answer.expect(400);
    }
    get(&registry, &digest, &[]).expect(404);
    assert_eq!(files(&registry), 0);
    put(&registry, &whole);
}

fn flip(file: &Path) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 100).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 100).unwrap();
}

fn cut(file: &Path) {
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(101).unwrap();
}

fn remove(file: &Path) {
    std::fs::remove_file(file).unwrap();
}

#[test]
fn bytes_that_the_disk_changed_are_not_served_and_a_put_mends_them() {
    let mut registry = Registry::start();
    for (count, spoil) in [
        (1000, flip as fn(&Path)),
        (1000, cut),
        (1000, remove),
        ((5 << 20) + 3, flip),
        ((5 << 20) + 3, cut),
        ((5 << 20) + 3, remove),
    ] {
        let bytes = bytes(count);
        let digest = Digest::of(&bytes).to_string();
        let put = registry.put_blob(&registry.admin, &digest, &bytes);
        let file = registry.blob_file(&digest);
        assert!([200, 201].contains(&put.status), "{put:?}");
        // Nothing of it is in memory.
        registry.kill();
        registry.start_again();
        spoil(&file);
        let bearer = format!("Bearer {}", registry.admin);
        let headers = [("authorization", bearer.as_str())];
        let path = format!("/api/v1/blobs/{digest}");
        // A large one is broken off before its end.
        if let Ok(answer) = client::send(registry.address, "GET", &path, &headers, b"") {
            let part = count > CACHED && answer.body.len() < count;
            assert!(answer.status == 500 || part, "{count}: {}", answer.status);
        }
        if count < CACHED {
            // Who publishes asks so whether to send them.
            let head = registry.admin("HEAD", &format!("/blobs/{digest}"), None);
            assert_eq!(head.status, 404);
        }
        registry
            .put_blob(&registry.admin, &digest, &bytes)
            .expect(200);
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
        assert_eq!(get(&registry, &digest, &[]).expect(200).body, bytes);
        let newest = &registry.audit()[0];
        assert_eq!(
            (&newest["what"], &newest["subject"]),
            (&"blob.mend".into(), &digest.into())
        );
    }
}

/// Files below the folder of the blobs.
fn files(registry: &Registry) -> usize {
    let mut count = 0;
    for folder in std::fs::read_dir(registry.data_dir().join("blobs/sha256")).unwrap() {
        count += std::fs::read_dir(folder.unwrap().path()).unwrap().count();
    }
    count
}

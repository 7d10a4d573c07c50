//! How often somebody may ask: told to wait, and for how long; nobody else is.

use payload::digest::Digest;

use crate::stage::Registry;

#[test]
fn a_token_that_asks_too_often_is_told_when_to_come_back() {
    let registry = Registry::start_with(&["--requests-per-second", "1"]);
    let other = registry.token("other", &["read"]);
    let bytes = b"small".to_vec();
    let digest = Digest::of(&bytes).to_string();
    registry
        .put_blob(&registry.admin, &digest, &bytes)
        .expect(201);
    let mut answers = (0..40).map(|_| registry.admin("GET", "/whoami", None));
    let refused = answers
        .find(|answer| answer.status != 200)
        .unwrap()
        .expect(429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    // Neither another token nor a download is.
    registry.ask(&other, "GET", "/whoami", None).expect(200);
    for _ in 0..20 {
        registry
            .admin("GET", &format!("/blobs/{digest}"), None)
            .expect(200);
    }
}

#[test]
fn an_address_that_guesses_is_told_to_wait_and_who_has_a_token_is_not() {
    let registry = Registry::start_with(&["--failures-per-minute", "3"]);
    let guess = |letter: &str| {
        let wrong = format!("marrow_{}", letter.repeat(43));
        registry.ask(&wrong, "GET", "/whoami", None)
    };
    for letter in ["A", "E", "I"] {
        guess(letter).expect(401);
    }
    let refused = guess("M").expect(429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    registry.admin("GET", "/whoami", None).expect(200);
}

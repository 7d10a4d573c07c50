//! TLS between `packer` and the registry.

use super::stage::Stage;

#[test]
fn only_a_registry_that_somebody_vouches_for_hears_the_token() {
    let stage = Stage::secured();
    stage.run(&["whoami", "--ca", "cert.pem"]).done();
    let messages = stage.run(&["whoami"]).failed(3);
    assert!(messages.contains("cannot be trusted"), "{messages}");
    assert!(messages.contains("--ca FILE"), "{messages}");
    // The same certificate under another name is another registry's.
    let port = stage.url().rsplit(':').next().unwrap();
    let other = format!("https://localhost:{port}");
    let messages = stage
        .run(&["whoami", "--ca", "cert.pem", "--registry", &other])
        .failed(3);
    assert!(messages.contains("cannot be trusted"), "{messages}");
}

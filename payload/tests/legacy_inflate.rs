//! Hostile zlib streams in generation 2: bombs, cuts, damage. None inflates further than declared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payload::legacy::read;
use serde_json::{Value, json};

const OBJECT: &[u8] = include_bytes!("golden/legacy/exec.bpf.o");
const GENERATION_2: &str = include_str!("golden/legacy/generation-2.json");

fn refused(document: &str) -> String {
    read(document.as_bytes())
        .expect_err("must be refused")
        .to_string()
}

fn changed(document: &str, key: &str, value: Value) -> String {
    let mut document: Value = serde_json::from_str(document).expect("golden");
    document[key] = value;
    document.to_string()
}

/// A bomb: 64 MiB of zeros in 64 KiB of base64 that declares what it likes.
#[test]
fn inflation_stops_at_the_declared_size_and_at_the_hard_cap() {
    let bomb = json!(STANDARD.encode(deflated(&vec![0; 64 << 20])));
    let bomb = changed(GENERATION_2, "bpf_object", bomb);
    let error = "bpf_object_size: declares 4768 bytes, bpf_object inflates to more than 4768";
    assert_eq!(refused(&bomb), error);
    let error =
        "bpf_object_size: declares 67108864 bytes, bpf_object inflates to more than 8388608";
    assert_eq!(
        refused(&changed(&bomb, "bpf_object_size", json!(64 << 20))),
        error
    );
    let error = "bpf_object_size: declares -1 bytes, bpf_object decodes to 4768";
    let negative = changed(GENERATION_2, "bpf_object_size", json!(-1));
    assert_eq!(refused(&negative), error);
    let huge = changed(GENERATION_2, "bpf_object_size", json!(500_000_000));
    let error = "bpf_object_size: declares 500000000 bytes, bpf_object decodes to 4768";
    assert_eq!(refused(&huge), error);
    let error = "bpf_object_size: declares 4769 bytes, bpf_object decodes to 4768";
    assert_eq!(
        refused(&changed(GENERATION_2, "bpf_object_size", json!(4769))),
        error
    );
    let error = "bpf_object_size: declares 4767 bytes, bpf_object inflates to more than 4767";
    assert_eq!(
        refused(&changed(GENERATION_2, "bpf_object_size", json!(4767))),
        error
    );
}

#[test]
fn a_damaged_zlib_stream_is_refused() {
    let object = |bytes: &[u8]| changed(GENERATION_2, "bpf_object", json!(STANDARD.encode(bytes)));
    let whole = deflated(OBJECT);
    assert_eq!(read(object(&whole).as_bytes()).unwrap().object, OBJECT);
    for cut in (1..whole.len()).step_by(7) {
        let error = refused(&object(&whole[..cut]));
        assert!(
            error.starts_with("bpf_object: does not inflate after"),
            "{cut}: {error}"
        );
    }
    let trailing = [whole.as_slice(), b"xyz"].concat();
    let error = refused(&object(&trailing));
    assert!(
        error.starts_with("bpf_object: has 3 bytes after its zlib stream"),
        "{error}"
    );
    let mut sum = whole.clone();
    *sum.last_mut().unwrap() ^= 1;
    assert!(refused(&object(&sum)).starts_with("bpf_object: does not inflate"));
    assert!(refused(&object(OBJECT)).starts_with("bpf_object: does not inflate after 0 bytes"));
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

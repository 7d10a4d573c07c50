//! The DSSE envelope: a signed statement and its signatures, as JSON (DSSE 1.0.2, envelope.md).
//! Written by `packer`, kept by `registry`, read by `signature::release` and `signature::floor`.
//! Must never alter the signed bytes: they are kept as they came, and checked as they came.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};

use super::key::{KeyId, SigningKey};
use super::pre_authentication_encoding;
use super::statement::Signed;
use crate::limits::{ENVELOPE_BYTES_MAX, SIGNATURES_MAX, STATEMENT_BYTES_MAX};
use crate::name::Excerpt;

/// Why bytes are not an envelope of a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Over a bound of `limits`.
    #[error("envelope: {what}: {found}, at most {max} are allowed")]
    TooLarge {
        /// What is too large; a length in bytes unless it says otherwise.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// The bound.
        max: usize,
    },
    /// Not JSON, or a field that does not fit.
    #[error("envelope field {path}: {reason}")]
    Json {
        /// Where, in the form `signatures[1].sig`.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// A statement about something else.
    #[error("envelope holds {found:?}, it must be {expected:?}")]
    PayloadType {
        /// The type in the envelope.
        found: Excerpt,
        /// The type of the statement that was asked for.
        expected: &'static str,
    },
    /// Base64 that is not in its one spelling: standard alphabet, padded.
    #[error("envelope field {path} is not padded standard base64: {reason}")]
    Base64 {
        /// Which field.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A body that is no statement.
    #[error("signed statement field {path}: {reason}")]
    Statement {
        /// Where in the statement.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// Nobody signed.
    #[error("envelope has no signature")]
    NoSignature,
}

/// The key has signed this envelope before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key {key} has signed this statement already")]
pub struct AlreadySigned {
    /// The key.
    pub key: KeyId,
}

/// Signatures can't be joined: they are over other bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The other envelope holds another statement, or the same one in other bytes.
    #[error("the envelope signs other bytes than the one it is to be joined with")]
    OtherStatement,
    /// Both have a signature that names this key, and the signatures differ: Ed25519 gives one, so
    /// one of them is wrong.
    #[error("key {key} stands in both envelopes with different signatures")]
    Differs {
        /// The key.
        key: KeyId,
    },
    /// Together they are more than an envelope holds.
    #[error("the envelopes have {found} signatures together, at most {max} are allowed")]
    TooMany {
        /// How many.
        found: usize,
        /// The bound.
        max: usize,
    },
}

/// A statement with signatures, none of which has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEnvelope<S> {
    body: Vec<u8>,
    statement: S,
    signatures: Vec<Signature>,
}

/// One signature as it stands in the envelope. The key id only says which key to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) key_text: String,
    pub(super) bytes: Vec<u8>,
}

impl Signature {
    /// The key it names, when it is of this format.
    pub(super) fn key(&self) -> Option<KeyId> {
        self.key_text.parse().ok()
    }
}

#[derive(Serialize, Deserialize)]
struct Json {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<JsonSignature>,
}

#[derive(Serialize, Deserialize)]
struct JsonSignature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

impl<S: Signed> SignedEnvelope<S> {
    /// A statement with its first signature.
    ///
    /// # Errors
    /// [`EnvelopeError::Statement`] when the statement has no JSON form, which none is known to do.
    pub fn sign(statement: &S, key: &SigningKey) -> Result<Self, EnvelopeError> {
        let body = serde_json::to_vec(statement).map_err(|error| EnvelopeError::Statement {
            path: ".".to_owned(),
            reason: error.to_string(),
        })?;
        let mut envelope = Self {
            body,
            statement: statement.clone(),
            signatures: Vec::new(),
        };
        envelope.signatures.push(envelope.signature_of(key));
        Ok(envelope)
    }

    /// Adds the signature of another key.
    ///
    /// # Errors
    /// [`AlreadySigned`] when `key` is among the signers.
    pub fn add(&mut self, key: &SigningKey) -> Result<(), AlreadySigned> {
        let id = key.public().id();
        if self.key_ids().any(|other| other == id) {
            return Err(AlreadySigned { key: id });
        }
        self.signatures.push(self.signature_of(key));
        Ok(())
    }

    fn signature_of(&self, key: &SigningKey) -> Signature {
        Signature {
            key_text: key.public().id().to_string(),
            bytes: key.sign(&self.signed_bytes()).to_vec(),
        }
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError`] with the path of the field and the rule. Fields that DSSE does not know
    /// are ignored, as it demands; signatures are not checked here.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        within("length", bytes.len(), ENVELOPE_BYTES_MAX)?;
        let json: Json =
            parse(bytes).map_err(|(path, reason)| EnvelopeError::Json { path, reason })?;
        if json.payload_type != S::PAYLOAD_TYPE {
            return Err(EnvelopeError::PayloadType {
                found: Excerpt::of(&json.payload_type),
                expected: S::PAYLOAD_TYPE,
            });
        }
        within("payload", json.payload.len(), STATEMENT_BYTES_MAX)?;
        within(
            "number of signatures",
            json.signatures.len(),
            SIGNATURES_MAX,
        )?;
        if json.signatures.is_empty() {
            return Err(EnvelopeError::NoSignature);
        }
        let body = decode_base64(&json.payload, || "payload".to_owned())?;
        let statement =
            parse(&body).map_err(|(path, reason)| EnvelopeError::Statement { path, reason })?;
        let mut signatures = Vec::with_capacity(json.signatures.len());
        for (index, signature) in json.signatures.into_iter().enumerate() {
            let bytes = decode_base64(&signature.sig, || format!("signatures[{index}].sig"))?;
            signatures.push(Signature {
                key_text: signature.keyid,
                bytes,
            });
        }
        Ok(Self {
            body,
            statement,
            signatures,
        })
    }

    /// The envelope as compact JSON. The signed bytes are those that were signed or read.
    ///
    /// # Errors
    /// Whatever [`Envelope::decode`] would refuse, such as one signature too many.
    pub fn encode(&self) -> Result<Vec<u8>, EnvelopeError> {
        let signatures = self.signatures.iter().map(|signature| JsonSignature {
            keyid: signature.key_text.clone(),
            sig: BASE64_STANDARD.encode(&signature.bytes),
        });
        let json = serde_json::to_vec(&Json {
            payload: BASE64_STANDARD.encode(&self.body),
            payload_type: S::PAYLOAD_TYPE.to_owned(),
            signatures: signatures.collect(),
        })
        .map_err(|error| EnvelopeError::Json {
            path: ".".to_owned(),
            reason: error.to_string(),
        })?;
        Self::decode(&json)?;
        Ok(json)
    }

    /// Adds the signatures of another envelope over the very same bytes; gives how many were new.
    ///
    /// # Errors
    /// [`MergeError`]; then this envelope is as it was.
    pub fn merge(&mut self, other: &Self) -> Result<usize, MergeError> {
        if other.body != self.body {
            return Err(MergeError::OtherStatement);
        }
        let mut new: Vec<Signature> = Vec::new();
        for signature in &other.signatures {
            let same_key = |own: &&Signature| own.key_text == signature.key_text;
            let known = self.signatures.iter().chain(&new).find(same_key);
            match (known, signature.key()) {
                (None, _) => new.push(signature.clone()),
                (Some(own), _) if own.bytes == signature.bytes => {}
                (Some(_), Some(key)) => return Err(MergeError::Differs { key }),
                // A key id of another form counts for nothing, twice as well as once.
                (Some(_), None) => {}
            }
        }
        let found = self.signatures.len() + new.len();
        if found > SIGNATURES_MAX {
            let max = SIGNATURES_MAX;
            return Err(MergeError::TooMany { found, max });
        }
        let added = new.len();
        self.signatures.append(&mut new);
        Ok(added)
    }

    /// What the signers say; true only once it was verified against trusted keys.
    #[must_use]
    pub fn unverified_statement(&self) -> &S {
        &self.statement
    }

    /// The keys that the signatures name. Names of other forms than this format's are left out.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.signatures.iter().filter_map(Signature::key)
    }

    pub(super) fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The bytes that every signature is over.
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(S::PAYLOAD_TYPE, &self.body)
    }
}

fn within(what: &'static str, found: usize, max: usize) -> Result<(), EnvelopeError> {
    if found > max {
        Err(EnvelopeError::TooLarge { what, found, max })
    } else {
        Ok(())
    }
}

fn decode_base64(text: &str, path: impl Fn() -> String) -> Result<Vec<u8>, EnvelopeError> {
    BASE64_STANDARD
        .decode(text)
        .map_err(|error| EnvelopeError::Base64 {
            path: path(),
            reason: error.to_string(),
        })
}

/// Parses all of `json` as one value; the error is the field's path and what is wrong there.
fn parse<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, (String, String)> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| (error.path().to_string(), error.into_inner().to_string()))?;
    deserializer
        .end()
        .map_err(|error| (".".to_owned(), error.to_string()))?;
    Ok(value)
}

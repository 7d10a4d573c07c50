//! The keys that a node or registry trusts, and for what. Built by the program from its own
//! configuration. Must never count a key twice, nor count one outside its namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use super::envelope::SignedEnvelope;
use super::key::{KeyId, PublicKey};
use super::statement::Signed;
use crate::limits::TRUSTED_KEYS_MAX;
use crate::name::Namespace;

/// Trusted keys, each with the namespaces it may sign, and how many signatures a namespace needs.
#[derive(Debug, Clone, Default)]
pub struct TrustedKeys {
    keys: BTreeMap<KeyId, Trusted>,
    thresholds: BTreeMap<Namespace, NonZeroU32>,
}

#[derive(Debug, Clone)]
struct Trusted {
    key: PublicKey,
    namespaces: BTreeSet<Namespace>,
}

/// More keys than the bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("more than {max} trusted keys")]
pub struct TooManyKeys {
    /// The bound.
    pub max: usize,
}

/// Why an envelope's signatures do not make its statement true here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTrusted {
    /// A trusted key is named by a signature that it did not make.
    #[error("signature that names key {key} does not hold")]
    Signature {
        /// The key.
        key: KeyId,
    },
    /// Too few keys signed.
    #[error(
        "namespace {namespace} needs {needed} signature(s) by distinct trusted keys, {counted} count\
         {}{}",
        listed("trusted for other namespaces", elsewhere),
        listed("unknown here", unknown)
    )]
    TooFew {
        /// Namespace of the statement's name.
        namespace: Namespace,
        /// How many it needs.
        needed: u32,
        /// How many held and counted.
        counted: usize,
        /// Signers that are trusted, but not for this namespace.
        elsewhere: Vec<KeyId>,
        /// Signers that are not trusted here; their signatures were not checked.
        unknown: Vec<KeyId>,
    },
}

/// `; what: key, key`, or nothing for none.
fn listed(what: &str, keys: &[KeyId]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    format!("; {what}: {}", keys.join(", "))
}

impl TrustedKeys {
    /// Trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts `key` for one more namespace.
    ///
    /// # Errors
    /// [`TooManyKeys`] at the bound of `limits`.
    pub fn trust(&mut self, key: PublicKey, namespace: Namespace) -> Result<(), TooManyKeys> {
        let id = key.id();
        if self.keys.len() >= TRUSTED_KEYS_MAX && !self.keys.contains_key(&id) {
            return Err(TooManyKeys {
                max: TRUSTED_KEYS_MAX,
            });
        }
        let entry = self.keys.entry(id);
        let trusted = entry.or_insert_with(|| Trusted {
            key,
            namespaces: BTreeSet::new(),
        });
        trusted.namespaces.insert(namespace);
        Ok(())
    }

    /// Demands `signatures` by distinct keys for a namespace; 1 where nothing is said.
    pub fn require(&mut self, namespace: Namespace, signatures: NonZeroU32) {
        self.thresholds.insert(namespace, signatures);
    }

    /// Checks an envelope and gives the distinct keys whose signatures counted.
    ///
    /// # Errors
    /// [`NotTrusted::Signature`] when any signature of a trusted key is wrong, even where the
    /// others would be enough: somebody altered the envelope. [`NotTrusted::TooFew`] otherwise.
    pub fn signers<S: Signed>(
        &self,
        envelope: &SignedEnvelope<S>,
    ) -> Result<BTreeSet<KeyId>, NotTrusted> {
        let namespace = envelope.unverified_statement().name().to_namespace();
        let signed = envelope.signed_bytes();
        let (mut counted, mut elsewhere, mut unknown) = (BTreeSet::new(), vec![], vec![]);
        for signature in envelope.signatures() {
            let Some(id) = signature.key() else { continue };
            let Some(trusted) = self.keys.get(&id) else {
                unknown.push(id);
                continue;
            };
            if !trusted.key.signed(&signed, &signature.bytes) {
                return Err(NotTrusted::Signature { key: id });
            }
            if trusted.namespaces.contains(&namespace) {
                counted.insert(id);
            } else {
                elsewhere.push(id);
            }
        }
        let needed = self
            .thresholds
            .get(&namespace)
            .map_or(1, |needed| needed.get());
        if counted.len() < usize::try_from(needed).unwrap_or(usize::MAX) {
            let counted = counted.len();
            return Err(NotTrusted::TooFew {
                namespace,
                needed,
                counted,
                elsewhere,
                unknown,
            });
        }
        Ok(counted)
    }
}

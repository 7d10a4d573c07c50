//! Checks what is published against the keys that this registry trusts, and computes what is kept
//! beside it. Called by the routes, off the async threads. Pure.
//! Must never believe a publisher's word where the bytes can be asked.

use std::collections::BTreeSet;

use api::registry::TrustedKey;
use payload::digest::Digest;
use payload::file::{self, Contents, EncodeError};
use payload::name::{Namespace, PayloadName, Version};
use payload::object::{BakeError, Object, Setting, SettingError, bake};
use payload::signature::{
    EnvelopeError, KeyError, KeyId, NotTrusted, PublicKey, TooManyKeys, TrustedKeys, Unverified,
    UnverifiedFloor, VerifiedFloor, VerifyError,
};
use payload::unsigned::{Unsigned, UnsignedError};
use serde_json::Value;
use thiserror::Error;

/// Why something is not published.
#[derive(Debug, Error)]
pub(crate) enum PublishError {
    /// The envelope, its signatures or the file break a rule.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The envelope of a floor is none.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The signatures of a floor do not suffice.
    #[error(transparent)]
    NotTrusted(#[from] NotTrusted),
    /// The envelope is about something else than the request.
    #[error("the signed {what} is {signed}, the request is about {asked}")]
    Claim {
        /// Name, version or digest.
        what: &'static str,
        /// In the envelope.
        signed: String,
        /// In the request.
        asked: String,
    },
    /// A signature that could not be checked: nodes would refuse the envelope if it were wrong.
    #[error(
        "a signature names key {key}, which this registry does not trust for namespace \
         {namespace}: add the key first, or publish without that signature"
    )]
    Unchecked {
        /// The key.
        key: KeyId,
        /// The namespace of the payload.
        namespace: Namespace,
    },
    /// Legacy input breaks a rule.
    #[error(transparent)]
    Unsigned(#[from] UnsignedError),
    /// A value that legacy input gives to a variable does not fit it.
    #[error("{path}: {reason}")]
    Setting {
        /// Where in the JSON.
        path: String,
        /// What is wrong.
        reason: Box<SettingError>,
    },
    /// Such a value has no place in the object.
    #[error(transparent)]
    Bake(#[from] BakeError),
    /// Legacy input has no form as a payload.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A key of this registry's own table.
    #[error("trusted key {key}: {reason}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl PublishError {
    /// The field of the request that is at fault; `None` where it is the registry.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Verify(VerifyError::File(_) | VerifyError::TooLong { .. }) => Some("digest"),
            Self::Verify(_)
            | Self::Envelope(_)
            | Self::NotTrusted(_)
            | Self::Claim { .. }
            | Self::Unchecked { .. } => Some("envelope"),
            Self::Unsigned(_) | Self::Setting { .. } | Self::Bake(_) | Self::Encode(_) => Some("."),
            Self::Key { .. } => None,
        }
    }

    /// Whether it would do if the registry knew more keys.
    pub(crate) fn is_stranger(&self) -> bool {
        matches!(
            self,
            Self::Unchecked { .. }
                | Self::NotTrusted(NotTrusted::TooFew { .. })
                | Self::Verify(VerifyError::NotTrusted(NotTrusted::TooFew { .. }))
        )
    }
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The payload.
    pub(crate) name: PayloadName,
    /// The version.
    pub(crate) version: Version,
    /// The bytes.
    pub(crate) digest: Digest,
}

/// What is kept beside a release.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Computed {
    /// Keys whose signatures were checked.
    pub(crate) signers: Vec<String>,
    /// The manifest.
    pub(crate) manifest: Value,
    /// Its description.
    pub(crate) description: Option<String>,
    /// What the programs could do, in words.
    pub(crate) privileges: Vec<String>,
}

/// The keys of this registry's table as those that are trusted.
///
/// # Errors
/// A row that is no key, or too many.
pub(crate) fn trusted(keys: &[TrustedKey]) -> Result<TrustedKeys, PublishError> {
    let mut trusted = TrustedKeys::new();
    for key in keys {
        let failed = |reason: String| PublishError::Key {
            key: key.key.clone(),
            reason,
        };
        let public = PublicKey::from_pem(key.pem.as_bytes())
            .map_err(|error: KeyError| failed(error.to_string()))?;
        for namespace in &key.namespaces {
            let namespace = namespace
                .parse()
                .map_err(|error: payload::name::NameError| failed(error.to_string()))?;
            trusted
                .trust(public, namespace)
                .map_err(|error: TooManyKeys| failed(error.to_string()))?;
        }
    }
    Ok(trusted)
}

/// Checks a file and its envelope against the keys and the request.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn signed(
    file: Vec<u8>,
    envelope: &[u8],
    keys: &TrustedKeys,
    asked: &Asked,
) -> Result<Computed, PublishError> {
    let release = Unverified::decode(file, envelope)?;
    same("name", release.name(), &asked.name)?;
    same("version", release.version(), &asked.version)?;
    same("digest", release.digest(), &asked.digest)?;
    let named: Vec<KeyId> = release.key_ids().collect();
    let verified = release.verify(keys)?;
    all_checked(&named, verified.signers(), &asked.name)?;
    let contents = verified.contents();
    let objects = contents.objects.iter();
    let inspected = objects.filter_map(|object| verified.inspected_for(object.arch));
    let privileges = privileges(inspected);
    let signers = verified.signers().iter().map(KeyId::to_string).collect();
    computed(contents, signers, privileges)
}

/// Checks the envelope of a floor against the keys and the payload's name.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn floor(
    envelope: &[u8],
    keys: &TrustedKeys,
    name: &PayloadName,
) -> Result<VerifiedFloor, PublishError> {
    let floor = UnverifiedFloor::decode(envelope)?;
    same("name", floor.name(), name)?;
    let named: Vec<KeyId> = floor.key_ids().collect();
    let verified = floor.verify(keys)?;
    all_checked(&named, verified.signers(), name)?;
    Ok(verified)
}

/// Legacy JSON as a payload file under a name and a version of its own.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn legacy(
    json: &[u8],
    name: &PayloadName,
    version: &Version,
) -> Result<(Vec<u8>, Computed), PublishError> {
    let unsigned = settled(Unsigned::from_legacy(json)?)?;
    let privileges = privileges([unsigned.inspected()]);
    let mut contents = unsigned.into_contents();
    contents.manifest.name = name.clone();
    contents.manifest.version = version.clone();
    let file = file::encode(&contents)?;
    Ok((file, computed(&contents, Vec::new(), privileges)?))
}

/// The same with the values that the JSON gives to variables written into its object: a payload
/// file carries none beside it.
fn settled(unsigned: Unsigned) -> Result<Unsigned, PublishError> {
    if unsigned.presets().is_empty() {
        return Ok(unsigned);
    }
    let object = unsigned.inspected();
    let settings = unsigned.presets().iter().map(|preset| {
        let set = object.set(&preset.section, &preset.variable, &preset.value);
        set.map_err(|reason| PublishError::Setting {
            path: preset.path.clone(),
            reason: Box::new(reason),
        })
    });
    let settings: Vec<Setting> = settings.collect::<Result<_, _>>()?;
    let contents = unsigned.contents();
    // Legacy JSON has one object.
    let bytes = contents.objects.first().map(|one| one.bytes.as_slice());
    let baked = bake(bytes.unwrap_or_default(), &settings)?;
    Ok(Unsigned::from_object(&contents.manifest.name, &baked)?)
}

fn same<T: PartialEq + ToString>(
    what: &'static str,
    signed: &T,
    asked: &T,
) -> Result<(), PublishError> {
    if signed == asked {
        return Ok(());
    }
    Err(PublishError::Claim {
        what,
        signed: signed.to_string(),
        asked: asked.to_string(),
    })
}

fn all_checked(
    named: &[KeyId],
    signers: &BTreeSet<KeyId>,
    name: &PayloadName,
) -> Result<(), PublishError> {
    match named.iter().find(|key| !signers.contains(key)) {
        None => Ok(()),
        Some(key) => Err(PublishError::Unchecked {
            key: *key,
            namespace: name.to_namespace(),
        }),
    }
}

fn privileges<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Vec<String> {
    let all: BTreeSet<_> = objects.into_iter().flat_map(Object::privileges).collect();
    let words = all
        .into_iter()
        .map(|privilege| privilege.words().to_owned());
    words.collect()
}

fn computed(
    contents: &Contents,
    signers: Vec<String>,
    privileges: Vec<String>,
) -> Result<Computed, PublishError> {
    let manifest = serde_json::to_value(&contents.manifest).map_err(|error| PublishError::Key {
        key: "manifest".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Computed {
        signers,
        manifest,
        description: contents.manifest.description.clone(),
        privileges,
    })
}

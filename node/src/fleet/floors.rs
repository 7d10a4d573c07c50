//! Floors that this node holds: a publisher's signed word that older versions must not run.
//! Asked before everything that a registry wants; kept on disk for ever.
//! Must never be lowered by who has no key, by an older word, or by forgetting.

use std::collections::BTreeMap;

use payload::name::{PayloadName, Version};
use payload::signature::{TrustedKeys, UnverifiedFloor, Verified};
use serde::{Deserialize, Serialize};

/// Most payloads that a node holds a floor for, and most floors of one answer that it looks at. None
/// that is held is given up for another.
pub(super) const FLOORS_MAX: usize = 4096;

/// What is held about one payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Held {
    /// The oldest version that may run.
    pub(crate) minimum_version: Version,
    /// Counts up with each floor of the payload.
    pub(crate) serial: u64,
    /// The envelope that it was read from, for whoever asks why.
    envelope: String,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Floors(BTreeMap<PayloadName, Held>);

/// What became of floors that a registry told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Absorbed {
    /// Whether anything is different.
    pub(crate) changed: bool,
    /// Why some were not taken.
    pub(crate) refused: Vec<String>,
}

/// A version of a verified payload that no floor rules out.
#[derive(Debug)]
pub(crate) struct AboveFloor(());

/// A version that is below the floor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{payload} {version} is below the floor {minimum_version} (serial {serial})")]
pub(crate) struct BelowFloor {
    /// The payload.
    pub(crate) payload: PayloadName,
    /// The version that was to run.
    pub(crate) version: Box<Version>,
    /// The oldest that may.
    pub(crate) minimum_version: Box<Version>,
    /// Of the floor.
    pub(crate) serial: u64,
}

impl Floors {
    /// Takes in what a registry tells: what enough of `keys` signed and is newer than what is held.
    pub(crate) fn absorb(&mut self, envelopes: &[String], keys: &TrustedKeys) -> Absorbed {
        let mut absorbed = Absorbed::default();
        let beyond = envelopes.len().saturating_sub(FLOORS_MAX);
        for envelope in envelopes.iter().take(FLOORS_MAX) {
            match self.absorb_one(envelope, keys) {
                Ok(changed) => absorbed.changed |= changed,
                Err(reason) => absorbed.refused.push(reason),
            }
        }
        if beyond > 0 {
            let reason = format!("{beyond} more than {FLOORS_MAX}, the most, were not looked at");
            absorbed.refused.push(reason);
        }
        absorbed
    }

    fn absorb_one(&mut self, envelope: &str, keys: &TrustedKeys) -> Result<bool, String> {
        let unverified =
            UnverifiedFloor::decode(envelope.as_bytes()).map_err(|error| error.to_string())?;
        let name = unverified.name().clone();
        // Its claim is enough to know that it could change nothing.
        if self
            .0
            .get(&name)
            .is_some_and(|held| unverified.serial() < held.serial || held.envelope == envelope)
        {
            return Ok(false);
        }
        let verified = unverified
            .verify(keys)
            .map_err(|error| format!("{name}: {error}"))?;
        let floor = verified.statement();
        let newer = self.0.get(&name).is_none_or(|held| {
            let more = (floor.serial, &floor.minimum_version);
            more > (held.serial, &held.minimum_version)
        });
        if !newer {
            return Ok(false);
        }
        if self.0.len() >= FLOORS_MAX && !self.0.contains_key(&name) {
            return Err(format!("{name}: {FLOORS_MAX} are held, the most"));
        }
        let held = Held {
            minimum_version: floor.minimum_version.clone(),
            serial: floor.serial,
            envelope: envelope.to_owned(),
        };
        self.0.insert(name, held);
        Ok(true)
    }

    /// Lets a verified release pass.
    ///
    /// # Errors
    /// It is below its payload's floor.
    pub(crate) fn admit(&self, release: &Verified) -> Result<AboveFloor, BelowFloor> {
        let statement = release.statement();
        match self.0.get(&statement.name) {
            Some(held) if statement.version < held.minimum_version => Err(BelowFloor {
                payload: statement.name.clone(),
                version: Box::new(statement.version.clone()),
                minimum_version: Box::new(held.minimum_version.clone()),
                serial: held.serial,
            }),
            _ => Ok(AboveFloor(())),
        }
    }

    /// What is held, by payload.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PayloadName, &Held)> {
        self.0.iter()
    }

    /// The oldest version that may run, by payload.
    pub(crate) fn minimums(&self) -> BTreeMap<PayloadName, Version> {
        let minimum =
            |(name, held): (&PayloadName, &Held)| (name.clone(), held.minimum_version.clone());
        self.0.iter().map(minimum).collect()
    }
}

#[cfg(test)]
mod tests {
    use payload::signature::{FloorStatement, SignedEnvelope, SigningKey};

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn keys(seed: u8) -> TrustedKeys {
        let mut keys = TrustedKeys::new();
        keys.trust(key(seed).public(), "acme".parse().unwrap())
            .unwrap();
        keys
    }

    fn envelope(name: &str, minimum: &str, serial: u64, seed: u8) -> String {
        let statement = FloorStatement {
            name: name.parse().unwrap(),
            minimum_version: minimum.parse().unwrap(),
            serial,
        };
        let envelope = SignedEnvelope::sign(&statement, &key(seed)).unwrap();
        String::from_utf8(envelope.encode().unwrap()).unwrap()
    }

    fn minimum(floors: &Floors) -> Option<String> {
        let minimums = floors.minimums();
        let found = minimums.get(&"acme/a".parse().unwrap());
        found.map(ToString::to_string)
    }

    #[test]
    fn only_a_newer_word_of_a_trusted_key_moves_a_floor() {
        let mut floors = Floors::default();
        let mut tell = |version: &str, serial, seed| {
            let told = [envelope("acme/a", version, serial, seed)];
            let absorbed = floors.absorb(&told, &keys(1));
            let now = minimum(&floors).unwrap_or_default();
            (absorbed.changed, absorbed.refused.len(), now)
        };
        assert_eq!(
            tell("9.0.0", 9, 2),
            (false, 1, String::new()),
            "another key"
        );
        assert_eq!(tell("2.0.0", 5, 1), (true, 0, "2.0.0".to_owned()));
        assert_eq!(tell("2.0.0", 5, 1), (false, 0, "2.0.0".to_owned()), "again");
        assert_eq!(
            tell("3.0.0", 4, 1),
            (false, 0, "2.0.0".to_owned()),
            "an older one"
        );
        assert_eq!(
            tell("1.0.0", 5, 1),
            (false, 0, "2.0.0".to_owned()),
            "of one serial the higher"
        );
        assert_eq!(tell("2.5.0", 5, 1), (true, 0, "2.5.0".to_owned()));
        assert_eq!(
            tell("1.0.0", 6, 2),
            (false, 1, "2.5.0".to_owned()),
            "unsigned never lowers"
        );
        assert_eq!(
            tell("2.1.0", 6, 1),
            (true, 0, "2.1.0".to_owned()),
            "the publisher may"
        );
    }

    #[test]
    fn what_is_no_floor_is_told_and_holds_up_no_other() {
        let mut floors = Floors::default();
        let told = ["{}".to_owned(), envelope("acme/a", "2.0.0", 1, 1)];
        let absorbed = floors.absorb(&told, &keys(1));
        assert!(absorbed.changed && absorbed.refused.len() == 1);
        let other = envelope("other/a", "2.0.0", 1, 1);
        let absorbed = floors.absorb(&[other], &keys(1));
        assert_eq!(absorbed.refused.len(), 1, "a key outside of its namespaces");
    }

    #[test]
    fn floors_beyond_the_bound_are_told_and_those_before_are_taken() {
        let mut floors = Floors::default();
        let mut told = vec![envelope("acme/a", "2.0.0", 1, 1); FLOORS_MAX];
        told.push(envelope("acme/b", "2.0.0", 1, 1));
        told.push("{}".to_owned());
        let absorbed = floors.absorb(&told, &keys(1));
        assert!(
            absorbed.changed && absorbed.refused.len() == 1,
            "{absorbed:?}"
        );
        assert!(absorbed.refused[0].starts_with("2 more than 4096"));
        assert_eq!(floors.minimums().len(), 1);
    }

    #[test]
    fn a_floor_survives_the_disk_and_the_key_that_signed_it() {
        let mut floors = Floors::default();
        floors.absorb(&[envelope("acme/a", "2.0.0", 5, 1)], &keys(1));
        let json = serde_json::to_vec(&floors).unwrap();
        let mut floors: Floors = serde_json::from_slice(&json).unwrap();
        assert_eq!(minimum(&floors).as_deref(), Some("2.0.0"));
        floors.absorb(&[envelope("acme/a", "1.0.0", 9, 1)], &keys(2));
        assert_eq!(minimum(&floors).as_deref(), Some("2.0.0"));
    }
}

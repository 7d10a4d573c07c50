//! What a node tells when it begins to follow a registry, and which step is missing.
//! Told by the driver. Must never hold a token or a credential.

use super::FleetConfig;
use super::machine::Phase;

/// The lines of the journal.
pub(super) fn told(config: &FleetConfig, keys: usize, phase: Phase) -> Vec<String> {
    let (url, folder) = (&config.registry.url, config.trusted_keys.display());
    let mut lines = vec![format!("following {url}, {} in {folder}", trusted(keys))];
    lines.extend(missing(keys, phase).map(str::to_owned));
    lines
}

/// So many trusted keys, in words.
pub(super) fn trusted(keys: usize) -> String {
    let s = if keys == 1 { "" } else { "s" };
    format!("{keys} trusted key{s}")
}

fn missing(keys: usize, phase: Phase) -> impl Iterator<Item = &'static str> {
    let unenrolled = (phase == Phase::Unenrolled).then_some(
        "not enrolled: `packer token new NAME --scope enrol` makes a token, `node enrol` gives it \
         for a credential",
    );
    let untrusting =
        (keys == 0).then_some("no key is trusted: nothing signed from the registry will run");
    unenrolled.into_iter().chain(untrusting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_and_nothing_else() {
        let count = |keys, phase| missing(keys, phase).count();
        assert_eq!(count(0, Phase::Unenrolled), 2);
        assert_eq!(count(1, Phase::Enrolled), 0);
        assert_eq!(count(1, Phase::Enrolling), 0);
        assert!(missing(2, Phase::Unenrolled).all(|line| line.contains("node enrol")));
        assert!(missing(0, Phase::Enrolled).all(|line| line.starts_with("no key")));
    }

    #[test]
    fn one_key_is_one() {
        assert_eq!(trusted(0), "0 trusted keys");
        assert_eq!(trusted(1), "1 trusted key");
        assert_eq!(trusted(2), "2 trusted keys");
    }
}

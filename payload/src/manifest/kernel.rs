//! A kernel's version as far as compatibility needs it: major and minor.
//! Used by the manifest and by nodes that compare it with their own.
//! Must never read more than two numbers: patch levels of distributions say nothing.

use std::fmt;
use std::str::FromStr;

use crate::by_text::serde_by_text;
use crate::name::Excerpt;

/// Major and minor number of a kernel, such as 5.15. Ordered as kernels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelVersion {
    /// 5 in 5.15.
    pub major: u16,
    /// 15 in 5.15.
    pub minor: u16,
}

/// A text that is not two numbers with a dot between.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("kernel version {found:?} is not of the form 5.15: two numbers without leading zeros")]
pub struct KernelVersionError {
    /// What was given.
    pub found: Excerpt,
}

impl FromStr for KernelVersion {
    type Err = KernelVersionError;

    fn from_str(text: &str) -> Result<Self, KernelVersionError> {
        let wrong = || KernelVersionError {
            found: Excerpt::of(text),
        };
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let number = |digits: &str| digits.parse::<u16>().map_err(|_| wrong());
        let version = Self {
            major: number(major)?,
            minor: number(minor)?,
        };
        // Only one spelling: no plus sign, no leading zero.
        if version.to_string() == text {
            Ok(version)
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

serde_by_text!(KernelVersion);

#[cfg(test)]
mod tests {
    use super::KernelVersion;

    #[test]
    fn kernel_versions_order_as_kernels_do() {
        let version = |text: &str| text.parse::<KernelVersion>().unwrap();
        assert!(version("5.4") < version("5.15"));
        assert!(version("5.15") < version("6.1"));
    }

    #[test]
    fn kernel_version_has_one_spelling() {
        for text in [
            "", "5", "5.", ".5", "5.15.3", "05.1", "+5.1", "5.015", "5.70000", "5.15-rc1",
        ] {
            assert!(
                text.parse::<KernelVersion>().is_err(),
                "{text:?} was accepted"
            );
        }
    }
}

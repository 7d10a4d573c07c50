//! Packages of any of Debian's suites, by an apt that has lists, sources and keys of its own.
//! Called by `kernel`. Must never touch the machine's apt, nor take what is not signed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{run, setup};

/// What Debian's own archive calls itself in what it signs.
const ARCHIVE: &str = "Debian|Debian|";
/// The package with the keys that suites are signed with.
const KEYRING: &str = "debian-archive-keyring";
/// Where it has them.
const KEYRING_FILE: &str = "usr/share/keyrings/debian-archive-keyring.gpg";
/// What the packages of kernels for clouds end with, and the one that names the newest.
const META: &str = "linux-image-cloud-amd64";
const FLAVOUR: &str = "-cloud-amd64";
/// The packages that one kernel may be cut into.
const PARTS: [&str; 4] = [
    "linux-image-",
    "linux-base-",
    "linux-binary-",
    "linux-modules-",
];

/// One suite, with its lists as they are now.
pub(super) struct Suite {
    name: &'static str,
    configuration: PathBuf,
}

impl Suite {
    /// Fetches the lists of a suite into `folder`, which is made for this.
    ///
    /// # Errors
    /// When the machine's apt knows no archive of Debian, or the lists cannot be had or verified.
    pub(super) fn open(name: &'static str, folder: &Path) -> Result<Self> {
        let keys = folder.join("keys");
        for needed in ["lists/partial", "cache/archives/partial", "keys"] {
            std::fs::create_dir_all(folder.join(needed))?;
        }
        keyring(folder, &keys)?;
        run::write(&folder.join("status"), b"")?;
        let source = format!("deb {} {name} main\n", mirror()?);
        run::write(&folder.join("sources.list"), source.as_bytes())?;
        let configuration = folder.join("apt.conf");
        run::write(&configuration, configured(folder)?.as_bytes())?;
        let suite = Self {
            name,
            configuration,
        };
        run::captured(suite.apt("apt-get").arg("update"))?;
        Ok(suite)
    }

    /// The release of the newest kernel for clouds, and the packages that it consists of.
    ///
    /// # Errors
    /// When the suite has none.
    pub(super) fn newest(&self) -> Result<(String, Vec<String>)> {
        let images = kernels(&self.depends(META)?);
        let release = images
            .iter()
            .find_map(|package| package.strip_prefix(PARTS[0]))
            .with_context(|| format!("{META} of {} names no kernel", self.name))?
            .to_owned();
        let image = format!("{}{release}", PARTS[0]);
        let mut packages = kernels(&self.depends(&image)?);
        packages.retain(|package| package.ends_with(&format!("-{release}")));
        packages.push(image);
        Ok((release, packages))
    }

    /// Downloads packages and unpacks them into `root`; apt verifies each against the signed lists.
    ///
    /// # Errors
    /// When one of them cannot be had, verified or unpacked.
    pub(super) fn unpack(&self, packages: &[String], folder: &Path, root: &Path) -> Result<()> {
        let mut apt = self.apt("apt-get");
        apt.arg("download").args(packages).current_dir(folder);
        run::captured(&mut apt)?;
        for package in packages {
            unpack(package, folder, root)?;
        }
        Ok(())
    }

    /// What a package needs to be installed.
    fn depends(&self, package: &str) -> Result<String> {
        let mut apt = self.apt("apt-cache");
        apt.args(["depends", "--important", package]);
        run::captured(&mut apt)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = run::command(program);
        command.arg("-qq").arg("-c").arg(&self.configuration);
        command.env("LC_ALL", "C");
        command
    }
}

/// Read after the machine's own configuration, of which proxies and passwords stay.
fn configured(folder: &Path) -> Result<String> {
    let folder = folder.to_str().context("apt takes no such path")?;
    if folder.contains(['"', '\n', '\\']) {
        bail!("apt takes no path with quotes: {folder}");
    }
    Ok(format!(
        r#"// The machine's hooks are not for what happens here.
#clear APT::Update;
#clear DPkg;
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "{folder}/keys";
APT::Architecture "amd64";
#clear APT::Architectures;
APT::Architectures "amd64";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::Languages "none";
// Else a mirror that does not answer is a warning.
APT::Update::Error-Mode "any";
// Another user may be unable to look into this folder.
APT::Sandbox::User "";
"#
    ))
}

/// Where this machine gets Debian from.
fn mirror() -> Result<String> {
    setup::lists()?;
    let format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
    let mut apt = run::command("apt-get");
    apt.args(["indextargets", "--format", format, "Identifier: Packages"]);
    let known = run::captured(&mut apt)?;
    known
        .lines()
        .find_map(|line| line.strip_prefix(ARCHIVE))
        .map(str::to_owned)
        .context("none of this machine's package sources is Debian's archive")
}

/// Puts the archive's keys into `keys`: those of the newest keyring that this machine's own suite
/// has, verified with what the machine trusts, since younger suites have younger keys.
fn keyring(folder: &Path, keys: &Path) -> Result<()> {
    setup::download(KEYRING, folder)?;
    let root = folder.join("keyring");
    unpack(KEYRING, folder, &root)?;
    let file = root.join(KEYRING_FILE);
    std::fs::copy(&file, keys.join("archive.gpg"))
        .with_context(|| format!("no {KEYRING_FILE} in the package {KEYRING}"))?;
    Ok(())
}

/// Unpacks the file of a package that lies in `folder`.
fn unpack(package: &str, folder: &Path, root: &Path) -> Result<()> {
    let begin = format!("{package}_");
    let file = std::fs::read_dir(folder)?
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with(&begin))
        .with_context(|| format!("apt-get downloaded no {package}"))?;
    let mut dpkg = run::command("dpkg-deb");
    run::captured(dpkg.arg("-x").arg(file.path()).arg(root)).map(drop)
}

/// The packages of kernels among what `apt-cache depends` prints.
fn kernels(depends: &str) -> Vec<String> {
    depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .filter(|package| package.ends_with(FLAVOUR))
        .filter(|package| {
            let release = PARTS.iter().find_map(|part| package.strip_prefix(part));
            release.is_some_and(|release| release.starts_with(|c: char| c.is_ascii_digit()))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_of_one_kernel_are_taken() {
        let depends = "linux-image-7.3.4+deb13-cloud-amd64\n  PreDepends: linux-base\n \
                       |Depends: <dracut>\n  Depends: linux-base-cloud-amd64\n  \
                       Depends: linux-binary-7.3.4+deb13-cloud-amd64\n  Depends: linux-base\n";
        assert_eq!(kernels(depends), ["linux-binary-7.3.4+deb13-cloud-amd64"]);
    }

    #[test]
    fn a_path_that_would_end_a_string_is_refused() {
        assert!(configured(Path::new("/a\"b")).is_err());
        let text = configured(Path::new("/a b")).unwrap();
        assert!(text.contains("Dir::Etc::trustedparts \"/a b/keys\";"));
    }
}

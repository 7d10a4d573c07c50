//! The kernel's own BTF, parsed once, and the cut of it that each object needs.
//! Used by the engine while it prepares. Why: parsing 5 MB of BTF is nearly all of the time that
//! loading a CO-RE object takes, and an object needs a few dozen types of it.

use std::collections::VecDeque;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use payload::btf::Btf;
use payload::btf::cut::{Cut, cut};
use payload::digest::Digest;
use payload::object::Object;

use super::sys;

/// Where the kernel shows its BTF.
pub(crate) const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";
/// Cuts that are kept; the oldest goes first. One is some kilobytes.
const CUTS_MAX: usize = 64;

/// The kernel's BTF and the cuts made of it.
#[derive(Default)]
pub(crate) struct Vmlinux {
    btf: OnceLock<Option<Btf>>,
    cuts: Mutex<VecDeque<(Digest, Option<Arc<CutFile>>)>>,
}

/// A cut in an anonymous file, since libbpf takes it by path.
pub(crate) struct CutFile {
    file: OwnedFd,
}

impl CutFile {
    fn new(bytes: &[u8]) -> io::Result<Self> {
        const NAME: &CStr = c"marrow_btf";
        let mut file = File::from(sys::memory_file(NAME)?);
        file.write_all(bytes)?;
        Ok(Self { file: file.into() })
    }

    /// The path under which this process reaches it.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }
}

impl Vmlinux {
    /// Reads the kernel's BTF now, so that the first load does not wait for it.
    pub(crate) fn warm(&self) {
        let _parsed = self.btf();
    }

    /// The cut for an object, made now or kept from before; `None` where libbpf must read the
    /// kernel's whole BTF itself: the object asks for what a cut can't answer, or the kernel shows
    /// no BTF and libbpf's own words will say so.
    ///
    /// # Errors
    /// Where the machine gives no memory file.
    pub(crate) fn cut_for(
        &self,
        digest: &Digest,
        object: &Object,
    ) -> io::Result<Option<Arc<CutFile>>> {
        let lock = || self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, kept)) = lock().iter().find(|(of, _)| of == digest) {
            return Ok(kept.clone());
        }
        let Some(btf) = self.btf() else {
            return Ok(None);
        };
        let made = match cut(object, btf) {
            Cut::Small(bytes) => Some(Arc::new(CutFile::new(&bytes)?)),
            Cut::Unneeded | Cut::Full(_) => None,
        };
        let mut cuts = lock();
        if cuts.len() == CUTS_MAX {
            cuts.pop_front();
        }
        cuts.push_back((*digest, made.clone()));
        Ok(made)
    }

    fn btf(&self) -> Option<&Btf> {
        self.btf
            .get_or_init(|| Btf::parse(std::fs::read(KERNEL_BTF).ok()?).ok())
            .as_ref()
    }
}

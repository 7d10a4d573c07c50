//! Loading an object through libbpf: opened, prepared (maps, relocations), verified by the kernel.
//! Nothing is attached here. Used by the engine while a generation is prepared.
//! Must never leave anything in the kernel when it fails: all it made closes with the object.
#![expect(
    unsafe_code,
    reason = "libbpf-rs does not wrap preparing and pin paths yet"
)]

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use libbpf_rs::MapHandle;
use libbpf_rs::{AsRawLibbpf, MapCore, MapType, Object, ObjectBuilder, OpenMapMut, OpenObject};
use payload::object::Setting;

use super::libbpf_log;
use super::maps::{LOSS_MAP, LossMap};
use super::pins::{Pinned, Place};
use super::rights::may_load;

/// Why an object was not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// This process may load nothing: the object is not at fault.
    #[error("loading BPF needs root (CAP_BPF and CAP_PERFMON): {reason}")]
    Rights {
        /// The reason in one line.
        reason: String,
        /// All that libbpf said.
        log: String,
    },
    /// libbpf does not read the object.
    #[error("libbpf does not open the object: {reason}")]
    Open {
        /// The reason in one line.
        reason: String,
        /// All that libbpf said.
        log: String,
    },
    /// Maps could not be made or relocations not be resolved.
    #[error("the object's maps and relocations do not fit this kernel: {reason}")]
    Prepare {
        /// The reason in one line.
        reason: String,
        /// All that libbpf said.
        log: String,
    },
    /// The kernel's verifier rejected a program.
    #[error("the kernel rejects program {program}: {reason}")]
    Verify {
        /// The program's name, as libbpf tells it.
        program: String,
        /// The reason in one line.
        reason: String,
        /// The verifier's log.
        log: String,
    },
}

impl LoadError {
    /// What libbpf or the verifier said.
    pub(crate) fn log(&self) -> &str {
        match self {
            Self::Rights { log, .. }
            | Self::Open { log, .. }
            | Self::Prepare { log, .. }
            | Self::Verify { log, .. } => log,
        }
    }

    /// With one more reason.
    pub(crate) fn because(mut self, why: &str) -> Self {
        let (Self::Rights { reason, .. }
        | Self::Open { reason, .. }
        | Self::Prepare { reason, .. }
        | Self::Verify { reason, .. }) = &mut self;
        reason.push_str("; ");
        reason.push_str(why);
        self
    }
}

/// A map of the generation before that the new one goes on using.
pub(crate) struct Share {
    /// Name of the map in the new object; of a data section's the section's.
    pub(crate) map: String,
    /// Whether it is a data section's.
    pub(crate) is_section: bool,
    /// The map.
    pub(crate) handle: MapHandle,
}

impl Share {
    /// Whether it is for the map that libbpf calls so.
    fn goes_to(&self, name: &str) -> bool {
        if self.is_section {
            is_of_section(name, &self.map)
        } else {
            name == self.map
        }
    }
}

/// A loaded object: programs verified, nothing attached.
pub(crate) struct Loaded {
    object: Object,
    /// Time in libbpf and map creation.
    pub(crate) open: Duration,
    /// Time in `BPF_PROG_LOAD`, the bookkeeping of libbpf around it included.
    pub(crate) verify: Duration,
}

/// What an object is loaded with.
pub(crate) struct Request<'a> {
    /// Name of the object; libbpf makes names of data sections' maps of it.
    pub(crate) name: &'a str,
    /// The object.
    pub(crate) elf: &'a [u8],
    /// BTF to resolve CO-RE relocations against; the kernel's own where it is `None`.
    pub(crate) btf: Option<&'a Path>,
    /// Maps of the generation before that go on.
    pub(crate) shares: &'a [Share],
    /// Values of variables.
    pub(crate) settings: &'a [Setting],
    /// What programs are verified against in place of what their sections name, by program.
    pub(crate) targets: &'a BTreeMap<&'a str, &'a str>,
}

/// Loads an object.
///
/// # Errors
/// As `LoadError` says; nothing stays behind.
pub(crate) fn load(request: &Request<'_>) -> Result<Loaded, LoadError> {
    let started = Instant::now();
    let (prepared, log) = libbpf_log::catch(|| open_and_prepare(request));
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(Failed::Open(reason)) => {
            return Err(LoadError::Open {
                reason,
                log: trimmed(&log),
            });
        }
        Err(Failed::Prepare(error)) => {
            let (reason, log) = (error.to_string(), trimmed(&log));
            let denied = error.kind() == io::ErrorKind::PermissionDenied;
            return Err(if denied && !may_load() {
                LoadError::Rights { reason, log }
            } else {
                LoadError::Prepare { reason, log }
            });
        }
    };
    let open = started.elapsed();
    let verifying = Instant::now();
    let (object, log) = libbpf_log::catch(|| prepared.load());
    let object = object.map_err(|error| not_verified(&error, &log))?;
    Ok(Loaded {
        object,
        open,
        verify: verifying.elapsed(),
    })
}

fn trimmed(log: &str) -> String {
    log.trim().to_owned()
}

fn not_verified(error: &libbpf_rs::Error, log: &str) -> LoadError {
    let said = libbpf_log::last_word(log);
    let reason = said.map_or_else(|| error.to_string(), |said| format!("{error}: {said}"));
    let log_of_verifier = libbpf_log::verifier_words(log).to_owned();
    if error.kind() == libbpf_rs::ErrorKind::PermissionDenied && !may_load() {
        return LoadError::Rights {
            reason,
            log: log_of_verifier,
        };
    }
    LoadError::Verify {
        program: libbpf_log::failed_program(log)
            .unwrap_or("(unnamed)")
            .to_owned(),
        reason,
        log: log_of_verifier,
    }
}

/// The step that failed, and why.
enum Failed {
    Open(String),
    Prepare(io::Error),
}

fn open_and_prepare(request: &Request<'_>) -> Result<OpenObject, Failed> {
    // With its causes: the last of them is the error number.
    let refused = |error: libbpf_rs::Error| Failed::Open(format!("{error:#}"));
    let mut builder = ObjectBuilder::default();
    builder.name(object_name(request.name)).map_err(refused)?;
    if let Some(path) = request.btf {
        builder.btf_custom_path(path).map_err(refused)?;
    }
    let mut open = builder.open_memory(request.elf).map_err(refused)?;
    let mut settings: Vec<&Setting> = request.settings.iter().collect();
    for mut map in open.maps_mut() {
        // Pinning by name would tie payloads together outside their instances and outlive a
        // refusal; maps go from generation to generation through the hand-over instead.
        let pointer = map.as_libbpf_object().as_ptr();
        // SAFETY: the map belongs to `open`; a null path clears what the object asked for.
        unsafe { libbpf_sys::bpf_map__set_pin_path(pointer, std::ptr::null()) };
        let name = map.name().to_string_lossy().into_owned();
        if let Some(share) = request.shares.iter().find(|share| share.goes_to(&name)) {
            map.reuse_fd(share.handle.as_fd()).map_err(refused)?;
        }
        settings
            .retain(|setting| !(is_of_section(&name, &setting.section) && put(&mut map, setting)));
    }
    if let Some(setting) = settings.first() {
        return Err(Failed::Open(misplaced(setting)));
    }
    for mut program in open.progs_mut() {
        let name = program.name().to_string_lossy().into_owned();
        if let Some(target) = request.targets.get(name.as_str()) {
            program
                .set_attach_target(0, Some((*target).to_owned()))
                .map_err(refused)?;
        }
    }
    // SAFETY: `open` owns the object, which is opened and not loaded.
    let result = unsafe { libbpf_sys::bpf_object__prepare(open.as_libbpf_object().as_ptr()) };
    if result < 0 {
        return Err(Failed::Prepare(io::Error::from_raw_os_error(-result)));
    }
    Ok(open)
}

/// The instance's name in letters that the kernel takes in names of maps, and without the dot by
/// which data sections are told from it.
fn object_name(instance: &str) -> String {
    instance.replace(['.', '-'], "_")
}

/// libbpf puts (part of) the object's name before the section's (`internal_map_name`).
fn is_of_section(map: &str, section: &str) -> bool {
    map.strip_suffix(section)
        .is_some_and(|prefix| !prefix.contains('.'))
}

/// Whether the setting had its place in the map's initial value, and was put there.
fn put(map: &mut OpenMapMut<'_>, setting: &Setting) -> bool {
    let start = usize::try_from(setting.offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(setting.bytes.len());
    let place = map
        .initial_value_mut()
        .and_then(|value| value.get_mut(start..end));
    place
        .map(|place| place.copy_from_slice(&setting.bytes))
        .is_some()
}

fn misplaced(setting: &Setting) -> String {
    let (section, offset, bytes) = (&setting.section, setting.offset, setting.bytes.len());
    format!("{bytes} bytes at {offset} of {section} lie outside of what libbpf made of it")
}

impl Loaded {
    /// The programs that the kernel has taken, by name, in libbpf's order.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>)> {
        self.object.progs().filter_map(|program| {
            let name = program.name().to_string_lossy().into_owned();
            // SAFETY: the program belongs to the object, which is open.
            let number =
                unsafe { libbpf_sys::bpf_program__fd(program.as_libbpf_object().as_ptr()) };
            // SAFETY: a descriptor that is not negative is the object's and open as long as `self`.
            let borrowed = (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) });
            Some((name, borrowed?))
        })
    }

    /// The descriptor of a program, by name.
    pub(crate) fn program(&self, name: &str) -> Option<BorrowedFd<'_>> {
        self.programs()
            .find_map(|(found, descriptor)| (found == name).then_some(descriptor))
    }

    /// Pins every map, under names that begin like this. Gives the maps' own names beside them.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn pin(
        &self,
        place: &Arc<Place>,
        begins: &str,
    ) -> io::Result<Vec<(String, Pinned)>> {
        let maps = self.object.maps().enumerate();
        let pin = |(index, map): (usize, libbpf_rs::Map<'_>)| {
            let name = map.name().to_string_lossy().into_owned();
            Ok((name, place.pin(map.as_fd(), format!("{begins}{index}"))?))
        };
        maps.map(pin).collect()
    }

    /// Names of the maps that were made, in libbpf's order.
    pub(crate) fn map_names(&self) -> Vec<String> {
        let name = |map: libbpf_rs::Map<'_>| map.name().to_string_lossy().into_owned();
        self.object.maps().map(name).collect()
    }

    /// The object as libbpf holds it.
    pub(super) fn object(&self) -> &Object {
        &self.object
    }

    /// A handle of a map, by the name it has in the object.
    ///
    /// # Errors
    /// Where there is none of this name, or no descriptor is left.
    pub(crate) fn map(&self, name: &str) -> io::Result<MapHandle> {
        let map = self.object.maps().find(|map| map.name() == name);
        let map = map.ok_or_else(|| io::Error::other(format!("libbpf made no map {name}")))?;
        MapHandle::try_from(&map).map_err(io::Error::other)
    }

    /// A handle of a map of the inspected object; for a data section of the one libbpf made of it.
    ///
    /// # Errors
    /// As [`Loaded::map`].
    pub(crate) fn map_of(&self, inspected: &payload::object::Map) -> io::Result<MapHandle> {
        let Some(section) = inspected.section.as_deref() else {
            return self.map(&inspected.name);
        };
        let made_of = |map: &libbpf_rs::Map<'_>| {
            let name = map.name().to_string_lossy();
            name == inspected.name || is_of_section(&name, section)
        };
        let map = self.object.maps().find(made_of);
        let map =
            map.ok_or_else(|| io::Error::other(format!("libbpf made no map of {section}")))?;
        MapHandle::try_from(&map).map_err(io::Error::other)
    }

    /// The map in which the programs count what full rings refused, where they do.
    pub(crate) fn loss_map(&self) -> Option<LossMap> {
        let map = self.map(LOSS_MAP).ok()?;
        let counts = map.map_type() == MapType::PercpuArray && map.value_size() == 8;
        counts.then(|| LossMap::new(map))
    }
}

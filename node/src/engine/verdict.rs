//! What the kernel says to a payload: loaded as a generation is, attached nowhere, gone again.
//! Called by `node verify`.
//! Must never load in another way than a start does: its word would be worth nothing.

use payload::name::InstanceName;
use payload::object::{Object, Program};
use serde::Serialize;

use super::ApplyError;
use super::prepare::{for_this_machine, load_object, plan_hooks};
use super::proof::micros;
use crate::admit::Admitted;
use crate::kernel::accepted::Accepted;
use crate::kernel::load::{LoadError, Loaded};
use crate::kernel::vmlinux::Vmlinux;

/// What the kernel says to a payload.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    /// The payload's name.
    pub(crate) payload: String,
    /// Its digest.
    pub(crate) digest: String,
    /// Whether everything was loaded.
    pub(crate) loads: bool,
    /// What was refused: `open`, `prepare` or `verify`; none where nothing was.
    pub(crate) refused_step: Option<&'static str>,
    /// Why a start would refuse it even so, before anything is attached.
    pub(crate) not_attached: Option<String>,
    /// Its programs, in the order in which they are loaded.
    pub(crate) programs: Vec<ProgramVerdict>,
    /// Names of the maps that were made; empty where it does not load.
    pub(crate) maps: Vec<String>,
    /// Cutting the kernel's BTF down to what the object needs.
    pub(crate) cut_us: u64,
    /// libbpf's work: opening, maps, relocations.
    pub(crate) open_us: u64,
    /// The kernel's verifier.
    pub(crate) verify_us: u64,
}

/// What became of one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// The kernel took it.
    Loaded,
    /// The kernel refused it.
    Refused,
    /// Nobody asks for it to be loaded: its section opens with `?`, or nothing refers to it.
    LeftOut,
    /// It was not the kernel's turn to say: something before it was refused.
    NotReached,
}

/// What the kernel says to one program.
#[derive(Debug, Serialize)]
pub(crate) struct ProgramVerdict {
    /// Its name.
    pub(crate) program: String,
    /// Its section.
    pub(crate) section: String,
    /// What became of it.
    pub(crate) fate: Fate,
    /// Instructions it has, called functions not counted.
    pub(crate) instructions: usize,
    /// Instructions that the verifier walked through.
    pub(crate) verified_instructions: Option<u32>,
    /// Machine code it became, bytes.
    pub(crate) machine_code_bytes: Option<u32>,
    /// The kernel's digest of its instructions.
    pub(crate) tag: Option<String>,
}

/// Loads the payload as a first generation of `name` would be, and lets go of it.
/// Gives the refusal of libbpf or the kernel beside the verdict.
///
/// # Errors
/// Where it does not come to a verdict: no object for this machine, a value that a variable can't
/// have, or a machine that is short of something.
pub(crate) fn verdict(
    name: &InstanceName,
    payload: &Admitted,
) -> Result<(Verdict, Option<ApplyError>), ApplyError> {
    let (elf, object) = for_this_machine(payload)?;
    let hooks = plan_hooks(object, payload.targets());
    let mut verdict = Verdict {
        payload: payload.contents().manifest.name.to_string(),
        digest: payload.digest().to_string(),
        loads: true,
        refused_step: None,
        not_attached: hooks.as_ref().err().map(ToString::to_string),
        programs: Vec::new(),
        maps: Vec::new(),
        cut_us: 0,
        open_us: 0,
        verify_us: 0,
    };
    // A target that is refused binds no program.
    let hooks = hooks.unwrap_or_default();
    match load_object(
        &Vmlinux::default(),
        name,
        payload,
        (elf, object),
        &hooks,
        &[],
    ) {
        Ok((loaded, cut)) => {
            verdict.programs = taken(object, &loaded);
            verdict.maps = loaded.map_names();
            verdict.cut_us = micros(cut);
            verdict.open_us = micros(loaded.open);
            verdict.verify_us = micros(loaded.verify);
            Ok((verdict, None))
        }
        Err(ApplyError::Load(refusal)) => {
            verdict.loads = false;
            verdict.refused_step = Some(step(&refusal));
            verdict.programs = not_taken(object, &refusal);
            Ok((verdict, Some(refusal.into())))
        }
        Err(other) => Err(other),
    }
}

fn step(refusal: &LoadError) -> &'static str {
    match refusal {
        LoadError::Open { .. } => "open",
        LoadError::Prepare { .. } => "prepare",
        LoadError::Verify { .. } | LoadError::Rights { .. } => "verify",
    }
}

fn taken(object: &Object, loaded: &Loaded) -> Vec<ProgramVerdict> {
    let mut verdicts: Vec<ProgramVerdict> = object
        .programs
        .iter()
        .map(|program| said(program, Fate::LeftOut))
        .collect();
    for (name, descriptor) in loaded.programs() {
        let told = Accepted::of(descriptor);
        for verdict in verdicts.iter_mut().filter(|found| found.program == name) {
            verdict.fate = Fate::Loaded;
            verdict.verified_instructions = told.verified_instructions;
            verdict.machine_code_bytes = told.machine_code_bytes;
            verdict.tag.clone_from(&told.tag);
        }
    }
    verdicts
}

/// libbpf loads programs in their order and ends at the first that is refused. Those before it were
/// taken; what the kernel would tell about them went with them.
fn not_taken(object: &Object, refusal: &LoadError) -> Vec<ProgramVerdict> {
    let refused = match refusal {
        LoadError::Verify { program, .. } => {
            let named = |found: &Program| found.name == *program;
            object.programs.iter().position(named)
        }
        _ => None,
    };
    let fate = |index: usize, program: &Program| match refused {
        _ if !program.autoload => Fate::LeftOut,
        Some(refused) if index < refused => Fate::Loaded,
        Some(refused) if index == refused => Fate::Refused,
        _ => Fate::NotReached,
    };
    let programs = object.programs.iter().enumerate();
    programs
        .map(|(index, program)| said(program, fate(index, program)))
        .collect()
}

fn said(program: &Program, fate: Fate) -> ProgramVerdict {
    ProgramVerdict {
        program: program.name.clone(),
        section: program.section.clone(),
        fate,
        instructions: program.slots,
        verified_instructions: None,
        machine_code_bytes: None,
        tag: None,
    }
}

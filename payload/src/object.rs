//! The inspection of BPF objects: what one contains and could do, computed from its bytes.
//! Called by `packer`, `registry` and `node` alike, so that nobody trusts what another computed.
//! Must never panic, whatever the bytes, nor take more memory than a small multiple of them.
mod bake;
mod code;
mod elf;
mod error;
mod event;
mod ext;
mod global;
pub mod kernel_call;
mod kind;
mod map;
mod map_kind;
mod need;
mod record;
mod register;
pub mod section;
mod section_map;
mod setting;
mod special;
mod type_name;
mod variable;

pub use bake::{BakeError, bake};
pub use error::ObjectError;
pub use event::{Event, EventError};
pub use ext::{CoreKind, CoreRelocation};
pub use global::{Extern, ExternKind, Global};
pub use kind::Kind;
pub use map::Map;
pub use map_kind::MapKind;
pub use need::{Needs, Privilege};
pub use record::{Field, Record};
pub use setting::{Setting, SettingError};
pub use special::Special;
pub use type_name::type_name;
pub use variable::Variable;

use crate::btf::Btf;
use crate::limits;
use code::Code;
use elf::Elf;

/// Number of this inspection. It grows when the same bytes would be judged differently, so that a
/// stored judgement is known to be an older one.
pub const INSPECTION_VERSION: u32 = 1;

/// Kernel types that hold the registers of a processor: relocations against them bind an object to
/// one architecture.
const REGISTER_TYPES: [&str; 3] = ["pt_regs", "user_pt_regs", "user_regs_struct"];

/// What an object contains.
#[derive(Debug, Clone)]
pub struct Object {
    /// The licence that the programs declare to the kernel; none if they declare none.
    pub license: Option<String>,
    /// The programs, by section and place in it.
    pub programs: Vec<Program>,
    /// The maps, in libbpf's order.
    pub maps: Vec<Map>,
    /// Variables of data sections.
    pub globals: Vec<Global>,
    /// Names that the kernel defines.
    pub externs: Vec<Extern>,
    /// Rings whose records have a known struct.
    pub events: Vec<Event>,
    /// The object's own types; none if it was built without `-g`.
    pub btf: Option<Btf>,
    /// Where it depends on the layout of kernel types.
    pub core_relocations: Vec<CoreRelocation>,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five facts that do not exclude each other"
)]
pub struct Program {
    /// The function's name.
    pub name: String,
    /// The section, as the source has it.
    pub section: String,
    /// How it attaches.
    pub kind: Kind,
    /// `enum bpf_prog_type`.
    pub program_type: u32,
    /// `enum bpf_attach_type` expected at load.
    pub attach_type: u32,
    /// What it attaches to, as the section says it; none leaves it to whoever attaches.
    pub target: Option<String>,
    /// May sleep.
    pub sleepable: bool,
    /// Accepts XDP packets in fragments.
    pub frags: bool,
    /// False for sections that open with `?`.
    pub autoload: bool,
    /// Instruction slots of eight bytes, called functions not counted.
    pub slots: usize,
    /// Numbers of the helpers that it or what it calls uses, ascending.
    pub helpers: Vec<u32>,
    /// Kernel functions that it or what it calls uses, ascending.
    pub kfuncs: Vec<String>,
    /// Whether its context is registers and it reads them.
    pub reads_registers: bool,
    /// Whether a program array of the object holds it from the start, for others to tail-call.
    pub in_array: bool,
}

impl Program {
    /// Whether it or what it calls uses the helper of this name (without `bpf_`).
    #[must_use]
    pub fn uses(&self, helper: &str) -> bool {
        kernel_call::id(helper).is_some_and(|id| self.helpers.binary_search(&id).is_ok())
    }
}

impl Object {
    /// The program of this name.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The map of this name.
    #[must_use]
    pub fn map(&self, name: &str) -> Option<&Map> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The struct that this map carries.
    #[must_use]
    pub fn event(&self, map: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.map == map)
    }

    /// Whether the object only runs on the architecture it was built for: it reads registers, from
    /// a context or through a relocation.
    #[must_use]
    pub fn reads_registers(&self) -> bool {
        let relocated = |btf: &Btf| {
            self.core_relocations.iter().any(|relocation| {
                let root = btf.name(btf.resolve(relocation.root));
                REGISTER_TYPES.contains(&crate::btf::essential_name(root))
            })
        };
        self.programs.iter().any(|program| program.reads_registers)
            || self.btf.as_ref().is_some_and(relocated)
    }
}

/// Inspects a BPF object.
///
/// # Errors
/// [`ObjectError`]: the first rule that the bytes break. An object that is accepted here can still
/// be refused by the kernel it is loaded into.
pub fn inspect(bytes: &[u8]) -> Result<Object, ObjectError> {
    let elf = Elf::parse(bytes)?;
    let btf = elf
        .section(".BTF")
        .map(|section| Btf::parse(section.bytes.to_vec()))
        .transpose()
        .map_err(ObjectError::Btf)?;
    let core_relocations = match (elf.section(".BTF.ext"), &btf) {
        (Some(section), Some(btf)) => ext::core_relocations(section.bytes, btf)?,
        _ => Vec::new(),
    };
    let externs = global::externs(&elf, btf.as_ref());
    let maps = map::maps(&elf, btf.as_ref(), &externs)?;
    let code = Code::read(&elf)?;
    let programs = programs(&elf, &code)?;
    Ok(Object {
        license: license(&elf)?,
        programs,
        globals: global::globals(&elf, btf.as_ref())?,
        externs,
        events: event::events(btf.as_ref(), &maps, &code, &core_relocations),
        maps,
        core_relocations,
        btf,
    })
}

fn programs(elf: &Elf<'_>, code: &Code<'_>) -> Result<Vec<Program>, ObjectError> {
    let mut programs = Vec::new();
    let in_arrays = elf.functions_in_maps();
    let mut steps = limits::CALL_GRAPH_STEPS_MAX;
    for (index, function) in code.functions.iter().enumerate() {
        let Some(section) = elf.sections.get(function.section) else {
            continue;
        };
        if section.name == ".text" {
            continue;
        }
        if programs.len() == limits::PROGRAMS_MAX {
            return Err(ObjectError::TooMany {
                what: "programs",
                count: programs.len() + 1,
                max: limits::PROGRAMS_MAX,
            });
        }
        let found = section::parse(section.name).map_err(|source| ObjectError::UnknownSection {
            program: function.name.to_owned(),
            source,
        })?;
        let reach = code.reach(index, &mut steps)?;
        programs.push(Program {
            name: function.name.to_owned(),
            section: section.name.to_owned(),
            kind: found.kind,
            program_type: found.program_type,
            attach_type: found.attach_type,
            target: found.target.map(str::to_owned),
            sleepable: found.sleepable,
            frags: found.frags,
            autoload: found.autoload,
            slots: function.slots.len(),
            helpers: reach.helpers.into_iter().collect(),
            kfuncs: reach.kfuncs.into_iter().map(str::to_owned).collect(),
            reads_registers: found.kind.context_is_registers() && code.reads_context(index),
            in_array: in_arrays.contains(function.name),
        });
    }
    if programs.is_empty() {
        return Err(ObjectError::NoPrograms);
    }
    Ok(programs)
}

/// The text of the section `license`, up to its NUL.
fn license(elf: &Elf<'_>) -> Result<Option<String>, ObjectError> {
    let Some(section) = elf.section("license") else {
        return Ok(None);
    };
    let text = section
        .bytes
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    if text.len() > limits::LICENSE_BYTES_MAX {
        return Err(ObjectError::LicenseTooLong {
            bytes: text.len(),
            max: limits::LICENSE_BYTES_MAX,
        });
    }
    match std::str::from_utf8(text) {
        Ok("") => Ok(None),
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(ObjectError::NameNotText {
            name: String::from_utf8_lossy(text).into_owned(),
        }),
    }
}

//! `packer build`: a folder of BPF C, or a ready object, becomes a payload.
//! Called by `main`. The steps: recipe, compile, inspect, manifest, file.
//! Must never put anything into the file that depends on the machine or the time.

mod compile;
mod headers;
mod recipe;
mod vmlinux;

use std::path::{Path, PathBuf};

use payload::digest::Digest;
use payload::file::{ArchObject, Contents, EncodeError};
use payload::limits::OBJECT_BYTES_MAX;
use payload::manifest::{Arch, Build, ComputeError, Described, Inspected, Manifest};
use payload::name::{NameError, PayloadName, Version};
use payload::object::{EventError, Object, ObjectError};
use thiserror::Error;

use crate::cli::BuildArguments;
use crate::failure::{Class, Classed, Failure};
use crate::files::{self, FileError};
use crate::names;
use crate::output;
use crate::tool::{Tool, ToolError};
use compile::{Compilation, Compiled};
use recipe::{Recipe, RecipeError};
use vmlinux::VmlinuxError;

/// The most sources of one folder.
const SOURCES_MAX: usize = 64;
/// Version of a ready object for which none is given.
pub(crate) const NO_VERSION: &str = "0.0.0";
/// A section that only DWARF has.
const DWARF_SECTION: &[u8] = b".debug_info\0";

/// Why there is no payload.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tool is missing or says no.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// `vmlinux.h` cannot be had.
    #[error(transparent)]
    Vmlinux(#[from] VmlinuxError),
    /// `payload.toml` breaks a rule.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The folder says nothing about itself.
    #[error("{} has no {}", .folder.display(), recipe::FILE_NAME)]
    NoRecipe { folder: PathBuf },
    /// The folder has nothing to compile.
    #[error("{} has no *.bpf.c and not exactly one *.bpf.o", .folder.display())]
    NoSources { folder: PathBuf },
    /// clang would take the file's name for an option, even behind `--`.
    #[error("{}: the name of a source must not begin with `-`", .path.display())]
    SourceName { path: PathBuf },
    /// The folder has more than any payload needs.
    #[error("{} has {count} *.bpf.c, the limit is {SOURCES_MAX}", .folder.display())]
    TooManySources { folder: PathBuf, count: usize },
    /// There is no word for this machine's architecture.
    #[error(
        "no object can be for this machine's architecture, {}",
        std::env::consts::ARCH
    )]
    UnknownMachine,
    /// The object breaks a rule.
    #[error("{input}: {source}")]
    Object { input: String, source: ObjectError },
    /// The author's word about a ring does not fit the object.
    #[error("{}: {source}", recipe::FILE_NAME)]
    Event { source: EventError },
    /// The facts do not fit in a manifest.
    #[error(transparent)]
    Manifest(#[from] ComputeError),
    /// A name that could not be made of a file's; never seen.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What was put together would not be read back.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Nowhere for what comes between.
    #[error("cannot make a temporary folder: {source}")]
    Scratch { source: std::io::Error },
}

impl Classed for BuildError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Tool(error) => error.class(),
            Self::Vmlinux(error) => error.class(),
            Self::Recipe(error) => error.class(),
            Self::NoSources { .. }
            | Self::SourceName { .. }
            | Self::NoRecipe { .. }
            | Self::TooManySources { .. }
            | Self::Object { .. }
            | Self::Event { .. }
            | Self::Manifest(_)
            | Self::Name(_)
            | Self::Encode(_) => Class::Refused,
            Self::UnknownMachine | Self::Scratch { .. } => Class::Fatal,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::Tool(error) => error.next_step(),
            Self::Vmlinux(error) => error.next_step(),
            Self::Recipe(error) => error.next_step(),
            Self::NoRecipe { .. } => {
                Some("it says name and version: `packer build --help` shows one".to_owned())
            }
            Self::NoSources { .. } => {
                Some("name the folder of a payload, or a compiled object (*.bpf.o)".to_owned())
            }
            Self::UnknownMachine => Some("say what to compile for with --arch".to_owned()),
            Self::SourceName { .. }
            | Self::TooManySources { .. }
            | Self::Object { .. }
            | Self::Event { .. }
            | Self::Manifest(_)
            | Self::Name(_)
            | Self::Encode(_)
            | Self::Scratch { .. } => None,
        }
    }

    fn log(&self) -> Option<String> {
        match self {
            Self::Tool(error) => error.log(),
            Self::Vmlinux(error) => error.log(),
            _ => None,
        }
    }
}

/// Builds, writes, and prints one line about what was written.
pub(crate) fn run(arguments: &BuildArguments) -> Result<(), Failure> {
    let built = build(arguments)?;
    let manifest = &built.contents.manifest;
    let path = match &arguments.output {
        Some(path) => path.clone(),
        None => PathBuf::from(format!(
            "{}-{}.wasm",
            manifest.name.name(),
            manifest.version
        )),
    };
    write(&path, &built.file, &built.contents)?;
    Ok(())
}

/// Writes a payload and prints where, what and its digest.
pub(crate) fn write(path: &Path, file: &[u8], contents: &Contents) -> Result<(), FileError> {
    files::write(path, file)?;
    let (name, version) = (&contents.manifest.name, &contents.manifest.version);
    let digest = Digest::of(file);
    let (path, bytes) = (path.display(), file.len());
    // A closed standard output does not undo the file.
    let _ = output::result_line(&format!(
        "{path}: {name} {version}, {bytes} bytes, {digest}"
    ));
    Ok(())
}

struct Built {
    contents: Contents,
    file: Vec<u8>,
}

/// What a payload is made of.
struct Material {
    recipe: Option<Recipe>,
    compiled: Compiled,
    /// What compiled it; nothing for a ready object.
    build: Option<Build>,
}

/// The payload of a folder, as `packer build FOLDER` would write it.
pub(crate) fn folder(input: &Path) -> Result<Vec<u8>, BuildError> {
    let arguments = BuildArguments {
        input: input.to_owned(),
        output: None,
        btf: None,
        arch: None,
        name: None,
        payload_version: None,
    };
    Ok(build(&arguments)?.file)
}

fn build(arguments: &BuildArguments) -> Result<Built, BuildError> {
    let scratch = tempfile::tempdir().map_err(|source| BuildError::Scratch { source })?;
    let here = || arguments.arch.or_else(Arch::here);
    let arch = here().ok_or(BuildError::UnknownMachine)?;
    let input = &arguments.input;
    let material = if input.is_dir() {
        from_folder(arguments, arch, scratch.path())?
    } else {
        let beside = input.with_file_name(recipe::FILE_NAME);
        let recipe = beside.is_file().then(|| read_recipe(&beside)).transpose()?;
        let compiled = ready_object(input, scratch.path())?;
        Material {
            recipe,
            compiled,
            build: None,
        }
    };
    assemble(arguments, arch, material)
}

/// Inspects the object, joins what it says with what its author wishes, and writes the file.
fn assemble(
    arguments: &BuildArguments,
    arch: Arch,
    material: Material,
) -> Result<Built, BuildError> {
    let Material {
        recipe,
        compiled,
        build,
    } = material;
    let mut object = inspected(&arguments.input, &compiled.object)?;
    let mut described = Described::default();
    if let Some(recipe) = &recipe {
        recipe.check(&object)?;
        object
            .set_events(&recipe.events())
            .map_err(|source| BuildError::Event { source })?;
        described = recipe.described();
    }
    described.build = build;
    let (name, version) = named(arguments, recipe.as_ref())?;
    let arch = if object.reads_registers() {
        arch
    } else {
        Arch::Any
    };
    let bytes = compiled.object;
    let inspected = Inspected {
        arch,
        bytes: &bytes,
        object: &object,
    };
    let manifest = Manifest::computed(name, version, described, &[inspected])?;
    let contents = Contents {
        manifest,
        objects: vec![ArchObject { arch, bytes }],
        handler: None,
    };
    let file = payload::file::encode(&contents)?;
    Ok(Built { contents, file })
}

/// Name and version: the command line's, else the recipe's, else made of the file's name.
fn named(
    arguments: &BuildArguments,
    recipe: Option<&Recipe>,
) -> Result<(PayloadName, Version), NameError> {
    let name = arguments
        .name
        .clone()
        .or_else(|| recipe.map(|recipe| recipe.name.clone()));
    let version = arguments
        .payload_version
        .clone()
        .or_else(|| recipe.map(|recipe| recipe.version.clone()));
    Ok((
        name.map_or_else(|| names::payload_name(&arguments.input), Ok)?,
        version.map_or_else(|| NO_VERSION.parse(), Ok)?,
    ))
}

fn read_recipe(path: &Path) -> Result<Recipe, BuildError> {
    Ok(Recipe::parse(&files::read(path, recipe::BYTES_MAX)?)?)
}

/// A folder with `payload.toml` and sources, or one ready object in place of them.
fn from_folder(
    arguments: &BuildArguments,
    arch: Arch,
    scratch: &Path,
) -> Result<Material, BuildError> {
    let folder = &arguments.input;
    let path = folder.join(recipe::FILE_NAME);
    if !path.exists() {
        return Err(BuildError::NoRecipe {
            folder: folder.clone(),
        });
    }
    let recipe = Some(read_recipe(&path)?);
    let names = files::names_ending(folder, ".bpf.c")?;
    match names.len() {
        0 => {
            let objects = files::names_ending(folder, ".bpf.o")?;
            let [object] = objects.as_slice() else {
                return Err(BuildError::NoSources {
                    folder: folder.clone(),
                });
            };
            let compiled = ready_object(&folder.join(object), scratch)?;
            return Ok(Material {
                recipe,
                compiled,
                build: None,
            });
        }
        1..=SOURCES_MAX => {}
        count => {
            return Err(BuildError::TooManySources {
                folder: folder.clone(),
                count,
            });
        }
    }
    if let Some(name) = names.iter().find(|name| name.starts_with('-')) {
        let path = folder.join(name);
        return Err(BuildError::SourceName { path });
    }
    let headers = scratch.join("include");
    headers::write_to(&headers)?;
    let btf = arguments.btf.as_deref();
    let compilation = Compilation {
        sources: folder,
        scratch,
        headers: &headers,
        arch,
        btf,
    };
    let compiled = compilation.run(&names)?;
    let btf = compiled.vmlinux.as_ref().map(|vmlinux| vmlinux.btf);
    let build = Some(Build {
        clang: compile::clang_version()?,
        btf,
    });
    Ok(Material {
        recipe,
        compiled,
        build,
    })
}

/// An object that somebody else compiled, without DWARF.
fn ready_object(path: &Path, scratch: &Path) -> Result<Compiled, BuildError> {
    let object = files::read(path, OBJECT_BYTES_MAX)?;
    if !object
        .windows(DWARF_SECTION.len())
        .any(|bytes| bytes == DWARF_SECTION)
    {
        return Ok(Compiled {
            object,
            vmlinux: None,
        });
    }
    let copy = scratch.join("ready.o");
    files::write(&copy, &object)?;
    let what = path.display().to_string();
    Tool::Strip.run(scratch, &["-g".into(), (&copy).into()], &what)?;
    Ok(Compiled {
        object: files::read(&copy, OBJECT_BYTES_MAX)?,
        vmlinux: None,
    })
}

fn inspected(input: &Path, bytes: &[u8]) -> Result<Object, BuildError> {
    payload::object::inspect(bytes).map_err(|source| BuildError::Object {
        input: input.display().to_string(),
        source,
    })
}

//! `packer build`: a folder of BPF C, or a ready object, becomes a payload.
//! Called by `main`. The steps: recipe, handler, compile, inspect, manifest, file.
//! Must never put anything into the file that depends on the machine or the time.

mod compile;
mod handler;
mod headers;
mod material;
mod recipe;
mod vmlinux;

use std::path::{Path, PathBuf};

use payload::digest::Digest;
use payload::file::{ArchObject, Contents, EncodeError};
use payload::manifest::{Arch, ComputeError, Described, Inspected, Manifest};
use payload::name::{NameError, PayloadName, Version};
use payload::object::{EventError, Object, ObjectError};
use thiserror::Error;

use crate::cli::BuildArguments;
use crate::failure::{Class, Classed, Failure};
use crate::files::{self, FileError};
use crate::names;
use crate::output;
use crate::tool::ToolError;
use handler::HandlerError;
use material::{Material, SOURCES_MAX};
use recipe::{Recipe, RecipeError};
use vmlinux::VmlinuxError;

/// Version of a ready object for which none is given.
pub(crate) const NO_VERSION: &str = "0.0.0";
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
    /// The handler cannot be had.
    #[error(transparent)]
    Handler(#[from] HandlerError),
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
            Self::Handler(error) => error.class(),
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
            Self::Handler(error) => error.next_step(),
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
            Self::Handler(error) => error.log(),
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
        material::of_folder(arguments, arch, scratch.path())?
    } else {
        material::of_object(input, scratch.path())?
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
        handler,
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
    let (wasm, listed) = handler.map(|made| (made.wasm, made.listed)).unzip();
    described.handler = listed;
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
        handler: wasm,
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

fn inspected(input: &Path, bytes: &[u8]) -> Result<Object, BuildError> {
    payload::object::inspect(bytes).map_err(|source| BuildError::Object {
        input: input.display().to_string(),
        source,
    })
}

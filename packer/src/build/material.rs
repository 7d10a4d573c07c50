//! What a payload is made of: a folder's sources, or a ready object, compiled and beside its recipe.
//! Called by `build`. Must never take a part that the folder has twice.

use std::path::Path;

use payload::limits::OBJECT_BYTES_MAX;
use payload::manifest::{Arch, Build};

use super::compile::{self, Compilation, Compiled};
use super::handler::{self, HandlerError, Made, Places};
use super::recipe::{self, Recipe};
use super::{BuildError, headers};
use crate::cli::BuildArguments;
use crate::files;
use crate::tool::Tool;

/// The most sources of one folder.
pub(super) const SOURCES_MAX: usize = 64;
/// A section that only DWARF has.
const DWARF_SECTION: &[u8] = b".debug_info\0";

/// What a payload is made of.
pub(super) struct Material {
    pub(super) recipe: Option<Recipe>,
    pub(super) compiled: Compiled,
    /// What compiled it; nothing for a ready object.
    pub(super) build: Option<Build>,
    /// The handler, where there is one.
    pub(super) handler: Option<Made>,
}

/// A folder with `payload.toml` and sources, or one ready object in place of them, and its handler.
pub(super) fn of_folder(
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
    let recipe = read_recipe(&path)?;
    let handler = handler_beside(folder, scratch, &recipe)?;
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
                recipe: Some(recipe),
                compiled,
                build: None,
                handler,
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
        recipe: Some(recipe),
        compiled,
        build,
        handler,
    })
}

/// A ready object, with the recipe and the handler that lie beside it.
pub(super) fn of_object(path: &Path, scratch: &Path) -> Result<Material, BuildError> {
    let beside = path.with_file_name(recipe::FILE_NAME);
    let recipe = beside.is_file().then(|| read_recipe(&beside)).transpose()?;
    let handler = match (&recipe, beside.parent()) {
        (Some(recipe), Some(folder)) => handler_beside(folder, scratch, recipe)?,
        _ => None,
    };
    Ok(Material {
        recipe,
        compiled: ready_object(path, scratch)?,
        build: None,
        handler,
    })
}

fn handler_beside(
    folder: &Path,
    scratch: &Path,
    recipe: &Recipe,
) -> Result<Option<Made>, HandlerError> {
    // Of its own: the object's compiler writes to the same names.
    let scratch = &scratch.join("handler");
    files::make_folder(scratch)?;
    handler::of_folder(Places { folder, scratch }, recipe.handler.as_ref())
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

fn read_recipe(path: &Path) -> Result<Recipe, BuildError> {
    Ok(Recipe::parse(&files::read(path, recipe::BYTES_MAX)?)?)
}

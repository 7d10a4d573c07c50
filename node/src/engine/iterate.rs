//! Runs the iterators of instances on demand. Called by the daemon's route.
//! Must never hold up an update: it reads at the seat that the listing shows.

use payload::name::InstanceName;

use super::{Engine, NoInstance, locked};

/// Most bytes of one run's text.
const TEXT_BYTES_MAX: usize = 16 << 20;

/// Why an iterator was not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IterateError {
    /// Nothing runs under the name.
    #[error(transparent)]
    NoInstance(#[from] NoInstance),
    /// It has no such iterator.
    #[error("{instance} has no iterator {program}; it has {has}")]
    NoIterator {
        /// The instance.
        instance: String,
        /// What was asked for.
        program: String,
        /// Its iterators, or `none`.
        has: String,
    },
    /// The kernel did not run it.
    #[error("iterator {program} can't be read: {reason}")]
    Read {
        /// The program.
        program: String,
        /// The kernel's reason.
        reason: std::io::Error,
    },
}

impl Engine {
    /// What an iterator of the generation in charge writes now; its end is cut off after 16 MiB.
    ///
    /// # Errors
    /// As [`IterateError`] says.
    pub(crate) fn iterate(
        &self,
        name: &InstanceName,
        program: &str,
    ) -> Result<Vec<u8>, IterateError> {
        let missing = || NoInstance(name.to_string());
        let slot = self.slot(name).ok_or_else(missing)?;
        let view = locked(&slot.view).clone().ok_or_else(missing)?;
        let iterators = view.hooks.iter().zip(&view.seats);
        let iterators = iterators.filter(|(planned, _)| planned.hook.is_iterator());
        let names = iterators
            .clone()
            .map(|(planned, _)| planned.program.as_str());
        let names: Vec<&str> = names.collect();
        let found = iterators
            .clone()
            .find(|(planned, _)| planned.program == program);
        let (_, seat) = found.ok_or_else(|| IterateError::NoIterator {
            instance: name.to_string(),
            program: program.to_owned(),
            has: if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            },
        })?;
        seat.read(TEXT_BYTES_MAX)
            .map_err(|reason| IterateError::Read {
                program: program.to_owned(),
                reason,
            })
    }
}

//! `packer` against a real registry, from outside: two programs, a socket between them, files.
//! Each file holds one part of what a publisher or an operator does.
//! Must never touch a process that it did not start.

#[cfg(test)]
mod registry_packer {
    mod access;
    mod browser;
    mod deployments;
    mod fleet;
    mod nodes;
    mod releases;
    mod rollouts;
    mod said;
    mod secured;
    mod stage;
    mod withdrawal;
}

//! The registry's pages in a real browser: Debian's Chromium, which `cargo xtask setup` installs.
//! Each file holds one thing that people do with them, or that must hold on every page.
//! Must never speak to anything but a registry of its own.

mod axe;
mod chromium;
mod course;
mod every_page;
mod hostile;
mod login;
mod pictures;
mod site;
mod tab;
mod without_script;

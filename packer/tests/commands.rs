//! The commands of `packer`, run as programs: what they print, write, and exit with.
//! Files come from the repository; what is written goes to a temporary folder of each test.

#[path = "commands/asking.rs"]
mod asking;
#[path = "commands/build.rs"]
mod build;
#[path = "commands/handler.rs"]
mod handler;
#[path = "commands/inspect.rs"]
mod inspect;
#[path = "commands/keys.rs"]
mod keys;
#[path = "commands/legacy.rs"]
mod legacy;
#[path = "commands/new.rs"]
mod new;
#[path = "commands/push.rs"]
mod push;
#[path = "commands/server.rs"]
mod server;
#[path = "commands/signatures.rs"]
mod signatures;
#[path = "commands/stage.rs"]
mod stage;
#[path = "commands/transfers.rs"]
mod transfers;
#[path = "commands/vmlinux.rs"]
mod vmlinux;

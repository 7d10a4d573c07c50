//! The registry as a program: its routes over real sockets, its database and its blobs on a real
//! disk, killed and started again. Each test has a registry of its own on a free port.

#[path = "api/access.rs"]
mod access;
#[path = "api/backup.rs"]
mod backup;
#[path = "api/blobs.rs"]
mod blobs;
#[path = "api/channels.rs"]
mod channels;
#[path = "api/client.rs"]
mod client;
#[path = "api/collection.rs"]
mod collection;
#[path = "api/crash.rs"]
mod crash;
#[path = "api/described.rs"]
mod described;
#[path = "api/disk.rs"]
mod disk;
#[path = "api/fixture.rs"]
mod fixture;
#[path = "api/fleet.rs"]
mod fleet;
#[path = "api/floors.rs"]
mod floors;
#[path = "api/hostile.rs"]
mod hostile;
#[path = "api/keys.rs"]
mod keys;
#[path = "api/legacy.rs"]
mod legacy;
#[path = "api/race.rs"]
mod race;
#[path = "api/rates.rs"]
mod rates;
#[path = "api/releases.rs"]
mod releases;
#[path = "api/signatures.rs"]
mod signatures;
#[path = "api/stage.rs"]
mod stage;
#[path = "api/start.rs"]
mod start;
#[path = "api/withdrawal.rs"]
mod withdrawal;

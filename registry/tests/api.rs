//! The registry as a program: its routes over real sockets, its database and its blobs on a real
//! disk, killed and started again. Each test has a registry of its own on a free port.

#[cfg(test)]
#[path = "api/access.rs"]
mod access;
#[cfg(test)]
#[path = "api/backup.rs"]
mod backup;
#[cfg(test)]
#[path = "api/blobs.rs"]
mod blobs;
#[cfg(test)]
#[path = "api/browser.rs"]
mod browser;
#[cfg(test)]
#[path = "api/catalogue.rs"]
mod catalogue;
#[cfg(test)]
#[path = "api/channels.rs"]
mod channels;
#[cfg(test)]
#[path = "api/client.rs"]
mod client;
#[cfg(test)]
#[path = "api/collection.rs"]
mod collection;
#[cfg(test)]
#[path = "api/crash.rs"]
mod crash;
#[cfg(test)]
#[path = "api/crowd.rs"]
mod crowd;
#[cfg(test)]
#[path = "api/described.rs"]
mod described;
#[cfg(test)]
#[path = "api/disk.rs"]
mod disk;
#[cfg(test)]
#[path = "api/fixture.rs"]
mod fixture;
#[cfg(test)]
#[path = "api/fleet.rs"]
mod fleet;
#[cfg(test)]
#[path = "api/floors.rs"]
mod floors;
#[cfg(test)]
#[path = "api/held.rs"]
mod held;
#[cfg(test)]
#[path = "api/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "api/keys.rs"]
mod keys;
#[cfg(test)]
#[path = "api/legacy.rs"]
mod legacy;
#[cfg(test)]
#[path = "api/race.rs"]
mod race;
#[cfg(test)]
#[path = "api/rates.rs"]
mod rates;
#[cfg(test)]
#[path = "api/releases.rs"]
mod releases;
#[cfg(test)]
#[path = "api/rollouts.rs"]
mod rollouts;
#[path = "api/signatures.rs"]
mod signatures;
#[cfg(test)]
#[path = "api/stage.rs"]
mod stage;
#[cfg(test)]
#[path = "api/start.rs"]
mod start;
#[cfg(test)]
#[path = "api/withdrawal.rs"]
mod withdrawal;

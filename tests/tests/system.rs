//! The node as a whole, from outside: real processes, real sockets, real programs in the kernel.
//! Each file holds one promise of the issue. What needs root says loudly what it did not run.
//! Must never touch an instance or a process that it did not start.

#[cfg(test)]
mod system {
    mod api;
    mod behind;
    mod carry;
    mod conflicts;
    mod doors;
    mod enrol;
    mod fleet;
    mod fleet_bad;
    mod fleet_broken_watch;
    mod fleet_proxy;
    mod fleet_rollback;
    mod fleet_stage;
    mod fleet_update;
    mod foreground;
    mod growth;
    mod handlers;
    mod handlers_failing;
    mod handlers_loss;
    mod home;
    mod hooks;
    mod hostile;
    mod http;
    mod kernel;
    mod kills;
    mod left;
    mod legacy_2022;
    mod legacy_2023;
    mod limits;
    mod lines;
    mod live_events;
    mod maps;
    mod maps_live;
    mod migrate;
    mod mistakes;
    mod node;
    mod objects;
    mod payloads;
    mod proxy;
    mod recorded;
    mod registry;
    mod registry_kills;
    mod rejected;
    mod release;
    mod rollback;
    mod rollouts;
    mod served;
    mod soak;
    mod sockets;
    mod stage;
    mod swap;
    mod targets;
    mod turns;
    mod verdict;
    mod waiting;
    mod wrongs;
}

//! The engine: all instances of this node, by name. Called by the daemon's routes and by the
//! foreground commands. Calls block while the kernel verifies: never call them on an async thread.
//! Must never load anything that is not `Admitted`.

use std::sync::Arc;

use api::node::{Applied, Instance, Proof};
use payload::name::InstanceName;

use crate::admit::Admitted;
use crate::sink::hub::Hub;

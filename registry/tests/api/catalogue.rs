//! The pages of what there is: payloads and versions, nodes, the audit, access; as browsers ask for
//! them, over real sockets.

#[path = "catalogue/access.rs"]
mod access;
#[path = "catalogue/audit.rs"]
mod audit;
#[path = "catalogue/node.rs"]
mod node;
#[path = "catalogue/nodes.rs"]
mod nodes;
#[path = "catalogue/payloads.rs"]
mod payloads;
#[path = "catalogue/rights.rs"]
mod rights;
#[path = "catalogue/version.rs"]
mod version;
#[path = "catalogue/visible.rs"]
mod visible;

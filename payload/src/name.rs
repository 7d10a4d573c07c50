//! name (see the design).

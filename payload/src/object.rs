//! object (see the design).

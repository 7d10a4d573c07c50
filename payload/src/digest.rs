//! digest (see the design).

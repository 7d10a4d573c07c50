//! limits (see the design).

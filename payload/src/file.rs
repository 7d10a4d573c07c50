//! file (see the design).

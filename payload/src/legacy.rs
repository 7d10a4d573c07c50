//! legacy (see the design).

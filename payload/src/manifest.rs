//! manifest (see the design).

//! unsigned (see the design).

//! signature (see the design).

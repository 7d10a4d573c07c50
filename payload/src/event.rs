//! event (see the design).

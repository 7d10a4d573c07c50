//! btf (see the design).

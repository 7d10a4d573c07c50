//! The SDKs of handlers: one in C and one in Rust do what each record tells them, in both lanes, with
//! their rings mapped and copied. Needs clang, wasm-ld and a Rust for WebAssembly; no kernel, no root.
//! Must never pass because a handler was not run.

#[cfg(test)]
mod sdk {
    mod abilities;
    mod bounds;
    mod forms;
    mod maps;
    mod payloads;
    mod stage;
    mod state;
    mod steps;
    mod tables;
    mod walks;
}

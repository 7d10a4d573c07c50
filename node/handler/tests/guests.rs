//! Guests of both lanes, written as text: what each function of the contract does, and what becomes of
//! guests that mean harm. No kernel is needed: a file in memory stands for a ring.
//! Must never pass because a guest was not run.

#[cfg(test)]
mod guests {
    mod entries;
    mod facts;
    mod meters;
    mod outputs;
    mod records;
    mod refused;
    mod stand;
    mod states;
    mod traps;
    mod windows;
}

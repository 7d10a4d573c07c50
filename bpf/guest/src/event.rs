//! Structs that records hold. Used by handlers through `event!`, by `records` to look at one.
//! Must never be implemented by hand for a type that not all bytes are a value of.

/// A type that any bytes are a value of, and that has none between its own.
///
/// # Safety
/// Both must be so.
pub unsafe trait Plain: Copy + 'static {}

macro_rules! plain {
    ($($number:ty)*) => {
        $(
            // SAFETY: a number has no bytes that are none.
            unsafe impl Plain for $number {}
        )*
    };
}

plain!(u8 i8 u16 i16 u32 i32 u64 i64);

// SAFETY: an array has nothing between its elements.
unsafe impl<T: Plain, const COUNT: usize> Plain for [T; COUNT] {}

/// A struct that a ring carries, as C lays it out; made by [`event!`](crate::event).
///
/// # Safety
/// Any bytes must be a value of it, those between its fields aside; its alignment is eight at most.
pub unsafe trait Event: 'static {}

/// Declares the struct that a ring carries, with the fields of the object's, in their order:
///
/// ```
/// guest::event! {
///     /// A start of a process.
///     pub struct Exec {
///         /// Which.
///         pub pid: u32,
///         /// Its command, up to NUL.
///         pub comm: [u8; 16],
///     }
/// }
/// ```
///
/// An enumeration of C is a `u32`, and a `bool` a `u8`: bytes may have any value.
#[macro_export]
macro_rules! event {
    (
        $(#[$about:meta])*
        $seen:vis struct $name:ident {
            $($(#[$what:meta])* $field_seen:vis $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy)]
        #[repr(C)]
        $seen struct $name {
            $($(#[$what])* $field_seen $field: $type,)*
        }

        const _: () = {
            const fn is_plain<T: $crate::Plain>() {}
            $(is_plain::<$type>();)*
            assert!(core::mem::align_of::<$name>() <= 8);
        };

        // SAFETY: every field is plain, which was just shown.
        unsafe impl $crate::Event for $name {}
    };
}

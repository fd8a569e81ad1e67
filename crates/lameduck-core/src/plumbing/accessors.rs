//! The methods with which a service or stream hands out what it wraps.

/// Writes `get_ref`, `get_mut` and `into_inner`, inside of an `impl` block.
///
/// `inner_accessors!(inner: S, "service")` names the field, its type and what it is. With
/// `inner_accessors!(const inner: S, "stream")` there is no `get_mut`, for wrappers that the inner
/// value must not be changed behind.
#[doc(hidden)]
#[macro_export]
macro_rules! __inner_accessors {
    ($field:ident: $inner:ty, $what:literal) => {
        $crate::__inner_accessors!(const $field: $inner, $what);

        #[doc = concat!("A mutable reference to the inner ", $what, ".")]
        #[must_use]
        pub const fn get_mut(&mut self) -> &mut $inner {
            &mut self.$field
        }
    };
    (const $field:ident: $inner:ty, $what:literal) => {
        #[doc = concat!("A reference to the inner ", $what, ".")]
        #[must_use]
        pub const fn get_ref(&self) -> &$inner {
            &self.$field
        }

        #[doc = concat!("Unwraps the inner ", $what, ".")]
        #[must_use]
        pub fn into_inner(self) -> $inner {
            self.$field
        }
    };
}

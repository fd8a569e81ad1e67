//! Law 6: which auto traits a layer's types have, as a value, so that a test can fail.
//!
//! Rust prefers an inherent method over a trait's method, but only if its bounds hold. So `is_send`
//! of a [`Type`] is the inherent method if the type is `Send`, and the trait's if it is not.

use std::{fmt, marker::PhantomData};

use super::Layered;
use crate::Probe;

/// Stands for a type, without a value of it.
pub struct Type<T>(PhantomData<T>);

impl<T> fmt::Debug for Type<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str(std::any::type_name::<T>())
    }
}

macro_rules! auto_trait {
    ($auto:ident, $not:ident, $is:ident) => {
        impl<T: $auto> Type<T> {
            /// True: the bound holds.
            #[must_use]
            pub const fn $is(&self) -> bool {
                true
            }
        }

        /// The answer for types that lack the auto trait.
        pub trait $not {
            /// False: with the auto trait, the inherent method would have been called.
            fn $is(&self) -> bool {
                false
            }
        }

        impl<T> $not for Type<T> {}
    };
}

auto_trait!(Send, IsNotSend, is_send);
auto_trait!(Sync, IsNotSync, is_sync);
auto_trait!(Unpin, IsNotUnpin, is_unpin);

/// The types of a layered probe: service, future and body.
pub const fn types_of<S: Layered>(
    _make: &impl Fn(Probe) -> S,
) -> (Type<S>, Type<S::Future>, Type<S::Body>) {
    (Type(PhantomData), Type(PhantomData), Type(PhantomData))
}

/// Panics with all claims that are false.
///
/// # Panics
///
/// If one of `claims` is false.
pub fn check(claims: &[(&str, bool)]) {
    let broken: Vec<_> = claims.iter().filter(|(_, holds)| !holds).map(|(text, _)| *text).collect();
    assert!(broken.is_empty(), "layer law 6: Send, Sync and Unpin as the inner is: {broken:?}");
}

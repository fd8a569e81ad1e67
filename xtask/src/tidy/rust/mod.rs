//! What the rules see of Rust: its code as text, its modules, and what they take from each other.

mod code;
mod impls;
mod modules;
mod paths;

pub(super) use self::{
    code::code,
    impls::{Impl, inherent_impls},
    modules::Modules,
};

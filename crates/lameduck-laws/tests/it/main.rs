//! The contract of the layer laws.

mod laws;

//! What only some requests have: made when it is first needed.

use std::sync::OnceLock;

use crate::{RequestContext, TraceContext, values::Values};

/// What only some requests have.
#[derive(Debug, Default)]
pub(crate) struct More {
    /// What its headers said of a trace.
    pub(crate) trace: OnceLock<TraceContext>,
    /// What its handler has set.
    pub(crate) values: Values,
    /// Why it was cancelled, in its handler's words.
    pub(crate) words: OnceLock<&'static str>,
    /// The context that this one was made in.
    pub(crate) parent: Option<Parent>,
    /// Whether no layer has begun it, so that no layer's limit is its own.
    pub(crate) is_child: bool,
}

/// The context that another was made in.
#[derive(Debug)]
pub(crate) struct Parent {
    pub(crate) context: RequestContext,
    /// Whether what cancels the parent cancels the child.
    pub(crate) is_followed: bool,
    /// Whether the parent's deadline is the one that counts.
    pub(crate) is_shorter: bool,
}

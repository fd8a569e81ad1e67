//! The limit of open files.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit of open files as far as this process may. The program inherits it.
///
/// A drill with many clients needs one for each of them. If the limit cannot be raised, fewer
/// clients connect, and the report counts the others as refused.
pub fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

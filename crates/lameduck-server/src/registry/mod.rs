//! All open connections: their list, the handle on it, and the IO that enters and leaves it.

mod connections;
mod marked;
#[expect(clippy::module_inception, reason = "the folder's own type, which the others stand on")]
mod registry;
mod tracked_io;

pub(crate) use self::registry::Registry;
pub use self::{connections::Connections, tracked_io::TrackedIo};

//! In which network a program runs, and as which user.

#[cfg(target_os = "linux")]
use std::{
    fmt,
    fs::File,
    os::fd::AsRawFd,
    sync::Arc,
    thread::{self, ScopedJoinHandle},
};
use std::{io, path::Path};

use tokio::process::{Child, Command};

/// Moves the calling thread into another network.
#[cfg(target_os = "linux")]
pub(crate) type Enter = Arc<dyn Fn() -> io::Result<()> + Send + Sync>;

/// In which network a program runs, and as which user. By default as this process does. Only Linux
/// has another choice.
#[derive(Clone, Default)]
#[cfg_attr(not(target_os = "linux"), derive(Debug))]
pub(crate) struct Place {
    /// The number of the user and of the group.
    #[cfg(target_os = "linux")]
    pub(crate) user: Option<u32>,
    #[cfg(target_os = "linux")]
    pub(crate) enter: Option<Enter>,
}

impl Place {
    /// Whether the program runs in a network that was made for the drill.
    pub(super) const fn is_apart(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.enter.is_some();
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    /// Starts a program there. `make` gets its path.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn spawn(
        &self,
        program: &Path,
        make: impl FnOnce(&Path) -> Command,
    ) -> io::Result<Child> {
        make(program).spawn()
    }

    /// Starts a program there. `make` gets its path.
    ///
    /// Another user often may not open the folder that the program is in. So for another user the
    /// program is opened here, and its path is that of the open file.
    #[cfg(target_os = "linux")]
    pub(super) fn spawn(
        &self,
        program: &Path,
        make: impl FnOnce(&Path) -> Command,
    ) -> io::Result<Child> {
        let Some(user) = self.user else { return self.spawn_command(make(program)) };
        let file = File::open(program)?;
        let mut command = make(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())));
        command.uid(user).gid(user);
        self.spawn_command(command)
    }

    #[cfg(target_os = "linux")]
    fn spawn_command(&self, mut command: Command) -> io::Result<Child> {
        let Some(enter) = &self.enter else { return command.spawn() };
        let runtime = tokio::runtime::Handle::current();
        // A child inherits the network of the thread that starts it. This thread keeps its own.
        thread::scope(|scope| {
            let spawned = scope.spawn(|| {
                enter()?;
                let _runtime = runtime.enter();
                command.spawn()
            });
            ScopedJoinHandle::join(spawned)
        })
        .unwrap_or_else(|_| Err(io::Error::other("the thread that starts it panicked")))
    }
}

#[cfg(target_os = "linux")]
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, enter } = self;
        f.debug_struct("Place")
            .field("user", user)
            .field("is_apart", &enter.is_some())
            .finish_non_exhaustive()
    }
}

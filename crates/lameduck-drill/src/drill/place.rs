//! Where a program runs, and as whom.

use std::{
    fmt,
    fs::File,
    io,
    os::fd::AsRawFd,
    path::Path,
    sync::Arc,
    thread::{self, ScopedJoinHandle},
};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
};

/// Moves the thread that calls it into another network.
pub(crate) type Enter = Arc<dyn Fn() -> io::Result<()> + Send + Sync>;

/// Where a program runs, and as whom. By default where and as this process does.
#[derive(Clone, Default)]
pub(crate) struct Place {
    /// The user's and the group's number.
    pub(crate) user: Option<u32>,
    /// Linux only.
    pub(crate) enter: Option<Enter>,
}

impl Place {
    /// Starts a program there.
    ///
    /// `make` is given its path. A program lies where its builder may look, which another user often
    /// may not. So for one it is opened here, and named by its number.
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

    fn spawn_command(&self, mut command: Command) -> io::Result<Child> {
        let Some(enter) = &self.enter else { return command.spawn() };
        let runtime = Handle::current();
        // A child is where the thread is that starts it, and this one is to stay where it is.
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

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, enter } = self;
        f.debug_struct("Place")
            .field("user", user)
            .field("is_apart", &enter.is_some())
            .finish_non_exhaustive()
    }
}

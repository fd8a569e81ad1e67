//! A Postgres for one test: made in a folder of its own, ended and removed with the test.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

/// To make a database takes a second or two, or longer on a busy machine.
const BOUND: Duration = Duration::from_secs(60);

pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
}

impl Postgres {
    /// Makes a database and starts its server, which only listens on a socket in its folder.
    pub(crate) async fn start() -> Self {
        let bin = bin();
        let made = as_nobody("mktemp").args(["-d", "/tmp/postgres-XXXXXX"]).output().unwrap();
        let folder = PathBuf::from(String::from_utf8(made.stdout).unwrap().trim());
        assert!(folder.is_dir(), "no folder: {}", String::from_utf8_lossy(&made.stderr));
        let data = folder.join("data");
        let initdb = as_nobody(bin.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "--no-sync", "--no-locale", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(initdb.status.success(), "{}", String::from_utf8_lossy(&initdb.stderr));
        let server = as_nobody(bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&folder)
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self { server, folder };
        let up = async {
            while this.connect().await.is_none() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(BOUND, up).await.expect("Postgres does not start");
        this
    }

    /// How a client reaches it.
    pub(crate) fn config(&self) -> String {
        format!("host={} user=postgres", self.folder.display())
    }

    pub(crate) async fn connect(&self) -> Option<Client> {
        let (client, connection) = tokio_postgres::connect(&self.config(), NoTls).await.ok()?;
        #[expect(clippy::disallowed_methods, reason = "ends with the client")]
        tokio::spawn(connection);
        Some(client)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once: its data is not needed. Its children end with it.
        let data = self.folder.join("data");
        let stop = as_nobody(bin().join("pg_ctl"))
            .args(["stop", "--mode=immediate", "--timeout=10", "-D"])
            .arg(data)
            .stdout(Stdio::null())
            .status();
        if !stop.is_ok_and(|status| status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A command as another user than root: Postgres does not run as root.
fn as_nobody(program: impl AsRef<Path>) -> Command {
    let program = program.as_ref();
    if !is_root() {
        return Command::new(program);
    }
    // The user that Debian's package makes, if it is there.
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_there = users.lines().any(|line| line.starts_with("postgres:"));
    let mut command = Command::new("runuser");
    command.args(["-u", if is_there { "postgres" } else { "nobody" }, "--"]).arg(program);
    // That user may not read the folder that the test runs in.
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0")
}

/// The newest Postgres of Debian's, or the one in the path.
fn bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debians = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others = std::env::split_paths(&path).collect::<Vec<_>>();
    let mut found: Vec<_> =
        debians.chain(others).filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    found.pop().expect("Postgres is missing; it is installed with `apt-get install postgresql`")
}

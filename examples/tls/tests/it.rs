//! What curl gets over TLS when the certificate is replaced, and when the server is stopped.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use lameduck_test_support::TestServer;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    task::JoinSet,
    time::{sleep, timeout},
};

/// Longer than any step takes.
const BOUND: Duration = Duration::from_secs(20);

/// curl's exit codes: a connection that was refused, and a certificate that is not trusted.
const REFUSED: i32 = 7;
const UNTRUSTED: i32 = 60;

/// A folder with a certificate for `localhost` and its key. Deleted when it is dropped.
struct Certificate {
    dir: PathBuf,
}

impl Certificate {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = env::temp_dir().join(format!("lameduck-tls-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let certificate = Self { dir };
        certificate.renew();
        certificate
    }

    /// Puts another certificate in its place.
    fn renew(&self) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.dir.join("tls.crt"), made.cert.pem()).unwrap();
        fs::write(self.dir.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    }

    /// A copy of the certificate as it is now, for clients that trust it.
    fn kept(&self, name: &str) -> PathBuf {
        let kept = self.dir.join(name);
        fs::copy(self.dir.join("tls.crt"), &kept).unwrap();
        kept
    }

    async fn serve(&self, lame_duck_ms: &str) -> TestServer {
        let dir = format!("TLS_DIR={}", self.dir.display());
        let args = [&dir, env!("CARGO_BIN_EXE_tls"), "--lame-duck", lame_duck_ms];
        TestServer::start("env", args).await
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.dir);
    }
}

/// A curl that trusts this certificate alone. It prints head, body and version.
fn curl(addr: SocketAddr, path: &str, trusted: &Path) -> Child {
    let port = addr.port();
    Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--verbose",
            "--noproxy",
            "*",
            "--include",
            "--max-time",
            "30",
        ])
        .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
        .args(["--write-out", " over HTTP/%{http_version}"])
        .arg("--cacert")
        .arg(trusted)
        .arg(format!("https://localhost:{port}{path}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("this test needs `curl`")
}

async fn curled(addr: SocketAddr, path: &str, trusted: &Path) -> Output {
    curl(addr, path, trusted).wait_with_output().await.unwrap()
}

/// Waits until a curl has sent its request, as it says itself.
async fn sent(mut curl: Child) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut log = BufReader::new(curl.stderr.take().unwrap()).lines();
    while let Some(line) = log.next_line().await.unwrap() {
        if line.starts_with("> GET ") {
            return (curl, log);
        }
    }
    panic!("curl ended before it had sent anything");
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn a_new_certificate_is_served_after_sighup_and_clients_of_the_old_one_are_still_answered() {
    let certificate = Certificate::new();
    let mut server = certificate.serve("300").await;
    let old = certificate.kept("old.crt");
    assert!(text(&curled(server.addr(), "/", &old).await).ends_with("hello\n over HTTP/2"));

    // By then its handshake is over.
    let (slow, _log) = sent(curl(server.addr(), "/slow?ms=2000", &old)).await;
    certificate.renew();
    let new = certificate.kept("new.crt");
    assert_eq!(curled(server.addr(), "/", &new).await.status.code(), Some(UNTRUSTED));
    server.hang_up();
    server.logged("tls.reloaded").await;
    assert!(text(&curled(server.addr(), "/", &new).await).ends_with("hello\n over HTTP/2"));
    assert_eq!(curled(server.addr(), "/", &old).await.status.code(), Some(UNTRUSTED));
    let slow = slow.wait_with_output().await.unwrap();
    assert!(text(&slow).contains("slept 2000 ms"), "{slow:?}");
    server.terminate();
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn a_broken_certificate_is_not_used() {
    let certificate = Certificate::new();
    let mut server = certificate.serve("0").await;
    let old = certificate.kept("old.crt");
    fs::write(certificate.dir.join("tls.crt"), "no certificate").unwrap();
    server.hang_up();
    server.logged("tls.kept").await;
    assert!(text(&curled(server.addr(), "/", &old).await).contains("hello"));
    server.terminate();
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn curls_through_a_stop_are_answered_or_refused_and_none_is_cut() {
    let certificate = Certificate::new();
    let server = certificate.serve("700").await;
    let trusted = certificate.kept("old.crt");
    let (mut callers, answered) = (JoinSet::new(), Arc::new(AtomicU32::new(0)));
    for _ in 0..6 {
        let (addr, trusted) = (server.addr(), trusted.clone());
        let answered = Arc::clone(&answered);
        callers.spawn(async move {
            loop {
                let output = curled(addr, "/", &trusted).await;
                match output.status.code() {
                    Some(0) if text(&output).starts_with("HTTP/2 200") => {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    // Rejected with an answer.
                    Some(0) => assert!(text(&output).starts_with("HTTP/2 503"), "{output:?}"),
                    code => {
                        assert_eq!(code, Some(REFUSED), "{output:?}");
                        break;
                    }
                }
            }
        });
    }
    let under_way = async {
        while answered.load(Ordering::Relaxed) < 12 {
            assert!(callers.try_join_next().is_none(), "one ended before the stop");
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, under_way).await.expect("the calls take much too long");
    server.terminate();
    server.stopped().await.assert_clean();
    callers.join_all().await;
}

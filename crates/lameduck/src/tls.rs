//! Certificates that are replaced while the server runs.

use lameduck_server::Tls;

use crate::Lameduck;

impl Lameduck {
    /// Reads the certificate again at every SIGHUP, until the end of the stop. One that is broken is
    /// logged, and the old one is kept. See [`Tls::reload_on_hangup`].
    ///
    /// ```no_run
    /// use axum::Router;
    /// use lameduck::{Lameduck, Report, server::Tls};
    ///
    /// # #[expect(dead_code, reason = "shown, not run")]
    /// # async fn f() -> Result<Report, Box<dyn std::error::Error>> {
    /// let tls = Tls::from_pem_files("/etc/tls/tls.crt", "/etc/tls/tls.key")?;
    /// let duck = Lameduck::new().with_tls_reload(&tls);
    /// let app = Router::new().layer(duck.layer());
    /// let listener = duck.bind("[::]:443").await?.with_tls(&tls);
    /// let report = duck.serve_listener(listener, app).await;
    /// # Ok(report) }
    /// ```
    ///
    /// Where the handler of the signal cannot be installed (because the system refuses), the start
    /// fails and the report says why.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn with_tls_reload(self, tls: &Tls) -> Self {
        let reloads = tls.reload_on_hangup();
        self.configure(|lifecycle| match reloads {
            Ok(reloads) => lifecycle.alongside(reloads),
            Err(error) => lifecycle.on_start("reload of the certificate", async move || Err(error)),
        })
    }
}

//! Where to listen, and where the database is.

xflags::xflags! {
    /// A handler's deadline as its query's.
    cmd postgres-deadline {
        /// How to reach Postgres, such as `host=localhost user=postgres`.
        required --database config: String
        /// Where to listen. By default 127.0.0.1:0, a free port.
        optional --addr addr: String
    }
}

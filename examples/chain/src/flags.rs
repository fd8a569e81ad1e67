//! Which of the three services to be, and whom to ask.

xflags::xflags! {
    /// Three services, one deadline.
    cmd chain {
        /// The public one: gives each request one second.
        cmd edge {
            /// Where the middle is.
            required --next url: String
            /// Where to listen. By default 127.0.0.1:0, a free port.
            optional --addr addr: String
        }
        /// The one that asks the database.
        cmd middle {
            /// Where the database is.
            required --next url: String
            /// Where to listen. By default 127.0.0.1:0, a free port.
            optional --addr addr: String
        }
        /// The one that works.
        cmd database {
            /// Where to listen. By default 127.0.0.1:0, a free port.
            optional --addr addr: String
        }
    }
}

//! The oracle finds no loss where there is none, and each loss where there is one.

mod good;
mod http2;
mod kinds;
mod misdeeds;
mod plain_axum;
mod plans;
mod server;
mod web_socket;

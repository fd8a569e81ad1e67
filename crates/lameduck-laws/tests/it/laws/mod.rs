//! The laws hold for a layer that does nothing, and each law fails for a layer that breaks it.

mod broken;
mod broken_body;
mod polls;
mod quiet;
mod release;

use std::panic::catch_unwind;

lameduck_laws::layer_laws!(|inner| inner);

/// Runs a law on a layer that breaks it. It has to fail with this sentence.
#[track_caller]
fn check_fails(sentence: &str, law: impl FnOnce() + std::panic::UnwindSafe) {
    let payload = catch_unwind(law).expect_err("the layer breaks the law, but the law passes");
    let message = match payload.downcast_ref::<String>() {
        Some(text) => text.as_str(),
        None => payload.downcast_ref::<&str>().copied().unwrap_or_default(),
    };
    assert!(message.contains(sentence), "fails for another reason: {message}");
}

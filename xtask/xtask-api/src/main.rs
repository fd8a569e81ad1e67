//! Prints the public items that a JSON file of rustdoc lists: `xtask-api FILE`.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let file = std::env::args_os().nth(1).context("usage: xtask-api FILE")?;
    // Left out: what each type has without a line of code that says so.
    let api = public_api::Builder::from_rustdoc_json(file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    for item in api.items() {
        println!("{item}");
    }
    Ok(())
}

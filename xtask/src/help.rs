//! `cargo xtask help`: the tasks.

use anyhow::Result;

use crate::flags;

impl flags::Help {
    pub(crate) fn run(self) -> Result<()> {
        // The text is the parser's own; it comes as what stops the parsing.
        match flags::Xtask::from_vec(vec!["--help".into()]) {
            Err(help) if help.is_help() => println!("{help}"),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        Ok(())
    }
}

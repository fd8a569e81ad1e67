//! What the tests need beside Rust, and how it is installed.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::step;

/// What the tests need beside Rust: its name, Debian's package, and a program of it.
const NEEDS: [Need; 2] = [
    Need { name: "`curl`", package: "curl", program: "curl" },
    Need { name: "Postgres", package: "postgresql", program: "initdb" },
];

/// Something that the tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    name: &'static str,
    package: &'static str,
    program: &'static str,
}

impl Need {
    fn is_there(self) -> bool {
        folders().iter().any(|folder| folder.join(self.program).exists())
    }
}

/// What is not there.
pub(crate) fn missing() -> Vec<Need> {
    NEEDS.into_iter().filter(|need| !need.is_there()).collect()
}

/// All that is needed, for a sentence.
pub(crate) fn names() -> String {
    NEEDS.map(|need| need.name).join(" and ")
}

pub(crate) fn packages(needs: &[Need]) -> String {
    needs.iter().map(|need| need.package).collect::<Vec<_>>().join(", ")
}

/// Whether [`install`] may work: as root, where there is Debian's package manager.
pub(crate) fn can_install(sh: &Shell) -> bool {
    let id = cmd!(sh, "id -u").quiet().ignore_stderr().read();
    id.is_ok_and(|id| id == "0") && has_apt()
}

/// Installs it. Debian's Postgres also makes an empty cluster, which no test uses.
///
/// # Errors
///
/// If that is not possible, with the line that installs it.
pub(crate) fn install(sh: &Shell, needs: &[Need]) -> Result<()> {
    let packages: Vec<_> = needs.iter().map(|need| need.package).collect();
    if !can_install(sh) {
        bail!("run this as root first: `apt-get install {}`", packages.join(" "));
    }
    let _quiet = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    step::run(cmd!(sh, "apt-get update --quiet --quiet"))?;
    step::run(cmd!(sh, "apt-get install --yes --quiet --no-install-recommends {packages...}"))?;
    let missing: Vec<_> = needs.iter().filter(|need| !need.is_there()).collect();
    if missing.is_empty() { Ok(()) } else { bail!("installed, and still not there: {missing:?}") }
}

fn has_apt() -> bool {
    Path::new("/usr/bin/apt-get").exists()
}

/// Where programs are: in the path, and where Debian has those of Postgres.
fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    std::env::split_paths(&path).chain(versions.map(|version| version.path().join("bin"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_found_by_its_program_and_named_by_its_package() {
        let shell = Need { name: "a shell", package: "dash", program: "sh" };
        assert!(shell.is_there());
        let nothing = Need { name: "nothing", package: "nothing", program: "no-such-program" };
        assert!(!nothing.is_there());
        assert_eq!(packages(&[shell, nothing]), "dash, nothing");
        assert_eq!(names(), "`curl` and Postgres");
    }
}

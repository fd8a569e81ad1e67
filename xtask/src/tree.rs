//! The files of the workspace, in memory: rules are functions of it, and tests break it on purpose.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use xshell::Shell;

use crate::workspace::{Package, Workspace};

/// Text files by their path from the root, with `/` on every system, and the crates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) packages: Vec<Package>,
}

impl Tree {
    pub(crate) fn load(sh: &Shell) -> Result<Self> {
        let workspace = Workspace::load(sh)?;
        let root = sh.current_dir();
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let path = entry?.path();
                if path.is_dir() {
                    if !is_skipped(&path, &workspace.target) {
                        folders.push(path);
                    }
                } else if is_read(&path) {
                    let text = fs::read_to_string(&path)
                        .with_context(|| format!("{} is not text", path.display()))?;
                    files.insert(slashes(path.strip_prefix(&root)?), text);
                }
            }
        }
        Ok(Self { files, packages: workspace.packages })
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The text of a file in a crate's folder.
    pub(crate) fn read(&self, package: &Package, name: &str) -> Option<&str> {
        self.files.get(&Self::path(package, name)).map(String::as_str)
    }

    /// The path of a file in a crate's folder.
    pub(crate) fn path(package: &Package, name: &str) -> String {
        format!("{}/{name}", slashes(&package.dir))
    }

    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.published)
    }

    /// The files whose name ends with `ending`, with their lines, which are counted from one.
    pub(crate) fn with_ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

fn is_skipped(path: &Path, target: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    path == target || name == "target" || (name.to_string_lossy().starts_with('.'))
}

fn is_read(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("LICENSE-")
        || path
            .extension()
            .is_some_and(|ending| ["rs", "toml", "md"].iter().any(|known| ending == *known))
}

fn slashes(path: &Path) -> String {
    PathBuf::from(path).to_string_lossy().replace('\\', "/")
}

//! The workspace as `cargo metadata` prints it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

/// The crates of the workspace, sorted by name.
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    pub(crate) target: PathBuf,
}

/// What the tasks need to know about one crate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) repository: String,
    pub(crate) keywords: Vec<String>,
    /// The folder, relative to the root.
    pub(crate) dir: PathBuf,
    pub(crate) published: bool,
    /// The oldest Rust that it supports: `(1, 85)`.
    pub(crate) rust: (u32, u32),
    pub(crate) features: Vec<String>,
    /// The names of its test binaries.
    pub(crate) tests: Vec<String>,
    /// Other crates of the workspace that it depends on, tests aside.
    pub(crate) ours: Vec<String>,
}

impl Workspace {
    pub(crate) fn load(sh: &Shell) -> Result<Self> {
        let json = cmd!(sh, "cargo metadata --format-version 1 --no-deps").quiet().read()?;
        Self::parse(&serde_json::from_str(&json)?)
    }

    fn parse(json: &Value) -> Result<Self> {
        let root = PathBuf::from(text(json, "workspace_root")?);
        let list = json["packages"].as_array().context("no packages")?;
        let names: Vec<_> = list.iter().filter_map(|package| package["name"].as_str()).collect();
        let mut packages = list
            .iter()
            .map(|package| Package::parse(package, &root, &names))
            .collect::<Result<Vec<_>>>()?;
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { packages, target: PathBuf::from(text(json, "target_directory")?) })
    }

    /// The arguments that leave out the crates that need a newer Rust, which are printed.
    pub(crate) fn too_new_for(&self, rust: (u32, u32)) -> Vec<String> {
        let too_new = self.packages.iter().filter(|package| package.rust > rust);
        too_new
            .flat_map(|Package { name, rust: (major, minor), .. }| {
                println!("NOT RUN: {name} needs Rust {major}.{minor}");
                ["--exclude".to_owned(), name.clone()]
            })
            .collect()
    }

    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.published)
    }
}

impl Package {
    fn parse(json: &Value, root: &Path, names: &[&str]) -> Result<Self> {
        let manifest = PathBuf::from(text(json, "manifest_path")?);
        let dir = manifest.parent().and_then(|dir| dir.strip_prefix(root).ok());
        let dependencies = json["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        let mut ours: Vec<_> = dependencies
            .iter()
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| names.contains(name))
            .map(str::to_owned)
            .collect();
        ours.sort();
        ours.dedup();
        let keywords = json["keywords"].as_array().map_or(&[][..], Vec::as_slice);
        let features = json["features"].as_object();
        let targets = json["targets"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(Self {
            name: text(json, "name")?,
            version: text(json, "version")?,
            description: json["description"].as_str().unwrap_or_default().to_owned(),
            repository: json["repository"].as_str().unwrap_or_default().to_owned(),
            keywords: keywords.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            dir: dir.context("a crate lies outside of the workspace")?.to_owned(),
            // Absent means everywhere, an empty list nowhere.
            published: json["publish"].as_array().is_none_or(|list| !list.is_empty()),
            rust: version(json["rust_version"].as_str().unwrap_or_default()),
            tests: targets
                .iter()
                .filter(|target| target["kind"][0].as_str() == Some("test"))
                .filter_map(|target| target["name"].as_str())
                .map(str::to_owned)
                .collect(),
            features: features.map(|all| all.keys().cloned().collect()).unwrap_or_default(),
            ours,
        })
    }
}

/// `(1, 85)` for `1.85` and for `1.85.0`; zeros for no version.
pub(crate) fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn text(json: &Value, key: &str) -> Result<String> {
    match json[key].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("cargo metadata has no `{key}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_depends_on_ours_unless_only_its_tests_do() {
        let package = |name: &str, dependencies: Value| {
            serde_json::json!({
                "name": name, "version": "0.1.0", "publish": null, "rust_version": "1.85.1",
                "features": { "a": [] },
                "manifest_path": format!("/w/crates/{name}/Cargo.toml"),
                "dependencies": dependencies,
                "targets": [
                    { "kind": ["lib"], "name": name }, { "kind": ["test"], "name": "it" },
                ],
            })
        };
        let dependency =
            |name: &str, kind: Option<&str>| serde_json::json!({ "name": name, "kind": kind });
        let json = serde_json::json!({
            "workspace_root": "/w",
            "target_directory": "/w/target",
            "packages": [
                package("b", serde_json::json!([])),
                package("c", serde_json::json!([])),
                package("a", serde_json::json!([
                    dependency("c", Some("build")),
                    dependency("b", None),
                    dependency("b", Some("dev")),
                    dependency("tokio", None),
                ])),
                package("d", serde_json::json!([dependency("a", Some("dev"))])),
            ],
        });
        let workspace = Workspace::parse(&json).unwrap();
        let ours: Vec<_> =
            workspace.published().map(|p| (p.name.as_str(), p.ours.join(" "))).collect();
        let none = String::new;
        assert_eq!(ours, [("a", "b c".to_owned()), ("b", none()), ("c", none()), ("d", none())]);
        assert_eq!(workspace.packages[0].dir, Path::new("crates/a"));
        assert_eq!(workspace.packages[0].features, ["a"]);
        assert_eq!(workspace.packages[0].tests, ["it"]);
        assert_eq!(workspace.packages[0].rust, (1, 85));
        assert!(workspace.too_new_for((1, 85)).is_empty());
        assert_eq!(workspace.too_new_for((1, 84))[..2], ["--exclude", "a"]);
    }
}

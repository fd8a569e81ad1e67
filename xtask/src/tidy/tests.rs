//! The rules bite: each is shown a tree that breaks it, and says so; the whole one passes.

use std::path::PathBuf;

use xshell::Shell;

use super::check;
use crate::{readme, root, tree::Tree, workspace::Package};

const PAGE: &str = "\
//! Rejects requests.
//!
//! A request is *rejected* when it was not begun.
//!
//! # Example
//!
//! # Where to put it
//!
//! # Guarantees
//!
//! # Cost
//!
//! # What it does not do
//!
//! # Feature flags
#![cfg_attr(
    docsrs,
    feature(doc_cfg)
)]
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;
pub(crate) mod layer;

pub use self::{
    layer::DrainLayer,
};
";

/// A workspace with nothing to find.
fn tidy_tree() -> Tree {
    let mut tree = Tree::default();
    tree.files.insert(
        "Cargo.toml".to_owned(),
        "[workspace.dependencies]\n# Ours.\na = { default-features = false }\n\
         b = { default-features = false }\n\n# Others.\na2 = { default-features = false }\n"
            .to_owned(),
    );
    tree.files.insert("LICENSE-APACHE".to_owned(), "Apache".to_owned());
    tree.files.insert("LICENSE-MIT".to_owned(), "MIT".to_owned());
    for (name, ours) in [
        ("lameduck-core", &[][..]),
        ("lameduck-inflight", &[]),
        ("lameduck-drain", &["lameduck-core"]),
        ("lameduck-signal", &[]),
        ("lameduck-lifecycle", &["lameduck-core", "lameduck-inflight"]),
        ("lameduck", &["lameduck-drain", "lameduck-lifecycle"]),
        ("quickstart", &["lameduck"]),
    ] {
        add(&mut tree, name, ours);
    }
    bless(&mut tree);
    tree
}

/// A crate `x` with these files in its `src`.
pub(super) fn sources(files: &[(&str, &str)]) -> Tree {
    let package = Package { dir: PathBuf::from("crates/x"), ..Package::default() };
    let files =
        files.iter().map(|(file, text)| (format!("crates/x/src/{file}"), (*text).to_owned()));
    Tree { files: files.collect(), packages: vec![package] }
}

fn add(tree: &mut Tree, name: &str, ours: &[&str]) {
    let published = name.starts_with("lameduck");
    let package = Package {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        description: "Does it.".to_owned(),
        repository: "https://forge.example/lameduck".to_owned(),
        dir: PathBuf::from(format!("crates/{name}")),
        published,
        keywords: vec!["tower".to_owned()],
        ours: ours.iter().map(ToString::to_string).collect(),
        ..Package::default()
    };
    let keys = "version.workspace = true\nedition.workspace = true\n\
                rust-version.workspace = true\nlicense.workspace = true\n";
    let more = "repository.workspace = true\nkeywords.workspace = true\n\
                categories.workspace = true\nreadme = \"README.md\"\n\n\
                [package.metadata.docs.rs]\nall-features = true\n\
                rustdoc-args = [\"--cfg\", \"docsrs\"]\n";
    let manifest = format!(
        "[package]\n{keys}{}\n[dependencies]\na.workspace = true\n# Why.\n\
         b = {{ workspace = true }}\n\n[lints]\nworkspace = true\n",
        if published { more } else { "" }
    );
    let mut put = |file: &str, text: &str| {
        tree.files.insert(Tree::path(&package, file), text.to_owned());
    };
    put("Cargo.toml", &manifest);
    if published {
        put("CHANGELOG.md", "# Changelog\n\n## Unreleased\n");
        put("LICENSE-APACHE", "Apache");
        put("LICENSE-MIT", "MIT");
        put("src/lib.rs", PAGE);
        put("src/layer.rs", "//! The layer.\n");
    } else {
        put("src/main.rs", "//! The program.\n");
    }
    tree.packages.push(package);
}

fn bless(tree: &mut Tree) {
    let wanted = readme::wanted(tree);
    tree.files.extend(wanted);
}

/// Replaces `old` in a file of the whole tree, and compares what is found.
#[track_caller]
fn check_edit(path: &str, old: &str, new: &str, expected: &[&str]) {
    let mut tree = tidy_tree();
    let text = tree.files.get_mut(path).unwrap();
    assert!(text.contains(old), "{path} has no {old:?}");
    *text = text.replacen(old, new, 1);
    if path.ends_with("src/lib.rs") {
        bless(&mut tree);
    }
    assert_eq!(check(&tree), expected);
}

#[test]
fn this_workspace_is_tidy() {
    let sh = Shell::new().unwrap();
    sh.change_dir(root());
    assert_eq!(check(&Tree::load(&sh).unwrap()), [""; 0]);
}

#[test]
fn a_tidy_tree_has_no_findings() {
    assert_eq!(check(&tidy_tree()), [""; 0]);
}

#[test]
fn a_dependency_against_the_rule_is_found() {
    for (name, ours, expected) in [
        (
            "lameduck-core",
            "lameduck-inflight",
            "is the core and may not depend on lameduck-inflight",
        ),
        (
            "lameduck-drain",
            "lameduck-inflight",
            "is a leaf and may not depend on lameduck-inflight",
        ),
        ("lameduck-signal", "lameduck-core", "is a leaf that stands alone and may not depend on"),
        (
            "lameduck-drain",
            "lameduck-lifecycle",
            "is a leaf and may not depend on lameduck-lifecycle",
        ),
        (
            "lameduck-lifecycle",
            "lameduck",
            "is the lifecycle and may not depend on lameduck, which",
        ),
        (
            "lameduck",
            "quickstart",
            "is the facade and may not depend on quickstart, which is a tool",
        ),
    ] {
        let mut tree = tidy_tree();
        let package = tree.packages.iter_mut().find(|package| package.name == name).unwrap();
        package.ours.push(ours.to_owned());
        let findings = check(&tree);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains(expected), "{findings:?}");
    }
}

#[test]
fn a_manifest_that_does_not_take_from_the_workspace_is_found() {
    let path = "crates/lameduck-core/Cargo.toml";
    check_edit(
        path,
        "edition.workspace = true",
        "edition = \"2024\"",
        &["crates/lameduck-core/Cargo.toml: [package] without `edition.workspace = true`"],
    );
    check_edit(
        path,
        "[lints]\nworkspace = true\n",
        "",
        &["crates/lameduck-core/Cargo.toml: [lints] without `workspace = true`"],
    );
    check_edit(
        path,
        "all-features = true\n",
        "",
        &["crates/lameduck-core/Cargo.toml: [package.metadata.docs.rs] \
             without `all-features = true`"],
    );
    check_edit(
        path,
        "a.workspace = true",
        "a = \"1\"",
        &["crates/lameduck-core/Cargo.toml:16: `a` does not take its version from the workspace"],
    );
}

#[test]
fn dependencies_out_of_order_are_found() {
    let path = "crates/lameduck-core/Cargo.toml";
    check_edit(
        path,
        "a.workspace",
        "c.workspace",
        &["crates/lameduck-core/Cargo.toml:18: `b` is not sorted after `c`"],
    );
    check_edit("Cargo.toml", "a =", "c =", &["Cargo.toml:4: `b` is not sorted after `c`"]);
}

#[test]
fn default_features_that_come_along_are_found() {
    check_edit(
        "Cargo.toml",
        "b = { default-features = false }",
        "b = \"1\"",
        &["Cargo.toml:4: `b` without `default-features = false`"],
    );
}

#[test]
fn a_description_that_is_no_sentence_and_a_folder_of_another_name_are_found() {
    let mut tree = tidy_tree();
    tree.packages[6].description = "Does it".to_owned();
    assert_eq!(
        check(&tree),
        ["crates/quickstart/Cargo.toml: `description` is not a sentence with a full stop",]
    );
    tree.packages[6].description = "Does it.".to_owned();
    tree.packages[6].name = "slowstart".to_owned();
    assert_eq!(check(&tree), ["crates/quickstart/Cargo.toml: the folder is not named `slowstart`"]);
}

#[test]
fn keywords_that_the_registry_rejects_are_found() {
    let finding = "crates/lameduck-core/Cargo.toml: the registry takes 1 to 5 keywords of at most \
                   20 letters";
    for keywords in [vec![], vec!["a"; 6], vec!["abcdefghijklmnopqrstu"]] {
        let mut tree = tidy_tree();
        tree.packages[0].keywords = keywords.into_iter().map(str::to_owned).collect();
        assert_eq!(check(&tree), [finding]);
    }
}

#[test]
fn a_crate_may_need_a_newer_rust_than_the_others() {
    let path = "crates/lameduck-core/Cargo.toml";
    check_edit(path, "rust-version.workspace = true", "rust-version = \"1.90\"", &[]);
    check_edit(
        path,
        "rust-version.workspace = true\n",
        "",
        &["crates/lameduck-core/Cargo.toml: [package] without `rust-version.workspace = true`"],
    );
}

#[test]
fn a_module_without_its_doc_is_found() {
    check_edit(
        "crates/quickstart/src/main.rs",
        "//! ",
        "// ",
        &["crates/quickstart/src/main.rs:1: does not begin with its module doc, `//! …`"],
    );
}

#[test]
fn a_lib_that_holds_code_is_found() {
    let path = "crates/lameduck-core/src/lib.rs";
    check_edit(
        path,
        "pub(crate) mod layer;",
        "pub fn layer() {}",
        &["crates/lameduck-core/src/lib.rs:24: a lib.rs holds docs, \
             `mod` and `use`, not `pub fn layer() {}`"],
    );
    check_edit(
        path,
        "pub(crate) mod layer;",
        "mod layer {}",
        &["crates/lameduck-core/src/lib.rs:24: a lib.rs holds docs, \
             `mod` and `use`, not `mod layer {}`"],
    );
}

#[test]
fn a_crate_page_without_its_parts_is_found() {
    let path = "crates/lameduck-drain/src/lib.rs";
    check_edit(
        path,
        "requests.",
        "requests. All.",
        &["crates/lameduck-drain/src/lib.rs: the page does not open with one sentence"],
    );
    check_edit(
        path,
        "//! A request is *rejected* when it was not begun.\n//!\n",
        "",
        &["crates/lameduck-drain/src/lib.rs: the page does not define its noun after the sentence"],
    );
    check_edit(
        path,
        "//! # Cost\n//!\n",
        "",
        &["crates/lameduck-drain/src/lib.rs: the page has no `# Cost`"],
    );
    check_edit(
        path,
        "//! # Example\n//!\n//! # Where to put it\n",
        "//! # Where to put it\n//!\n//! # Example\n",
        &["crates/lameduck-drain/src/lib.rs: `# Where to put it` is not in its place"],
    );
    let long = format!("# Cost\n{}", "//!\n".repeat(86));
    check_edit(
        path,
        "# Cost\n",
        &long,
        &["crates/lameduck-drain/src/lib.rs: the page has 101 lines, more than 100"],
    );
}

#[test]
fn a_crate_without_a_layer_may_leave_sections_out() {
    let mut tree = tidy_tree();
    tree.files.remove("crates/lameduck-core/src/layer.rs");
    let page = tree.files.get_mut("crates/lameduck-core/src/lib.rs").unwrap();
    *page = page.replace("//! # Cost\n//!\n", "");
    bless(&mut tree);
    assert_eq!(check(&tree), [""; 0]);
}

#[test]
fn a_changelog_that_does_not_know_the_version_is_found() {
    let path = "crates/lameduck-core/CHANGELOG.md";
    check_edit(path, "## Unreleased", "## [0.1.0] 2026-01-01", &[]);
    check_edit(
        path,
        "## Unreleased",
        "## 0.0.9",
        &["crates/lameduck-core/CHANGELOG.md: has neither `## Unreleased` nor `## 0.1.0`"],
    );
    let mut tree = tidy_tree();
    tree.files.remove(path);
    assert_eq!(check(&tree), ["crates/lameduck-core/CHANGELOG.md: is missing"]);
}

#[test]
fn unfinished_work_is_found() {
    let mark = concat!("// TO", "DO: later\n");
    check_edit(
        "crates/quickstart/src/main.rs",
        "program.\n",
        &format!("program.\n{mark}"),
        &[concat!("crates/quickstart/src/main.rs:2: TO", "DO")],
    );
}

#[test]
fn a_readme_that_is_not_its_page_is_found() {
    check_edit(
        "crates/lameduck-core/README.md",
        "Rejects",
        "Reject",
        &["crates/lameduck-core/README.md: is not up to date: run `cargo xtask readme --bless`"],
    );
}

#[test]
fn every_finding_is_printed_not_only_the_first() {
    let mut tree = tidy_tree();
    tree.files.insert("crates/quickstart/src/a.rs".to_owned(), "fn a() {}\n".to_owned());
    tree.files.insert("crates/quickstart/src/b.rs".to_owned(), "fn b() {}\n".to_owned());
    tree.files.remove("crates/lameduck-core/CHANGELOG.md");
    assert_eq!(check(&tree).len(), 3);
}

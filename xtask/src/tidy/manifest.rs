//! Manifests: their keys, where their values come from, their order.

use super::toml::{Entry, entries};
use crate::{tree::Tree, workspace::Package};

/// What every crate takes from the workspace.
const SHARED: [&str; 3] = ["version", "edition", "license"];
/// So many keywords does the registry take, and none that is longer.
const KEYWORDS: usize = 5;
const LONGEST_KEYWORD: usize = 20;
/// What a published crate takes from it, too.
const SHARED_BY_PUBLISHED: [&str; 3] = ["repository", "keywords", "categories"];
/// What a published crate says itself: section, key, value.
const SAID_BY_PUBLISHED: [(&str, &str, &str); 3] = [
    ("package", "readme", "\"README.md\""),
    ("package.metadata.docs.rs", "all-features", "true"),
    ("package.metadata.docs.rs", "rustdoc-args", "[\"--cfg\", \"docsrs\"]"),
];

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    if let Some(text) = tree.files.get("Cargo.toml") {
        let entries = entries(text);
        check_order("Cargo.toml", &entries, findings);
        for entry in entries.iter().filter(|entry| entry.is_dependency()) {
            if !entry.value.contains("default-features = false") {
                findings.push(format!(
                    "Cargo.toml:{}: `{}` without `default-features = false`",
                    entry.line, entry.key
                ));
            }
        }
    }
    for package in &tree.packages {
        if let Some(text) = tree.read(package, "Cargo.toml") {
            check_package(package, &entries(text), findings);
        }
    }
}

fn check_package(package: &Package, entries: &[Entry<'_>], findings: &mut Vec<String>) {
    let path = Tree::path(package, "Cargo.toml");
    let has = |section: &str, key: &str, value: &str| {
        entries.iter().any(|e| e.section == section && e.key == key && e.value == value)
    };
    // A crate whose dependency needs a newer Rust says so.
    let own_rust = entries.iter().any(|e| e.section == "package" && e.key == "rust-version");
    let mut need = |section: &str, key: &str, value: &str| {
        if !has(section, key, value) {
            findings.push(format!("{path}: [{section}] without `{key} = {value}`"));
        }
    };
    for key in SHARED {
        need("package", &format!("{key}.workspace"), "true");
    }
    if !own_rust {
        need("package", "rust-version.workspace", "true");
    }
    need("lints", "workspace", "true");
    if package.published {
        for key in SHARED_BY_PUBLISHED {
            need("package", &format!("{key}.workspace"), "true");
        }
        for (section, key, value) in SAID_BY_PUBLISHED {
            need(section, key, value);
        }
    }
    if package.published && !has_keywords(package) {
        findings.push(format!(
            "{path}: the registry takes 1 to {KEYWORDS} keywords \
             of at most {LONGEST_KEYWORD} letters"
        ));
    }
    if !package.description.ends_with('.') {
        findings.push(format!("{path}: `description` is not a sentence with a full stop"));
    }
    if !package.dir.ends_with(&package.name) {
        findings.push(format!("{path}: the folder is not named `{}`", package.name));
    }
    for entry in entries.iter().filter(|entry| entry.is_dependency()) {
        if !entry.is_from_workspace() {
            findings.push(format!(
                "{path}:{}: `{}` does not take its version from the workspace",
                entry.line, entry.key
            ));
        }
    }
    check_order(&path, entries, findings);
}

fn has_keywords(package: &Package) -> bool {
    let keywords = &package.keywords;
    (1..=KEYWORDS).contains(&keywords.len())
        && keywords.iter().all(|word| word.len() <= LONGEST_KEYWORD)
}

/// Dependencies are sorted within their block.
fn check_order(path: &str, entries: &[Entry<'_>], findings: &mut Vec<String>) {
    for pair in entries.windows(2) {
        let [first, second] = pair else { continue };
        let together = first.is_dependency() && first.block == second.block;
        if together && first.name() > second.name() {
            findings.push(format!(
                "{path}:{}: `{}` is not sorted after `{}`",
                second.line,
                second.name(),
                first.name()
            ));
        }
    }
}

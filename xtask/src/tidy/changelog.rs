//! Changelogs: every published crate has one, and its version stands in it.

use crate::tree::Tree;

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    for package in tree.published() {
        let path = Tree::path(package, "CHANGELOG.md");
        let Some(text) = tree.read(package, "CHANGELOG.md") else {
            findings.push(format!("{path}: is missing"));
            continue;
        };
        let version = &package.version;
        let is_said = text.lines().filter(|line| line.starts_with('#')).any(|heading| {
            let first = heading.trim_start_matches('#').split_whitespace().next();
            let name = first.unwrap_or_default().trim_matches(['[', ']']);
            name == "Unreleased" || name == version
        });
        if !is_said {
            findings.push(format!("{path}: has neither `## Unreleased` nor `## {version}`"));
        }
    }
}

//! The crate page: what it must say, and in which order.

use crate::{readme::docs, tree::Tree};

/// The sections after the sentence and the definition. Others may stand between them.
const SECTIONS: [&str; 6] = [
    "# Example",
    "# Where to put it",
    "# Guarantees",
    "# Cost",
    "# What it does not do",
    "# Feature flags",
];

/// The longest page. What does not fit stands in a page of `docs/`.
const LONGEST: usize = 100;

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    for package in tree.published() {
        let Some(lib) = tree.read(package, "src/lib.rs") else { continue };
        let path = Tree::path(package, "src/lib.rs");
        let docs: Vec<&str> = docs(lib).collect();
        if docs.len() > LONGEST {
            let lines = docs.len();
            findings.push(format!("{path}: the page has {lines} lines, more than {LONGEST}"));
        }
        let mut paragraphs = docs.split(|line| line.is_empty());
        let sentence = paragraphs.next().unwrap_or_default().join(" ");
        if !sentence.ends_with('.') || sentence.contains(". ") {
            findings.push(format!("{path}: the page does not open with one sentence"));
        }
        // A crate with a layer says everything; the others say in the same order what they say.
        let is_layer = tree.read(package, "src/layer.rs").is_some();
        let defines = paragraphs.next().and_then(|lines| lines.first()?.chars().next());
        if is_layer && defines.is_none_or(|first| first == '#') {
            findings.push(format!("{path}: the page does not define its noun after the sentence"));
        }
        check_sections(&path, &docs, is_layer, findings);
    }
}

fn check_sections(path: &str, docs: &[&str], is_layer: bool, findings: &mut Vec<String>) {
    let position = |section: &str| docs.iter().position(|line| *line == section);
    let mut last = None;
    for section in SECTIONS {
        let at = position(section);
        if at.is_none() && is_layer {
            findings.push(format!("{path}: the page has no `{section}`"));
        }
        if at.is_some() && at < last {
            findings.push(format!("{path}: `{section}` is not in its place"));
        }
        last = last.max(at);
    }
}

//! No line is longer than 100 columns, in Rust and in Markdown.

use crate::tree::Tree;

const WIDEST: usize = 100;
/// The first words of a file that a task writes.
const GENERATED: &str = "<!-- Written by ";

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    let files = tree.with_ending(".rs").chain(tree.with_ending(".md"));
    for (path, text) in files.filter(|(_, text)| !text.starts_with(GENERATED)) {
        for (index, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > WIDEST && !cannot_be_shorter(path, line) {
                let line = index + 1;
                findings.push(format!("{path}:{line}: {columns} columns, more than {WIDEST}"));
            }
        }
    }
}

/// A row of a table is one line, and an address has no place to break.
fn cannot_be_shorter(path: &str, line: &str) -> bool {
    let text = line.trim_start_matches(['/', '!', ' ']);
    let is_row = text.starts_with("| ") && (path.ends_with(".md") || text.len() < line.len());
    is_row || line.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_found_and_one_that_cannot_be_shorter_is_not() {
        let long = |text: &str| format!("{text}{}\n", "é".repeat(101));
        let mut tree = Tree::default();
        let mut put = |file: &str, text: String| tree.files.insert(file.to_owned(), text);
        put("a.rs", "é".repeat(100) + "\n" + &long("") + &long("//! | row ") + &long("// a://"));
        put("b.md", long("| row ") + &long("[a]: b://") + &long(""));
        put("c.md", long(GENERATED));
        put("d.toml", long(""));
        let mut findings = Vec::new();
        check(&tree, &mut findings);
        assert_eq!(
            findings,
            ["a.rs:2: 101 columns, more than 100", "b.md:3: 101 columns, more than 100"]
        );
    }
}

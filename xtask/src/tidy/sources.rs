//! Source files: their first line, what a `lib.rs` may hold, what is left undone.

use crate::tree::Tree;

/// Marks of unfinished work. Spelled so that this file does not hold them.
const UNFINISHED: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    for (path, text) in tree.with_ending(".rs") {
        if !text.starts_with("//!") {
            findings.push(format!("{path}:1: does not begin with its module doc, `//! …`"));
        }
        if path.ends_with("src/lib.rs") {
            check_lib(path, text, findings);
        }
    }
    for (path, text) in tree.with_ending("") {
        check_unfinished(path, text, findings);
    }
}

fn check_unfinished(path: &str, text: &str, findings: &mut Vec<String>) {
    for (index, line) in text.lines().enumerate() {
        let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if let Some(word) = words.find(|word| UNFINISHED.contains(word)) {
            findings.push(format!("{path}:{}: {word}", index + 1));
        }
    }
}

/// A `lib.rs` holds docs, attributes, `mod` and `use`. Names the first line that is none of them.
fn check_lib(path: &str, text: &str, findings: &mut Vec<String>) {
    let mut open = Open::None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        open = match open {
            Open::None if line.is_empty() || line.starts_with("//") => Open::None,
            Open::None if line.starts_with('#') => Open::Attribute(0).after(line),
            Open::None if is_module_or_use(line) => Open::Use.after(line),
            Open::None => {
                findings.push(format!(
                    "{path}:{}: a lib.rs holds docs, `mod` and `use`, not `{line}`",
                    index + 1
                ));
                return;
            }
            open => open.after(line),
        };
    }
}

/// What goes on in the next line.
#[derive(Clone, Copy)]
enum Open {
    None,
    /// An attribute with so many brackets open.
    Attribute(i32),
    Use,
}

impl Open {
    fn after(self, line: &str) -> Self {
        match self {
            Self::None => Self::None,
            Self::Attribute(depth) => match depth + brackets(line) {
                0 => Self::None,
                depth => Self::Attribute(depth),
            },
            Self::Use if line.ends_with(';') => Self::None,
            Self::Use => Self::Use,
        }
    }
}

fn brackets(line: &str) -> i32 {
    line.chars().map(|c| i32::from(c == '[') - i32::from(c == ']')).sum()
}

fn is_module_or_use(line: &str) -> bool {
    let item = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or(rest, |(_, item)| item),
        Some(rest) => rest.trim_start(),
        None => line,
    };
    item.starts_with("use ") || (item.starts_with("mod ") && item.ends_with(';'))
}

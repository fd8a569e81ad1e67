//! Imports and paths, read from code as text.

use std::collections::BTreeSet;

/// One name that a `use` brings into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// The name in the file; `*` for all.
    pub(super) name: String,
    pub(super) path: Vec<String>,
    pub(super) is_public: bool,
}

/// A path that is written in code: `a::b::C`.
pub(super) type Path = Vec<String>;

/// What a file imports, and the paths in the rest of its code.
pub(super) fn read(code: &str) -> (Vec<Import>, BTreeSet<Path>) {
    let (mut imports, mut paths) = (Vec::new(), BTreeSet::new());
    for statement in code.split(';') {
        match use_in(statement) {
            Some(at) => {
                let (before, tree) = (&statement[..at], &statement[at + "use".len()..]);
                let mut found = Vec::new();
                expand(&[], tree, &mut found);
                let visibility = before.trim_end();
                let is_public = visibility.ends_with("pub")
                    || (visibility.ends_with(')') && visibility.contains("pub("));
                imports.extend(found.into_iter().map(|(name, path)| Import {
                    name,
                    path,
                    is_public,
                }));
                add_paths(before, &mut paths);
            }
            None => add_paths(statement, &mut paths),
        }
    }
    (imports, paths)
}

/// Where the `use` of an import stands in a statement.
fn use_in(statement: &str) -> Option<usize> {
    let (at, _) = statement.rmatch_indices("use").find(|&(at, _)| {
        let before = statement[..at].chars().next_back();
        let after = statement[at + 3..].chars().next();
        before.is_none_or(|c| c.is_whitespace() || c == '{' || c == '}')
            && after.is_some_and(char::is_whitespace)
    })?;
    let is_path = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_:{},*".contains(c);
    statement[at..].chars().all(is_path).then_some(at)
}

/// The names and paths of a tree of imports: `a::{b, c::{self, d as e}, *}`.
fn expand(prefix: &[String], tree: &str, found: &mut Vec<(String, Path)>) {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, Some(group.trim_end().trim_end_matches('}'))),
        None => (tree, None),
    };
    let (head, alias) = match head.split_once(" as ") {
        Some((head, alias)) => (head, Some(alias.trim().to_owned())),
        None => (head, None),
    };
    let mut path = prefix.to_vec();
    path.extend(head.split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned));
    if let Some(group) = group {
        for part in parts(group) {
            expand(&path, part, found);
        }
        return;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(last) = path.last().cloned() {
        if last == "*" {
            path.pop();
        }
        found.push((alias.unwrap_or(last), path));
    }
}

/// The parts between the commas that stand in no inner braces.
fn parts(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    // The last brace of an inner group may be cut off with those of the outer ones.
    parts.push(&group[from..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// Adds every chain of names with `::` between them, single names too.
fn add_paths(code: &str, paths: &mut BTreeSet<Path>) {
    let mut chain: Path = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            chain.push(rest[..end].to_owned());
            rest = &rest[end..];
            if let Some(after) = rest.strip_prefix("::") {
                rest = after;
                continue;
            }
        } else {
            let end = if first.is_numeric() {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            rest = &rest[end..];
        }
        if !chain.is_empty() {
            paths.insert(std::mem::take(&mut chain));
        }
    }
    if !chain.is_empty() {
        paths.insert(chain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_imports_is_taken_apart() {
        let code = "pub(crate) use self::{a::{self, B as C, d::{E}}, f::*};\nuse g::H;\n\
                    fn i() -> impl use<'a> K { use l::M; n::o(P, 1u8); }";
        let (imports, paths) = read(code);
        let seen: Vec<_> = imports
            .iter()
            .map(|i| {
                format!("{}={}{}", i.name, i.path.join("::"), if i.is_public { "!" } else { "" })
            })
            .collect();
        assert_eq!(
            seen,
            ["a=self::a!", "C=self::a::B!", "E=self::a::d::E!", "*=self::f!", "H=g::H", "M=l::M"]
        );
        assert!(paths.contains(&vec!["n".to_owned(), "o".to_owned()]));
        assert!(paths.contains(&vec!["P".to_owned()]));
    }
}

//! Where code stands: the `impl` of a type, the file of a module with children, long files.

use std::collections::BTreeMap;

use super::rust::{Impl, Modules, inherent_impls};
use crate::tree::Tree;

const LONGEST: usize = 300;
const LONGEST_TEST: usize = 400;
/// For a file that is for the most part the `impl` of one type, which no other file may hold.
const LONGEST_TYPE: usize = 500;

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    check_style(tree, findings);
    for package in &tree.packages {
        check_impls(&Modules::load(tree, package), findings);
    }
    for (path, text) in tree.with_ending(".rs") {
        check_length(path, text, findings);
    }
}

/// A module with children is `foo/mod.rs`.
fn check_style(tree: &Tree, findings: &mut Vec<String>) {
    for (path, _) in tree.with_ending(".rs") {
        let folder = format!("{}/", path.trim_end_matches(".rs"));
        // Files are sorted: the first one from there on is in the folder, if any is.
        let next = tree.files.range(folder.clone()..).next();
        if next.is_some_and(|(other, _)| other.starts_with(&folder)) {
            findings.push(format!("{path}: stands beside its folder: it is {folder}mod.rs"));
        }
    }
}

/// The inherent `impl`s of one type are in one file.
fn check_impls(modules: &Modules<'_>, findings: &mut Vec<String>) {
    let mut files: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for (path, module) in modules.iter() {
        for Impl { name, .. } in inherent_impls(&module.code) {
            let Some(defined) = modules.definition(path, &name) else { continue };
            let files = files.entry((defined, name)).or_default();
            if !files.contains(&module.file) {
                files.push(module.file);
            }
        }
    }
    for ((defined, name), mut files) in files {
        // Where the type is defined, or the first one.
        files.sort_by_key(|file| *file != defined);
        for other in files.iter().skip(1) {
            findings.push(format!(
                "{other}: `impl {name}` stands in {} already: one type, one file",
                files[0]
            ));
        }
    }
}

fn check_length(path: &str, text: &str, findings: &mut Vec<String>) {
    let lines = text.lines().count();
    let is_test = path.contains("/tests/") || path.ends_with("tests.rs");
    let longest = match is_test {
        true => LONGEST_TEST,
        false if lines > LONGEST && is_mostly_one_type(text, lines) => LONGEST_TYPE,
        false => LONGEST,
    };
    if lines > longest {
        findings.push(format!("{path}: {lines} lines, more than {longest}"));
    }
}

/// Whether more than half of the lines are the inherent `impl`s of one type.
fn is_mostly_one_type(text: &str, lines: usize) -> bool {
    let mut by_type: BTreeMap<String, usize> = BTreeMap::new();
    for Impl { name, first, last } in inherent_impls(&super::rust::code(text)) {
        *by_type.entry(name).or_default() += last + 1 - first;
    }
    by_type.values().any(|own| 2 * own > lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::sources;

    #[track_caller]
    fn check_sources(files: &[(&str, &str)], expected: &[&str]) {
        let mut findings = Vec::new();
        check(&sources(files), &mut findings);
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_second_file_with_the_impl_of_a_type_is_found() {
        check_sources(
            &[
                ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
                ("a.rs", "use crate::c::T;\nimpl<'a> T<'a> {}\nimpl Clone for T<'_> {}\n"),
                ("b.rs", "pub struct T;\nimpl T {}\n"),
                ("c.rs", "pub struct T<'a>;\nimpl T<'_> {}\nimpl T<'static> {}\n"),
            ],
            &["crates/x/src/a.rs: `impl T` stands in crates/x/src/c.rs already: \
                 one type, one file"],
        );
    }

    #[test]
    fn a_type_may_have_its_only_impl_in_another_file() {
        check_sources(
            &[
                ("lib.rs", "mod a;\n"),
                ("a/mod.rs", "mod b;\nstruct T;\n"),
                ("a/b.rs", "use super::T;\nimpl T {}\n"),
            ],
            &[],
        );
    }

    #[test]
    fn a_module_beside_its_folder_is_found() {
        check_sources(
            &[("lib.rs", ""), ("a.rs", ""), ("a/b.rs", ""), ("c/mod.rs", ""), ("c/d.rs", "")],
            &["crates/x/src/a.rs: stands beside its folder: it is crates/x/src/a/mod.rs"],
        );
    }

    #[test]
    fn a_file_is_longer_than_300_lines_only_for_the_impl_of_one_type() {
        check_sources(&[("a.rs", &"\n".repeat(300)), ("tests.rs", &"\n".repeat(400))], &[]);
        check_sources(
            &[("a.rs", &"\n".repeat(301)), ("tests.rs", &"\n".repeat(401))],
            &[
                "crates/x/src/a.rs: 301 lines, more than 300",
                "crates/x/src/tests.rs: 401 lines, more than 400",
            ],
        );
        let body = "    // line\n".repeat(200);
        let mostly = format!("impl T {{\n{body}}}\n{}", "\n".repeat(120));
        check_sources(&[("a.rs", &mostly)], &[]);
        let partly = format!("impl T {{\n{body}}}\n{}", "\n".repeat(202));
        check_sources(&[("a.rs", &partly)], &["crates/x/src/a.rs: 404 lines, more than 300"]);
        let long = format!("impl T {{\n{body}{body}{body}}}\n");
        check_sources(&[("a.rs", &long)], &["crates/x/src/a.rs: 602 lines, more than 500"]);
    }
}

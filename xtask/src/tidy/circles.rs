//! Files of a crate that use each other.

use std::collections::{BTreeMap, BTreeSet};

use super::rust::Modules;
use crate::tree::Tree;

/// What each file takes from which others, and the name that shows it.
type Uses<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    for package in &tree.packages {
        let modules = Modules::load(tree, package);
        let uses = modules.uses();
        let reached: BTreeMap<_, _> =
            uses.keys().map(|file| (*file, reached(&uses, file))).collect();
        let mut seen = BTreeSet::new();
        for (file, others) in &reached {
            let circle: BTreeSet<&str> =
                others.iter().copied().filter(|other| reached[other].contains(file)).collect();
            if circle.len() > 1 && seen.insert(circle.clone()) {
                findings.push(format!("{file}: a circle of files: {}", ties(&uses, &circle)));
            }
        }
    }
}

/// Every file that `file` reaches, itself only if something leads back.
fn reached<'a>(uses: &Uses<'a>, file: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for other in uses.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(*other) {
                open.push(other);
            }
        }
    }
    reached
}

fn ties(uses: &Uses<'_>, circle: &BTreeSet<&str>) -> String {
    let ties = circle.iter().flat_map(|file| {
        let others = uses[file].iter().filter(|(other, _)| circle.contains(*other));
        others.map(move |(other, name)| {
            format!("{} takes `{name}` from {}", short(file), short(other))
        })
    });
    ties.collect::<Vec<_>>().join(", ")
}

/// The path below `src`.
fn short(file: &str) -> &str {
    file.split_once("/src/").map_or(file, |(_, short)| short)
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
    fn two_files_that_use_each_other_are_found() {
        check_sources(
            &[
                ("lib.rs", "mod a;\nmod b;\n"),
                ("a.rs", "use crate::b::B;\npub struct A(B);\n"),
                ("b.rs", "pub struct B;\nfn b() { super::a::A; }\n"),
            ],
            &["crates/x/src/a.rs: a circle of files: a.rs takes `B` from b.rs, \
               b.rs takes `A` from a.rs"],
        );
    }

    #[test]
    fn a_circle_through_a_re_export_and_an_import_of_a_module_is_found() {
        check_sources(
            &[
                ("a/mod.rs", "mod c;\npub use self::c::C;\n"),
                ("a/c.rs", "use crate::b;\npub struct C;\nfn c() { b::help() }\n"),
                ("b.rs", "use crate::a::*;\npub fn help() -> C {}\n"),
                ("lib.rs", "pub mod a;\npub use a::C;\nmod b;\n"),
            ],
            &["crates/x/src/a/c.rs: a circle of files: a/c.rs takes `help` from b.rs, \
               b.rs takes `C` from a/c.rs"],
        );
    }

    #[test]
    fn what_the_crate_offers_is_taken_from_no_file() {
        check_sources(
            &[
                ("lib.rs", "mod a;\nmod b;\npub use self::a::A;\n"),
                ("a.rs", "use crate::b::B;\npub struct A(B);\n"),
                ("b.rs", "use crate::A;\npub struct B;\nfn b() -> A {}\n"),
            ],
            &[],
        );
    }

    #[test]
    fn a_parent_that_only_passes_its_children_on_is_in_no_circle() {
        check_sources(
            &[
                ("lib.rs", "mod a;\n"),
                ("a/mod.rs", "mod b;\nmod c;\npub use self::b::B;\nuse self::c::C;\n"),
                ("a/b.rs", "use super::C;\npub struct B(C);\n"),
                ("a/c.rs", "pub struct C;\n#[cfg(test)]\nmod tests {\nuse crate::a::B;\n}\n"),
            ],
            &[],
        );
    }

    #[test]
    fn a_child_that_uses_what_its_parent_defines_is_in_a_circle_if_the_parent_uses_it() {
        let child = "use super::Parent;\npub fn child(_: Parent) {}\n";
        let parent = "mod b;\npub struct Parent;\n";
        check_sources(&[("a/mod.rs", parent), ("a/b.rs", child), ("lib.rs", "mod a;\n")], &[]);
        let uses = format!("{parent}fn parent() {{ b::child(Parent) }}\n");
        check_sources(
            &[("a/mod.rs", &uses), ("a/b.rs", child), ("lib.rs", "mod a;\n")],
            &["crates/x/src/a/b.rs: a circle of files: a/b.rs takes `Parent` from a/mod.rs, \
               a/mod.rs takes `child` from a/b.rs"],
        );
    }
}

//! What a README makes of a crate page.

use std::path::PathBuf;

use super::{CRATES, between, differences, links::Index, markdown::from_docs, wanted};
use crate::{tree::Tree, workspace::Package};

fn package(name: &str, ours: &[&str]) -> Package {
    Package {
        name: name.to_owned(),
        description: format!("About {name}."),
        repository: "https://forge.example/lameduck".to_owned(),
        dir: PathBuf::from(format!("crates/{name}")),
        published: true,
        ours: ours.iter().map(ToString::to_string).collect(),
        ..Package::default()
    }
}

/// Two crates: `lameduck-core`, and `lameduck`, which re-exports it.
fn tree() -> Tree {
    let core = "pub enum Phase {\n    Running,\n}\nimpl Phase {\n    pub fn name() {}\n}\n\
                pub trait Law {\n    fn hold();\n}\npub fn channel() {}\n\
                #[macro_export]\nmacro_rules! laws {}\n";
    let facade = "//! Whole.\n//!\n//! See [`core`], [`Phase`] and [`Duck`].\n\
                  pub use lameduck_core as core;\npub struct Duck {}\n";
    let files = [("lameduck", facade), ("lameduck-core", core)]
        .map(|(name, text)| (format!("crates/{name}/src/lib.rs"), text.to_owned()));
    Tree {
        files: files.into(),
        packages: vec![package("lameduck", &["lameduck-core"]), package("lameduck-core", &[])],
    }
}

/// Rewrites a page of `lameduck-core`.
#[track_caller]
fn check(docs: &[&str], expected: &str) {
    let tree = tree();
    assert_eq!(from_docs(docs, &Index::new(&tree, &tree.packages[1])), expected);
}

const CORE: &str = "https://docs.rs/lameduck-core/latest/lameduck_core";

#[test]
fn headings_move_one_level_down() {
    check(&["One.", "", "# Cost", "", "## Detail"], "One.\n\n## Cost\n\n### Detail");
}

#[test]
fn hidden_lines_are_gone_and_a_fence_is_rust() {
    check(
        &["Text.", "", "```no_run", "# fn main() {", "#[derive(Debug)]", "##x", "#", "# }", "```"],
        "Text.\n\n```rust\n#[derive(Debug)]\n#x\n```\n",
    );
}

#[test]
fn a_fence_in_another_language_stays_as_it_is() {
    check(
        &["```console", "# cargo add lameduck", "```", "End."],
        "\n```console\n# cargo add lameduck\n```\nEnd.",
    );
}

#[test]
fn a_link_to_an_item_leads_to_its_page() {
    for (link, page) in [
        ("[`Phase`]", "enum.Phase.html"),
        ("[`Phase::name`]", "enum.Phase.html#method.name"),
        ("[`Phase::Running`]", "enum.Phase.html#variant.Running"),
        ("[`crate::channel()`]", "fn.channel.html"),
        ("[`laws!`]", "macro.laws.html"),
        ("[`Law::hold`]", "trait.Law.html#tymethod.hold"),
    ] {
        check(&[link], &format!("{link}({CORE}/{page})"));
    }
    check(&["[the name](Phase::name)"], &format!("[the name]({CORE}/enum.Phase.html#method.name)"));
    check(&["[the", "name](crate)"], &format!("[the\nname]({CORE}/)"));
}

#[test]
fn a_link_to_what_is_not_ours_becomes_code() {
    check(&["[`axum::serve`] and [its `Router`](axum::Router)"], "`axum::serve` and its `Router`");
}

#[test]
fn a_definition_is_resolved_or_dropped_with_its_uses() {
    check(
        &["[x] [y][z]", "", "[x]: Phase", "[z]: axum::Router"],
        &format!("[x] y\n\n[x]: {CORE}/enum.Phase.html\n"),
    );
}

#[test]
fn what_is_no_link_to_an_item_stays_as_it_is() {
    for text in ["a[0] `b[`1`]", "[a](https://b.example)", "[a](#cost)", "[0, 1] and ` alone", "["]
    {
        check(&[text], text);
    }
}

#[test]
fn a_re_exported_item_leads_to_the_crate_that_has_it() {
    let wanted = wanted(&tree());
    let (path, text) = &wanted[0];
    assert_eq!(path, "crates/lameduck/README.md");
    assert_eq!(
        *text,
        format!(
            "<!-- Written by `cargo xtask readme --bless` from src/lib.rs. -->\n# lameduck\n\n\
             Whole.\n\nSee [`core`]({CORE}/), [`Phase`]({CORE}/enum.Phase.html) and \
             [`Duck`](https://docs.rs/lameduck/latest/lameduck/struct.Duck.html).\n\n---\n\n\
             Part of [lameduck](https://forge.example/lameduck). \
             Licensed under MIT or Apache-2.0, at your choice.\n"
        )
    );
}

#[test]
fn the_root_lists_the_published_crates_with_the_facade_first() {
    let mut tree = tree();
    tree.packages.insert(0, package("lameduck-a", &[]));
    tree.packages.push(Package { published: false, ..package("xtask", &[]) });
    tree.files.insert("README.md".to_owned(), "<!-- crates -->\n<!-- /crates -->\n".to_owned());
    let (_, text) = wanted(&tree).pop().unwrap();
    assert_eq!(
        text,
        "<!-- crates -->\n| crate | what it does |\n|---|---|\n\
         | [`lameduck`](crates/lameduck) | About lameduck. |\n\
         | [`lameduck-a`](crates/lameduck-a) | About lameduck-a. |\n\
         | [`lameduck-core`](crates/lameduck-core) | About lameduck-core. |\n<!-- /crates -->\n"
    );
}

#[test]
fn the_root_lists_the_examples() {
    let mut tree = tree();
    let dir = PathBuf::from("examples/quickstart");
    tree.packages.push(Package { published: false, dir, ..package("quickstart", &[]) });
    tree.files.insert("README.md".to_owned(), "<!-- examples --><!-- /examples -->".to_owned());
    let (_, text) = wanted(&tree).pop().unwrap();
    assert_eq!(
        text,
        "<!-- examples -->\n| example | what it shows |\n|---|---|\n\
         | [`quickstart`](examples/quickstart) | About quickstart. |\n<!-- /examples -->"
    );
}

#[test]
fn a_readme_that_is_not_as_its_page_is_a_difference() {
    let mut tree = tree();
    tree.files.extend(wanted(&tree));
    let mut findings = Vec::new();
    differences(&tree, &mut findings);
    assert_eq!(findings, [""; 0]);

    tree.files.get_mut("crates/lameduck-core/src/lib.rs").unwrap().insert_str(0, "//! New.\n");
    differences(&tree, &mut findings);
    assert_eq!(
        findings,
        ["crates/lameduck-core/README.md: is not up to date: run `cargo xtask readme --bless`"]
    );
}

#[test]
fn the_text_between_two_marks_is_replaced() {
    let text = "a\n<!-- crates -->\nold\n<!-- /crates -->\nz\n";
    let wanted = "a\n<!-- crates -->\nnew\n<!-- /crates -->\nz\n";
    assert_eq!(between(text, CRATES, "new\n").as_deref(), Some(wanted));
    assert_eq!(between("no marks", CRATES, "new\n"), None);
}

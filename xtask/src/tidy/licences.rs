//! Each published crate carries both licences, as the root has them.

use crate::tree::Tree;

const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    for package in tree.published() {
        for licence in LICENCES {
            let path = Tree::path(package, licence);
            match (tree.files.get(&path), tree.files.get(licence)) {
                (None, _) => findings.push(format!("{path}: is missing")),
                (found, wanted) if found != wanted => {
                    findings.push(format!("{path}: is not the text of the root's {licence}"));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::sources;

    #[test]
    fn a_published_crate_without_its_own_copy_of_a_licence_is_found() {
        let mut tree = sources(&[]);
        let mut put = |file: &str, text: &str| tree.files.insert(file.to_owned(), text.to_owned());
        put("LICENSE-APACHE", "apache");
        put("LICENSE-MIT", "mit");
        put("crates/x/LICENSE-MIT", "other");
        let found = |tree: &Tree| {
            let mut findings = Vec::new();
            check(tree, &mut findings);
            findings
        };
        assert_eq!(found(&tree), [""; 0]);
        tree.packages[0].published = true;
        assert_eq!(
            found(&tree),
            [
                "crates/x/LICENSE-APACHE: is missing",
                "crates/x/LICENSE-MIT: is not the text of the root's LICENSE-MIT",
            ]
        );
    }
}

//! The glossary: words that its table says are not used.

use crate::tree::Tree;

/// The page that has the glossary.
const PAGE: &str = "CONTRIBUTING.md";
/// The heading of its table.
const HEADING: &str = "| word | meaning | words not used for it |";
/// Where the words are looked for.
const SEARCHED: [&str; 4] = ["README.md", "ARCHITECTURE.md", PAGE, "docs/"];
/// The folders of a crate where they are, and the folder of all examples.
const FOLDERS: [&str; 2] = ["src/", "tests/"];
const EXAMPLES: &str = "examples/";

/// Words in a row that are not used, in lower case, and the word to use.
struct Unused<'a> {
    words: Vec<String>,
    instead: &'a str,
}

/// What the table says.
struct Glossary<'a> {
    unused: Vec<Unused<'a>>,
    /// Names that keep such a word, because other programs read them.
    kept: Vec<&'a str>,
}

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    let Some(page) = tree.files.get(PAGE) else { return };
    let glossary = Glossary::read(page);
    if glossary.unused.is_empty() {
        findings.push(format!("{PAGE}: has no table `{HEADING}`"));
    }
    for (path, text) in &tree.files {
        if is_searched(tree, path) {
            glossary.search(path, text, findings);
        }
    }
}

fn is_searched(tree: &Tree, path: &str) -> bool {
    let is_text = path.ends_with(".rs") || path.ends_with(".md");
    let in_crate = || {
        let crates = tree.packages.iter().filter(|package| package.dir.starts_with("crates"));
        let mut folders = crates.flat_map(|package| FOLDERS.map(|name| Tree::path(package, name)));
        folders.any(|folder| path.starts_with(&folder))
    };
    let by_name = || SEARCHED.iter().any(|name| path == *name || path.starts_with("docs/"));
    is_text && (by_name() || path.starts_with(EXAMPLES) || in_crate())
}

impl<'a> Glossary<'a> {
    /// Reads the last column: words in backticks are not used; one with a dot is kept.
    fn read(page: &'a str) -> Self {
        let (mut unused, mut kept) = (Vec::new(), Vec::new());
        for row in page.lines().skip_while(|line| *line != HEADING).skip(2) {
            let Some(row) = row.strip_prefix("| ") else { break };
            let columns: Vec<&str> = row.split('|').map(str::trim).collect();
            let &[instead, _, words, ..] = columns.as_slice() else { break };
            for quoted in words.split('`').skip(1).step_by(2) {
                if quoted.contains('.') {
                    kept.push(quoted);
                } else {
                    let words = quoted.split(' ').map(str::to_lowercase).collect();
                    unused.push(Unused { words, instead });
                }
            }
        }
        Self { unused, kept }
    }

    fn search(&self, path: &str, text: &str, findings: &mut Vec<String>) {
        let words = self.words(path, text);
        for at in 0..words.len() {
            for Unused { words: unused, instead } in &self.unused {
                let here = words[at..].iter().map(|(_, word)| word);
                if here.take(unused.len()).eq(unused) {
                    let (line, found) = (words[at].0, unused.join(" "));
                    findings.push(format!("{path}:{line}: `{found}`: the word is `{instead}`"));
                }
            }
        }
    }

    /// The words of a file in lower case, names taken apart, with their lines.
    fn words(&self, path: &str, text: &str) -> Vec<(usize, String)> {
        let mut words = Vec::new();
        let mut in_table = false;
        for (index, line) in text.lines().enumerate() {
            in_table = path == PAGE && (line == HEADING || in_table && line.starts_with('|'));
            if in_table {
                continue;
            }
            let kept = self.kept.iter().find(|name| line.contains(*name));
            let line = kept.map_or_else(|| line.to_owned(), |name| line.replace(name, ""));
            words.extend(words_of(&line).into_iter().map(|word| (index + 1, word)));
        }
        words
    }
}

/// `a_tellTale` is three words.
fn words_of(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = ' ';
    for c in line.chars() {
        // The end of a sentence stands between the words before and after it.
        if c == '.' {
            words.push(c.to_string());
        }
        if !c.is_alphanumeric() || (c.is_uppercase() && last.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            let word = words.last_mut();
            word.into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
        last = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::sources;

    const TABLE: &str = "\
# Words

| word | meaning | words not used for it |
|---|---|---|
| notify | let know | `told`, tell |
| cancel a stop | go back | `undone` (but `shutdown.undone`), `called off` |

told
";

    #[track_caller]
    fn check_file(file: &str, text: &str, expected: &[&str]) {
        let mut tree = sources(&[]);
        tree.files.insert(PAGE.to_owned(), TABLE.replace("\ntold\n", ""));
        tree.files.insert(file.to_owned(), text.to_owned());
        let mut findings = Vec::new();
        check(&tree, &mut findings);
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_word_that_is_not_used_is_found_with_its_line_and_the_word_to_use() {
        check_file("docs/a.md", "a\nTold\n", &["docs/a.md:2: `told`: the word is `notify`"]);
        check_file(PAGE, TABLE, &["CONTRIBUTING.md:8: `told`: the word is `notify`"]);
        check_file(
            "examples/a/src/main.rs",
            "fn is_told_b() {}\nstruct ToldC;\n",
            &[
                "examples/a/src/main.rs:1: `told`: the word is `notify`",
                "examples/a/src/main.rs:2: `told`: the word is `notify`",
            ],
        );
    }

    #[test]
    fn words_in_a_row_are_found_over_the_end_of_a_line() {
        check_file(
            "crates/x/src/a.rs",
            "//! It is called\n//! off.\n",
            &["crates/x/src/a.rs:1: `called off`: the word is `cancel a stop`"],
        );
    }

    #[test]
    fn a_name_that_other_programs_read_keeps_its_word() {
        check_file(
            "crates/x/tests/a.rs",
            "\"shutdown.undone\"; undone",
            &["crates/x/tests/a.rs:1: `undone`: the word is `cancel a stop`"],
        );
    }

    #[test]
    fn other_words_and_other_places_are_left_alone() {
        check_file("README.md", "tell, untold, called. off-hand\n", &[]);
        check_file("xtask/src/a.rs", "told", &[]);
        check_file("crates/x/README.md", "told", &[]);
    }

    #[test]
    fn a_page_without_the_table_is_found() {
        let mut tree = sources(&[]);
        tree.files.insert(PAGE.to_owned(), String::new());
        let mut findings = Vec::new();
        check(&tree, &mut findings);
        assert_eq!(findings, [format!("{PAGE}: has no table `{HEADING}`")]);
    }
}

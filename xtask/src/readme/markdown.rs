//! From the markdown that rustdoc reads to the one that a forge and a registry read.

use super::links::Index;

/// Rewrites a crate page: headings one level down, links resolved, hidden lines gone.
pub(super) fn from_docs(docs: &[&str], index: &Index<'_>) -> String {
    let mut out = String::new();
    let mut prose: Vec<String> = Vec::new();
    let mut fence: Option<Fence> = None;
    for line in docs {
        let mark = line.trim_start().strip_prefix("```");
        match (&fence, mark) {
            (None, Some(info)) => {
                out.push_str(&index.resolve_links(&std::mem::take(&mut prose).join("\n")));
                let opened = Fence::new(info);
                let indent = &line[..line.len() - line.trim_start().len()];
                out.push_str(&format!("\n{indent}```{}\n", opened.language));
                fence = Some(opened);
            }
            (Some(_), Some(_)) => {
                out.push_str(line);
                out.push('\n');
                fence = None;
            }
            (Some(open), None) => {
                if let Some(shown) = open.show(line) {
                    out.push_str(&shown);
                    out.push('\n');
                }
            }
            (None, None) if line.starts_with('#') => prose.push(format!("#{line}")),
            (None, None) => prose.push((*line).to_owned()),
        }
    }
    out.push_str(&index.resolve_links(&prose.join("\n")));
    out
}

/// A block of code that is open.
struct Fence {
    language: String,
    is_rust: bool,
}

impl Fence {
    fn new(info: &str) -> Self {
        // What rustdoc takes for Rust: no language, or one of its own words.
        const RUST: [&str; 7] =
            ["rust", "no_run", "ignore", "should_panic", "compile_fail", "standalone", ""];
        let is_rust = info.split(',').all(|word| {
            RUST.contains(&word.trim())
                || word.starts_with("edition")
                || word.starts_with("ignore-")
        });
        let language = if is_rust { "rust" } else { info.trim() };
        Self { language: language.to_owned(), is_rust }
    }

    /// The line as a reader sees it, if at all.
    fn show(&self, line: &str) -> Option<String> {
        let code = line.trim_start();
        if !self.is_rust || !code.starts_with('#') {
            return Some(line.to_owned());
        }
        if code == "#" || code.starts_with("# ") {
            return None;
        }
        // `##` is how a line that begins with `#` is written.
        Some(if code.starts_with("##") { line.replacen("##", "#", 1) } else { line.to_owned() })
    }
}

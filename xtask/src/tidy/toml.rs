//! As much TOML as manifests need: sections, keys, values over several lines.

/// One `key = value` of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) section: &'a str,
    pub(super) key: &'a str,
    /// The value's first line.
    pub(super) value: &'a str,
    /// Counted from one.
    pub(super) line: usize,
    /// Entries with nothing but comments between them stand in one block.
    pub(super) block: usize,
}

impl Entry<'_> {
    /// Whether the entry lists a dependency.
    pub(super) fn is_dependency(&self) -> bool {
        self.section.ends_with("dependencies")
    }

    /// The name before `.workspace`.
    pub(super) fn name(&self) -> &str {
        self.key.split('.').next().unwrap_or(self.key)
    }

    /// Whether the entry takes what the workspace says.
    pub(super) fn is_from_workspace(&self) -> bool {
        (self.key.ends_with(".workspace") && self.value == "true")
            || self.value.contains("workspace = true")
    }
}

/// The entries of a manifest, in order.
pub(super) fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let (mut section, mut block, mut depth) = ("", 0, 0_i32);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if depth == 0 {
            if line.is_empty() {
                block += 1;
            } else if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
                block += 1;
                continue;
            } else if let Some((key, value)) = line.split_once('=').filter(|_| !is_comment(line)) {
                let (key, value) = (key.trim(), value.trim());
                entries.push(Entry { section, key, value, line: index + 1, block });
            }
        }
        depth += brackets(line);
    }
    entries
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#')
}

/// How many more brackets the line opens than it closes, strings and comments aside.
fn brackets(line: &str) -> i32 {
    let (mut depth, mut in_string) = (0, false);
    for c in line.chars() {
        match c {
            '"' => in_string = !in_string,
            '#' if !in_string => break,
            '[' | '{' if !in_string => depth += 1,
            ']' | '}' if !in_string => depth -= 1,
            _ => {}
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_over_several_lines_is_one_entry() {
        let text = "[package]\nname = \"x\"\n\n[features]\n# a = \"]\"\nb = [\n  \
                    \"c=d\", # [\n]\ne = []\n";
        let found: Vec<_> = entries(text)
            .into_iter()
            .map(|Entry { section, key, value, line, block: _ }| (section, key, value, line))
            .collect();
        assert_eq!(
            found,
            [
                ("package", "name", "\"x\"", 2),
                ("features", "b", "[", 6),
                ("features", "e", "[]", 9),
            ]
        );
    }
}

//! Rust source as text, with what is no code blanked out.

/// The text without comments, strings and test modules. Every line stays where it is.
pub(in crate::tidy) fn code(text: &str) -> String {
    without_tests(&without_comments(text))
}

/// Replaces comments and the content of strings and characters by spaces.
fn without_comments(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = blank_end(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { c } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment, string or character ends that begins at `at`; `at` if none does.
fn blank_end(chars: &[char], at: usize) -> usize {
    let next = |n: usize| chars.get(at + n).copied();
    match chars[at] {
        '/' if next(1) == Some('/') => line_end(chars, at),
        '/' if next(1) == Some('*') => block_end(chars, at),
        '"' => string_end(chars, at),
        'r' if !is_word_before(chars, at) => raw_end(chars, at).unwrap_or(at),
        // A lifetime has no second quote.
        '\'' if next(1) == Some('\\') => find(chars, at + 3, '\''),
        '\'' if next(2) == Some('\'') => at + 3,
        _ => at,
    }
}

fn is_word_before(chars: &[char], at: usize) -> bool {
    // `b` makes a byte string of a raw one.
    let before = at.checked_sub(1).map(|index| chars[index]);
    before.is_some_and(|c| (c.is_alphanumeric() || c == '_') && c != 'b')
}

/// One past the next `wanted`.
fn find(chars: &[char], from: usize, wanted: char) -> usize {
    let found = chars.iter().skip(from).position(|&c| c == wanted);
    found.map_or(chars.len(), |n| from + n + 1)
}

fn line_end(chars: &[char], at: usize) -> usize {
    // The line break itself is kept.
    chars.iter().skip(at).position(|&c| c == '\n').map_or(chars.len(), |n| at + n)
}

fn block_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut index) = (0_i32, at);
    while index < chars.len() {
        match (chars[index], chars.get(index + 1)) {
            ('/', Some('*')) => (depth, index) = (depth + 1, index + 1),
            ('*', Some('/')) => (depth, index) = (depth - 1, index + 1),
            _ => {}
        }
        index += 1;
        if depth == 0 {
            break;
        }
    }
    index
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut index = at + 1;
    while index < chars.len() {
        match chars[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

/// `r"…"`, `r#"…"#` and so on. `None` for a raw identifier or any other word.
fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars.iter().skip(at + 1).take_while(|&&c| c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let mut index = open + 1;
    while index < chars.len() {
        let is_closed = chars[index] == '"'
            && chars.iter().skip(index + 1).take(hashes).filter(|&&c| c == '#').count() == hashes;
        index += 1;
        if is_closed {
            return Some(index + hashes);
        }
    }
    Some(chars.len())
}

/// Blanks out every `mod … { … }` under a `#[cfg(…)]` that names `test`.
fn without_tests(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let (mut out, mut index) = (String::with_capacity(code.len()), 0);
    while index < lines.len() {
        let end =
            if is_test_attribute(lines[index]) { module_end(&lines, index + 1) } else { None };
        let end = end.unwrap_or(index);
        if end > index {
            out.extend(std::iter::repeat_n('\n', end + 1 - index));
        } else {
            out.push_str(lines[index]);
            out.push('\n');
        }
        index = end + 1;
    }
    out
}

fn is_test_attribute(line: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    line.trim_start().starts_with("#[cfg(") && !line.contains("not(") && words.any(|w| w == "test")
}

/// The last line of the module that begins at `from`, attributes aside.
fn module_end(lines: &[&str], from: usize) -> Option<usize> {
    let skipped = lines.iter().skip(from).take_while(|line| line.trim_start().starts_with("#["));
    let first = from + skipped.count();
    let head = lines.get(first)?.trim_start();
    if !head.contains("mod ") || !head.ends_with('{') {
        return None;
    }
    block(lines, first)
}

/// The last line of the block whose `{` is the first one from line `first` on.
pub(in crate::tidy) fn block(lines: &[&str], first: usize) -> Option<usize> {
    let (mut depth, mut is_open) = (0_i32, false);
    for (index, line) in lines.iter().enumerate().skip(first) {
        for c in line.chars() {
            match c {
                '{' => (depth, is_open) = (depth + 1, true),
                '}' => depth -= 1,
                _ => {}
            }
        }
        if is_open && depth <= 0 {
            return Some(index);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_is_blank_and_lines_stay_where_they_are() {
        let text =
            "a(\"x // {\", 'c', '\\'', r#\"\"raw\"#); // b\n/* c\n/* d */ */ e::<'a>(br\"{\")\n";
        let seen = code(text);
        let words: Vec<_> = seen.split_whitespace().collect();
        assert_eq!(words, ["a(", ",", ",", ",", ");", "e::<'a>(b", ")"]);
        assert_eq!(seen.lines().count(), 3);
    }

    #[test]
    fn test_modules_are_blank() {
        let text = "a\n#[cfg(all(test, not_loom))]\n#[allow(x)]\nmod tests {\n  b { }\n}\nc\n\
                    #[cfg(test)]\nmod tests;\n#[cfg(not(test))]\nmod real {\nd\n}\n";
        let seen = code(text);
        let words: Vec<_> = seen.split_whitespace().filter(|w| w.len() == 1).collect();
        assert_eq!(words, ["a", "c", "{", "d", "}"]);
        assert_eq!(seen.lines().count(), 13);
    }
}

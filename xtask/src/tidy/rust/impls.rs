//! The inherent `impl` blocks of a file.

use super::code::block;

/// `impl Type { … }`, and the lines that it takes, counted from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tidy) struct Impl {
    pub(in crate::tidy) name: String,
    pub(in crate::tidy) first: usize,
    pub(in crate::tidy) last: usize,
}

/// The blocks that belong to a type and to no trait, in code without comments and strings.
pub(in crate::tidy) fn inherent_impls(code: &str) -> Vec<Impl> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let line = line.trim_start().trim_start_matches("unsafe ");
        if !line.starts_with("impl ") && !line.starts_with("impl<") {
            continue;
        }
        let head = lines[first..].join(" ");
        let head = head.split_once('{').map_or("", |(head, _)| head);
        let (Some(name), Some(last)) = (type_name(head), block(&lines, first)) else { continue };
        found.push(Impl { name, first, last });
    }
    found
}

/// `Type` for `impl<T> some::Type<T> where …`, nothing for the `impl` of a trait.
fn type_name(head: &str) -> Option<String> {
    let flat = without_angles(head.trim_start().trim_start_matches("unsafe "));
    let words: Vec<&str> = flat.split_whitespace().skip(1).collect();
    let words = words.split(|word| *word == "where").next()?;
    if words.contains(&"for") {
        return None;
    }
    let name = words.last()?.rsplit("::").next()?;
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && !name.is_empty()).then(|| name.to_owned())
}

/// The text without what stands between `<` and `>`.
fn without_angles(text: &str) -> String {
    let (mut out, mut depth, mut last) = (String::new(), 0_i32, ' ');
    for c in text.chars() {
        match c {
            '<' => depth += 1,
            // The arrow of a function type closes nothing.
            '>' if last != '-' => depth -= 1,
            c if depth == 0 => out.push(c),
            _ => {}
        }
        last = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_impls_of_types_are_found() {
        let code = "impl<F: Fn() -> u8> a::B<F>\nwhere\n    F: C<D>,\n{\n    fn e() {}\n}\n\
                    impl F for G {}\nimpl<H> Drop for I<H> {\n}\nimpl $name {}\n\
                    fn j(k: impl L) {}\nimpl dyn M {}\n";
        let seen: Vec<_> =
            inherent_impls(code).into_iter().map(|i| (i.name, i.first, i.last)).collect();
        assert_eq!(seen, [("B".to_owned(), 0, 5), ("M".to_owned(), 11, 11)]);
    }
}

//! Links between items, resolved to docs.rs; what cannot be resolved becomes plain code.

use std::collections::BTreeMap;

use crate::{tree::Tree, workspace::Package};

/// The public items of a crate and of those it stands on.
pub(super) struct Index<'a> {
    own: Items<'a>,
    /// By the name that Rust code uses, and by the alias that the crate re-exports them under.
    others: BTreeMap<String, Items<'a>>,
}

/// The public items of one crate.
struct Items<'a> {
    crate_name: &'a str,
    /// The kind by the item's name, as the address on docs.rs has it.
    kinds: BTreeMap<&'a str, &'static str>,
}

impl<'a> Index<'a> {
    pub(super) fn new(tree: &'a Tree, package: &'a Package) -> Self {
        let mut others = BTreeMap::new();
        for other in tree.published().filter(|other| package.ours.contains(&other.name)) {
            let name = other.name.replace('-', "_");
            let lib = tree.read(package, "src/lib.rs").unwrap_or_default();
            if let Some(alias) = alias(lib, &name) {
                others.insert(alias.to_owned(), Items::of(tree, other));
            }
            others.insert(name, Items::of(tree, other));
        }
        Self { own: Items::of(tree, package), others }
    }

    /// The text with every link to an item replaced.
    pub(super) fn resolve_links(&self, text: &str) -> String {
        let definitions: BTreeMap<&str, &str> = text.lines().filter_map(definition).collect();
        let mut out = String::new();
        for line in text.split_inclusive('\n') {
            match definition(line.trim_end()) {
                Some((label, target)) => match self.target(target) {
                    Some(url) => out.push_str(&format!("[{label}]: {url}\n")),
                    None => continue,
                },
                None => out.push_str(line),
            }
        }
        self.resolve_inline(&out, &definitions)
    }

    fn resolve_inline(&self, text: &str, definitions: &BTreeMap<&str, &str>) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['`', '[']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(code) = rest.strip_prefix('`').and_then(|code| code.split_once('`')) {
                out.push_str(&format!("`{}`", code.0));
                rest = code.1;
            } else if let Some(link) = Link::parse(rest) {
                out.push_str(&self.link(&link, definitions));
                rest = link.rest;
            } else {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        out + rest
    }

    fn link(&self, link: &Link<'_>, definitions: &BTreeMap<&str, &str>) -> String {
        let Link { text, target, whole, .. } = *link;
        match target {
            Target::Inline(target) => match self.target(target) {
                Some(url) => format!("[{text}]({url})"),
                None => text.to_owned(),
            },
            Target::Label(label) => {
                match definitions.get(label).map(|target| self.target(target)) {
                    Some(Some(_)) => whole.to_owned(),
                    Some(None) => text.to_owned(),
                    None => match self.item(label) {
                        Some(url) => format!("[{text}]({url})"),
                        // Brackets around anything but code are brackets.
                        None if text.starts_with('`') => text.to_owned(),
                        None => whole.to_owned(),
                    },
                }
            }
        }
    }

    /// Where a link leads: an address stays, an item is looked up.
    fn target(&self, target: &str) -> Option<String> {
        let is_address = target.contains("://") || target.starts_with(['#', '.', '/']);
        if is_address { Some(target.to_owned()) } else { self.item(target) }
    }

    /// The address of an item that is written as code is written: `` `Phase::is_ready()` ``.
    fn item(&self, path: &str) -> Option<String> {
        let path = path.trim_matches('`').trim_end_matches("()").trim_end_matches('!');
        let path = path.split_once('@').map_or(path, |(_, path)| path);
        let (first, rest) = path.split_once("::").map_or((path, None), |(a, b)| (a, Some(b)));
        match (first, rest) {
            ("crate" | "self", Some(rest)) => self.item(rest),
            ("crate", None) => Some(self.own.page()),
            _ => match (self.others.get(first), rest) {
                (Some(other), Some(rest)) => other.address(rest),
                (Some(other), None) => Some(other.page()),
                (None, _) => self.own.address(path).or_else(|| self.item_of_others(path)),
            },
        }
    }

    /// An item that is re-exported: only if one crate alone can have it.
    fn item_of_others(&self, path: &str) -> Option<String> {
        let mut found: Vec<_> = self.others.values().filter_map(|it| it.address(path)).collect();
        found.dedup();
        if found.len() == 1 { found.pop() } else { None }
    }
}

impl<'a> Items<'a> {
    fn of(tree: &'a Tree, package: &'a Package) -> Self {
        let mut kinds = BTreeMap::new();
        let sources = Tree::path(package, "src/");
        for (path, text) in tree.with_ending(".rs") {
            if path.starts_with(&sources) {
                kinds.extend(text.lines().filter_map(public_item));
            }
        }
        Self { crate_name: &package.name, kinds }
    }

    fn page(&self) -> String {
        format!(
            "https://docs.rs/{0}/latest/{1}/",
            self.crate_name,
            self.crate_name.replace('-', "_")
        )
    }

    fn address(&self, path: &str) -> Option<String> {
        let (item, member) = path.split_once("::").map_or((path, None), |(a, b)| (a, Some(b)));
        let kind = *self.kinds.get(item)?;
        let page = self.page();
        Some(match (kind, member) {
            ("mod", None) => format!("{page}{item}/index.html"),
            (kind, None) => format!("{page}{kind}.{item}.html"),
            ("mod", Some(_)) => return None,
            (kind, Some(member)) => {
                let anchor = match member.chars().next() {
                    Some(first) if first.is_uppercase() && kind == "enum" => "variant",
                    Some(first) if first.is_uppercase() => "associatedconstant",
                    _ if kind == "trait" => "tymethod",
                    _ => "method",
                };
                format!("{page}{kind}.{item}.html#{anchor}.{member}")
            }
        })
    }
}

/// The kind and the name of the public item that begins in a line.
fn public_item(line: &str) -> Option<(&str, &'static str)> {
    const KINDS: [(&str, &str); 7] = [
        ("struct ", "struct"),
        ("enum ", "enum"),
        ("trait ", "trait"),
        ("type ", "type"),
        ("const ", "constant"),
        ("mod ", "mod"),
        ("fn ", "fn"),
    ];
    if let Some(name) = line.strip_prefix("macro_rules! ") {
        return Some((identifier(name), "macro"));
    }
    let item = line.trim_start().strip_prefix("pub ")?;
    let item = ["const fn ", "async fn "].iter().find_map(|f| item.strip_prefix(f)).map_or_else(
        || KINDS.iter().find_map(|(word, kind)| Some((item.strip_prefix(word)?, *kind))),
        |name| Some((name, "fn")),
    );
    let (name, kind) = item?;
    // What is indented and a function, a constant or a type belongs to something.
    let is_member = line.starts_with(' ') && matches!(kind, "fn" | "constant" | "type");
    (!is_member).then(|| (identifier(name), kind))
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// `drain` for `pub use lameduck_drain as drain;`.
fn alias<'a>(lib: &'a str, crate_name: &str) -> Option<&'a str> {
    lib.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("pub use ")?.strip_prefix(crate_name)?;
        rest.strip_prefix(" as ")?.strip_suffix(';')
    })
}

/// A link as it is written.
struct Link<'a> {
    text: &'a str,
    target: Target<'a>,
    whole: &'a str,
    rest: &'a str,
}

#[derive(Clone, Copy)]
enum Target<'a> {
    Inline(&'a str),
    Label(&'a str),
}

impl<'a> Link<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let close = text.find(']')?;
        let shown = &text[1..close];
        let after = &text[close + 1..];
        let (target, rest) = if let Some(inline) = after.strip_prefix('(') {
            let (target, rest) = inline.split_once(')')?;
            (Target::Inline(target), rest)
        } else if let Some(label) = after.strip_prefix('[') {
            let (label, rest) = label.split_once(']')?;
            (Target::Label(label), rest)
        } else {
            (Target::Label(shown), after)
        };
        Some(Self { text: shown, target, whole: &text[..text.len() - rest.len()], rest })
    }
}

/// `[label]: target`
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.split_once("]: ")
}

//! The modules of one crate: which file defines a name, and what each file takes from the others.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    code::code,
    paths::{self, Import, Path},
};
use crate::{tree::Tree, workspace::Package};

/// What defines a name, when it stands before that name.
const DEFINES: [&str; 9] =
    ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules"];

/// The library of a crate, or its program.
pub(in crate::tidy) struct Modules<'a> {
    by_path: BTreeMap<Path, Module<'a>>,
}

/// One file.
pub(in crate::tidy) struct Module<'a> {
    pub(in crate::tidy) file: &'a str,
    pub(in crate::tidy) code: String,
    imports: Vec<Import>,
    paths: BTreeSet<Path>,
    names: BTreeSet<String>,
}

/// How far re-exports are followed.
#[derive(Clone, Copy)]
struct Follow {
    /// Whether those of the crate's root are. What the crate offers its users is taken from the
    /// crate, not from a file of it.
    root: bool,
    /// How many more, one after the other.
    deep: usize,
}

/// To where an item is defined.
const TO_THE_END: Follow = Follow { root: true, deep: 8 };
/// To the file that another one depends on.
const TO_A_FILE: Follow = Follow { root: false, deep: 8 };

/// Where a path leads.
enum Found {
    Item(Path),
    Module(Path),
}

impl<'a> Modules<'a> {
    pub(in crate::tidy) fn load(tree: &'a Tree, package: &Package) -> Self {
        let sources = Tree::path(package, "src/");
        let by_path = tree
            .with_ending(".rs")
            .filter_map(|(file, text)| {
                let path = module_path(file.strip_prefix(&sources)?)?;
                Some((path, Module::read(file, text)))
            })
            .collect();
        Self { by_path }
    }

    pub(in crate::tidy) fn iter(&self) -> impl Iterator<Item = (&Path, &Module<'a>)> {
        self.by_path.iter()
    }

    /// The file in which the type `name` is defined that the code in module `from` means.
    pub(in crate::tidy) fn definition(&self, from: &Path, name: &str) -> Option<&'a str> {
        let path = vec!["self".to_owned(), name.to_owned()];
        match self.find(from, &path, TO_THE_END)? {
            Found::Item(path) => Some(self.by_path.get(&path)?.file),
            Found::Module(_) => None,
        }
    }

    /// For each file: the files that it takes something from, with the first such name.
    pub(in crate::tidy) fn uses(&self) -> BTreeMap<&'a str, BTreeMap<&'a str, String>> {
        let of = |(path, module): (&Path, &Module<'a>)| {
            let mut taken = BTreeMap::new();
            for (name, other) in self.taken(path, module) {
                let Some(other) = self.by_path.get(&other) else { continue };
                if other.file != module.file {
                    taken.entry(other.file).or_insert(name);
                }
            }
            (module.file, taken)
        };
        self.by_path.iter().map(of).collect()
    }

    /// The names that a module takes, with the modules that define them.
    fn taken(&self, path: &Path, module: &Module<'_>) -> Vec<(String, Path)> {
        let (mut taken, mut aliases) = (Vec::new(), BTreeMap::new());
        for import in &module.imports {
            match self.find(path, &import.path, TO_A_FILE) {
                Some(Found::Module(other)) if import.name == "*" => {
                    taken.extend(module.paths.iter().filter_map(|written| {
                        match self.item(&other, &written[0], TO_A_FILE)? {
                            Found::Item(other) => Some((written[0].clone(), other)),
                            Found::Module(_) => None,
                        }
                    }));
                }
                Some(Found::Module(other)) => {
                    aliases.insert(import.name.clone(), other);
                }
                // What a file only passes on, it does not take. A trait is used without its name.
                Some(Found::Item(other))
                    if module.mentions(&import.name)
                        || !(import.is_public || is_parent(module.file)) =>
                {
                    taken.push((import.name.clone(), other));
                }
                _ => {}
            }
        }
        for written in module.paths.iter().filter(|written| written.len() > 1) {
            let written = match aliases.get(&written[0]) {
                Some(alias) => from_root(alias, &written[1..]),
                None => written.clone(),
            };
            if let Some(Found::Item(other)) = self.find(path, &written, TO_A_FILE) {
                taken.push((written[written.len() - 1].clone(), other));
            }
        }
        taken
    }

    /// Follows `path`, as it is written in module `from`, to where its first item is defined.
    fn find(&self, from: &Path, path: &[String], follow: Follow) -> Option<Found> {
        let mut at = match path.first().map(String::as_str) {
            Some("crate") => Path::new(),
            Some("self" | "super") => from.clone(),
            // The name of a child; anything else is another crate's.
            Some(first) if self.by_path.contains_key(&child(from, first)) => from.clone(),
            _ => return None,
        };
        let mut rest = path;
        while let Some(first) = rest.first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(at.pop()),
                name if self.by_path.contains_key(&child(&at, name)) => at.push(name.to_owned()),
                name => return self.item(&at, name, follow),
            }
            rest = &rest[1..];
        }
        self.by_path.contains_key(&at).then_some(Found::Module(at))
    }

    /// Where module `at` has the item `name` from.
    fn item(&self, at: &Path, name: &str, follow: Follow) -> Option<Found> {
        let module = self.by_path.get(at)?;
        if module.names.contains(name) {
            return Some(Found::Item(at.clone()));
        }
        if follow.deep == 0 || (at.is_empty() && !follow.root) {
            return None;
        }
        let follow = Follow { deep: follow.deep - 1, ..follow };
        if let Some(import) = module.imports.iter().find(|import| import.name == name) {
            return self.find(at, &import.path, follow);
        }
        module.imports.iter().filter(|import| import.name == "*").find_map(|import| {
            match self.find(at, &import.path, follow)? {
                Found::Module(other) if other != *at => self.item(&other, name, follow),
                _ => None,
            }
        })
    }
}

impl<'a> Module<'a> {
    fn read(file: &'a str, text: &str) -> Self {
        let code = code(text);
        let (imports, paths) = paths::read(&code);
        Self { file, names: names(&code), code, imports, paths }
    }

    fn mentions(&self, name: &str) -> bool {
        self.paths.iter().any(|path| path.first().is_some_and(|first| first == name))
    }
}

/// `["a", "b"]` for `a/b.rs` and `a/b/mod.rs`; nothing for tests and for `bin/`.
fn module_path(file: &str) -> Option<Path> {
    if file.starts_with("bin/") {
        return None;
    }
    let mut path: Path = file.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    if path.iter().any(|part| part == "tests") {
        return None;
    }
    let is_root = path == ["lib"] || path == ["main"];
    if is_root || path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    Some(path)
}

/// Whether the file may import a name only for its children.
fn is_parent(file: &str) -> bool {
    ["/mod.rs", "/lib.rs", "/main.rs"].iter().any(|name| file.ends_with(name))
}

fn child(path: &Path, name: &str) -> Path {
    [path.as_slice(), &[name.to_owned()]].concat()
}

fn from_root(path: &Path, rest: &[String]) -> Path {
    [&["crate".to_owned()], path.as_slice(), rest].concat()
}

/// The names that are defined in the code.
fn names(code: &str) -> BTreeSet<String> {
    let separates = |c: char| !c.is_alphanumeric() && c != '_';
    let words: Vec<&str> = code.split(separates).filter(|word| !word.is_empty()).collect();
    let pairs = words.windows(2).filter(|pair| DEFINES.contains(&pair[0]));
    pairs.map(|pair| pair[1].to_owned()).collect()
}

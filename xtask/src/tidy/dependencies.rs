//! The rule `core <- leaf <- lifecycle <- lameduck <- examples`. Tests are exempt.

use crate::{tree::Tree, workspace::Package};

/// Leaves that need no crate of ours at all, not even core.
const ALONE: [&str; 1] = ["lameduck-signal"];

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Core,
    Alone,
    Leaf,
    Lifecycle,
    Facade,
    Test,
    Peer,
    Help,
    Tool,
}

impl Level {
    fn of(package: &Package) -> Self {
        match package.name.as_str() {
            "lameduck-core" => Self::Core,
            "lameduck-lifecycle" => Self::Lifecycle,
            "lameduck" => Self::Facade,
            "lameduck-drill" | "lameduck-laws" => Self::Test,
            "lameduck-perf-peer" => Self::Peer,
            "lameduck-test-support" => Self::Help,
            name if ALONE.contains(&name) => Self::Alone,
            _ if package.published => Self::Leaf,
            _ => Self::Tool,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Core => "the core",
            Self::Alone => "a leaf that stands alone",
            Self::Leaf => "a leaf",
            Self::Lifecycle => "the lifecycle",
            Self::Facade => "the facade",
            Self::Test => "the test kit",
            Self::Peer => "what we are compared with",
            Self::Help => "what the examples share",
            Self::Tool => "a tool or an example",
        }
    }

    fn may_depend_on(self, other: Self) -> bool {
        let allowed: &[Self] = match self {
            Self::Core | Self::Alone | Self::Test | Self::Peer | Self::Help => &[],
            Self::Leaf => &[Self::Core],
            Self::Lifecycle => &[Self::Core, Self::Leaf, Self::Alone],
            Self::Facade => &[Self::Core, Self::Leaf, Self::Alone, Self::Lifecycle],
            Self::Tool => return other != Self::Tool,
        };
        allowed.contains(&other)
    }
}

pub(super) fn check(tree: &Tree, findings: &mut Vec<String>) {
    for package in &tree.packages {
        let level = Level::of(package);
        for other in package.ours.iter().filter_map(|name| find(tree, name)) {
            let other_level = Level::of(other);
            if !level.may_depend_on(other_level) {
                findings.push(format!(
                    "{}: {} is {} and may not depend on {}, which is {}",
                    Tree::path(package, "Cargo.toml"),
                    package.name,
                    level.name(),
                    other.name,
                    other_level.name(),
                ));
            }
        }
    }
}

fn find<'a>(tree: &'a Tree, name: &str) -> Option<&'a Package> {
    tree.packages.iter().find(|package| package.name == name)
}

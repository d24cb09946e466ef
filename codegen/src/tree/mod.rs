//! Generated files in memory: path to text. Compared with the disk, or written to it, as a whole.
//!
//! A target owns its output folder whole: what lies there and is not in the tree is an orphan.
//! Nothing is ever read or written through a symbolic link.

mod compare;
mod write;

pub use compare::{Difference, Found, compare};
pub use write::{replace, write};

use std::collections::BTreeMap;
use std::path::{Component, Path};

/// One generated file and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub text: String,
    /// Template it was rendered or copied from, relative to the templates folder.
    pub template: String,
}

/// Files of all targets by their path relative to the configuration file, `/` between folders.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    pub files: BTreeMap<String, File>,
}

impl Tree {
    /// Puts a file into the tree. A path that is already there is a bug of an emitter.
    pub fn insert(
        &mut self,
        path: impl Into<String>,
        text: impl Into<String>,
        template: impl Into<String>,
    ) {
        let path = path.into();
        let file = File { text: text.into(), template: template.into() };
        let before = self.files.insert(path.clone(), file);
        assert!(before.is_none(), "two generated files at {path}");
    }

    /// Paths that lie outside every one of the output folders, or that are no plain relative
    /// path below it. There are none unless an emitter let a name of the spec into a path.
    pub fn strays<'a>(&'a self, outputs: &[&str]) -> Vec<&'a str> {
        let inside = |path: &str| {
            outputs.iter().any(|output| {
                path.strip_prefix(output)
                    .and_then(|below| below.strip_prefix('/'))
                    .is_some_and(is_plain)
            })
        };
        self.files.keys().map(String::as_str).filter(|path| !inside(path)).collect()
    }
}

/// Names only, and only those that every file system takes: no `..`, no `\`, no control character.
fn is_plain(path: &str) -> bool {
    !path.contains(['\\', ':'])
        && !path.contains(char::is_control)
        && !path.split('/').any(str::is_empty)
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_its_folder_is_a_stray() {
        let mut tree = Tree::default();
        for path in
            ["../out/a.py", "../out/../a.py", "../out//a.py", "../other/a.py", "../out/a\\b.py"]
        {
            tree.insert(path, "", "");
        }
        assert_eq!(
            tree.strays(&["../out"]),
            ["../other/a.py", "../out/../a.py", "../out//a.py", "../out/a\\b.py"]
        );
    }
}

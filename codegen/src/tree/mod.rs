//! Generated files in memory: path to text. Compared with the disk, or written to it, as a whole.

use std::collections::BTreeMap;

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
}

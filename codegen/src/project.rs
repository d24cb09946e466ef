//! Where a project lies: its configuration file, its root, and how paths are shown to a person.
//!
//! Three kinds of paths meet here. The configuration speaks in paths relative to itself, the
//! lock in paths relative to the root (the deepest folder that holds every input and output),
//! and messages in paths relative to where the person stands.

use crate::config::Config;
use crate::problem::Location;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The names looked for, in this order, in the current folder and then in each one above it.
const DEFAULT_PLACES: [&str; 2] = ["spec/codegen.toml", "codegen.toml"];

/// A configuration file that was found.
#[derive(Debug, Clone)]
pub struct Project {
    /// The configuration file.
    pub file: PathBuf,
    /// Its folder; paths of the configuration start here.
    pub folder: PathBuf,
    current: PathBuf,
}

impl Project {
    /// The named configuration file, or the nearest one in the default places.
    pub fn find(named: Option<&Path>) -> io::Result<Option<Self>> {
        let current = std::env::current_dir()?.canonicalize()?;
        let found = match named {
            Some(path) => Some(current.join(path)),
            None => current.ancestors().find_map(|folder| {
                DEFAULT_PLACES.iter().map(|place| folder.join(place)).find(|path| path.is_file())
            }),
        };
        let Some(file) = found.filter(|path| path.is_file()) else { return Ok(None) };
        let file = file.canonicalize()?;
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Some(Self { file, folder, current }))
    }

    /// A path of the configuration, absolute and without `..`.
    pub fn absolute(&self, path: &str) -> PathBuf {
        normalise(&self.folder.join(path))
    }

    /// The deepest folder that holds the configuration and everything it names.
    pub fn root(&self, config: &Config) -> PathBuf {
        let mut root = self.folder.clone();
        for path in named_paths(config) {
            let path = self.absolute(path);
            while !path.starts_with(&root) && root.pop() {}
        }
        root
    }

    /// A path as the person would type it from where they stand.
    pub fn shown(&self, path: &Path) -> String {
        let common = path.components().zip(self.current.components());
        let shared = common.take_while(|(left, right)| left == right).count();
        let up = self.current.components().count() - shared;
        // Nothing in common but the root of the file system: the absolute path says more.
        if shared <= 1 && up > 0 {
            return path.display().to_string();
        }
        let mut relative: PathBuf = std::iter::repeat_n("..", up).collect();
        relative.extend(path.components().skip(shared));
        if relative.as_os_str().is_empty() { ".".to_owned() } else { slashes(&relative) }
    }

    /// The place in the configuration file where a value is written.
    pub fn place_of(&self, value: &str) -> Location {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let quoted = [format!("\"{value}\""), format!("'{value}'")];
        let found = text.lines().enumerate().find_map(|(index, line)| {
            let column = quoted.iter().find_map(|quoted| line.find(quoted.as_str()))?;
            Some((index + 1, line[..column].chars().count() + 1))
        });
        let (line, column) = found.unwrap_or((1, 1));
        let file = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Location { file, line, column, pointer: String::new() }
    }

    /// Shows a path that is relative to the configuration file.
    pub fn shown_from_folder(&self, path: &str) -> String {
        self.shown(&self.absolute(path))
    }
}

/// Adds the path to an error of the file system, which does not say it.
pub fn named(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Every path a configuration names, except the parts of folders it names.
fn named_paths(config: &Config) -> impl Iterator<Item = &str> {
    [Some(&config.spec), Some(&config.lock)]
        .into_iter()
        .chain([
            config.templates.as_ref(),
            config.manifest.as_ref(),
            config.events.as_ref(),
            config.parity.as_ref(),
            config.output.as_ref(),
        ])
        .flatten()
        .chain(config.generator.iter())
        .chain(config.targets.values().map(|target| &target.output))
        .map(String::as_str)
}

/// Removes `.` and `..` without asking the disk.
pub fn normalise(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// A relative path with `/` between folders on every system.
pub fn slashes(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(current: &str) -> Project {
        Project {
            file: "/home/ada/repo/spec/codegen.toml".into(),
            folder: "/home/ada/repo/spec".into(),
            current: current.into(),
        }
    }

    #[test]
    fn paths_are_shown_from_where_the_person_stands() {
        let shown = |current| project(current).shown_from_folder("../generated/lib.rs");
        assert_eq!(shown("/home/ada/repo"), "generated/lib.rs");
        assert_eq!(shown("/home/ada/repo/spec/events"), "../../generated/lib.rs");
        assert_eq!(shown("/home/ada/repo/generated"), "lib.rs");
        assert_eq!(shown("/srv"), "/home/ada/repo/generated/lib.rs");
        assert_eq!(project("/home/ada/repo").shown(Path::new("/home/ada/repo")), ".");
    }

    #[test]
    fn the_root_holds_everything_the_configuration_names() {
        let config: Config = toml::from_str(
            "spec = 'openapi.yaml'\nlock = '../generated/contract.lock'\n\
             [targets.python]\noutput = '../generated/python'\n",
        )
        .unwrap();
        assert_eq!(project("/").root(&config), Path::new("/home/ada/repo"));
    }
}

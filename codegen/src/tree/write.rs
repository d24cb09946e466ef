//! Brings the disk to what the tree says, touching only what differs.

use super::{Difference, Found, Tree};
use crate::project::named;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes what is missing or stale and deletes orphans, with the folders they leave empty.
/// Symbolic links in the way must have been refused before.
pub fn write(tree: &Tree, differences: &[Difference], outputs: &[PathBuf]) -> io::Result<()> {
    for difference in differences {
        match (&difference.found, &difference.key) {
            (Found::Missing | Found::Stale(_), Some(key)) => {
                replace(&difference.path, tree.files[key].text.as_bytes())?;
            }
            (Found::Orphaned, _) => {
                fs::remove_file(&difference.path).map_err(named(&difference.path))?;
                remove_empty_folders(&difference.path, outputs);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file with the folders above it.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(named(folder))?;
    }
    fs::write(path, text).map_err(named(path))
}

fn remove_empty_folders(path: &Path, outputs: &[PathBuf]) {
    let inside =
        |folder: &&Path| outputs.iter().any(|top| *folder != top && folder.starts_with(top));
    for folder in path.ancestors().skip(1).take_while(inside) {
        // A folder that is not empty stays; that is what the error says.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

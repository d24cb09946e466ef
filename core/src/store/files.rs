//! Files that hold secrets: made with mode 0600, refused when anybody else can read them.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::StoreError;

/// No key file is larger; a bigger one is not ours.
const LARGEST: u64 = 64 * 1024;

/// Reads the secret file, or makes it from `fresh` when there is none.
pub fn read_or_create(
    path: &Path,
    fresh: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, StoreError>,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    match read(path) {
        Err(StoreError::File { .. }) if !path.exists() => {
            let bytes = fresh()?;
            create(path, &bytes)?;
            Ok(bytes)
        }
        other => other,
    }
}

/// Reads a secret file; one that its group or the world can touch is refused.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let mut file = File::open(path).map_err(|error| fault(path, error.kind()))?;
    let meta = file.metadata().map_err(|error| fault(path, error.kind()))?;
    if meta.mode() & 0o077 != 0 {
        let reason = format!("mode {:04o} lets others in; run chmod 600", meta.mode() & 0o7777);
        return Err(StoreError::File { path: path.to_owned(), reason });
    }
    if !meta.is_file() || meta.len() > LARGEST {
        return Err(StoreError::File { path: path.to_owned(), reason: "not a key file".into() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0)));
    file.read_to_end(&mut bytes).map_err(|error| fault(path, error.kind()))?;
    Ok(bytes)
}

/// Reads a secret that somebody else put there: as [`read`], but a file of root may also be open
/// to our group, which is how secrets are mounted into containers.
pub fn read_mounted(path: &Path) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let meta = fs::metadata(path).map_err(|error| fault(path, error.kind()))?;
    let of_root = meta.uid() == 0 && meta.mode() & 0o037 == 0;
    if !of_root || meta.len() > LARGEST {
        return read(path);
    }
    fs::read(path).map(Zeroizing::new).map_err(|error| fault(path, error.kind()))
}

/// Writes a new secret file; an existing one is never overwritten.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| fault(path, error.kind()))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| fault(path, error.kind()))?;
    sync_parent(path)
}

/// Makes an empty file that only its owner can touch, where there is none. SQLite gives its
/// journal the mode of its database.
pub fn touch_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path).map(|_| ()).map_err(|error| fault(path, error.kind()))
}

/// Makes the data folder, closed to everybody else.
pub fn create_folder(path: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| fault(path, error.kind()))
}

/// A new name is durable only once its folder is synced.
pub fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| fault(folder, error.kind()))
}

/// Keeps a second Core off the same folder. The lock lives as long as the answer.
pub fn lock_folder(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("core.lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| fault(&path, error.kind()))?;
    file.try_lock().map_err(|_| StoreError::File {
        path: folder.to_owned(),
        reason: "another Core uses this data folder".into(),
    })?;
    Ok(file)
}

fn fault(path: &Path, kind: ErrorKind) -> StoreError {
    StoreError::File { path: path.to_owned(), reason: kind.to_string() }
}

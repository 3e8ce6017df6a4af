//! The digest of a folder: names, contents and which files can be run.

use aws_lc_rs::digest::{Context, SHA256};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use terrane_core::Text;

/// Packages hold text; more than this is a mistake.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
const MOST_FILES: usize = 100_000;

/// `sha256:` and the digest of a folder, the same on every machine.
///
/// # Errors
/// What cannot be read, or is no file and no folder, in words.
pub(crate) fn digest(folder: &Path) -> Result<Text, String> {
    let mut files = Vec::new();
    list(folder, "", &mut files)?;
    files.sort();
    let mut context = Context::new(&SHA256);
    let mut bytes_left = MOST_BYTES;
    for (name, path) in &files {
        let unreadable = |error: std::io::Error| format!("{name}: {error}");
        let content = std::fs::read(path).map_err(unreadable)?;
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        bytes_left = bytes_left.checked_sub(length).ok_or_else(|| too_large(MOST_BYTES / (1024 * 1024), "MiB"))?;
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
        for part in [name.as_bytes(), &[u8::from(mode & 0o100 != 0)], &content] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
    }
    Ok(format!("sha256:{}", crate::secrets::digest::hex(context.finish().as_ref())).into())
}

fn too_large(most: u64, of: &str) -> String {
    format!("a package holds at most {most} {of}")
}

/// All files below a folder, by their names as seen from its top.
fn list(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().into_string().map_err(|name| format!("{} is no text", name.display()))?;
        let name = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else if kind.is_file() {
            files.push((name, entry.path()));
        } else {
            return Err(format!("{name} is no file"));
        }
        if files.len() > MOST_FILES {
            return Err(too_large(u64::try_from(MOST_FILES).unwrap_or(u64::MAX), "files"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn any_difference_makes_another_digest() {
        let of = |files: &[(&str, &str)]| digest(folder(files).path()).unwrap();
        let base = [("a.hcl", "x"), ("b/c.hcl", "y")];
        assert_eq!(of(&base), of(&[("b/c.hcl", "y"), ("a.hcl", "x")]));
        let others: [&[(&str, &str)]; 4] = [
            &[("a.hcl", "x"), ("b/c.hcl", "z")],
            &[("a.hcl", "x"), ("b/d.hcl", "y")],
            &[("a.hcl", "x")],
            &[("a.hcl", "xb/c.hcl"), ("y", "")],
        ];
        for other in others {
            assert_ne!(of(&base), of(other), "{other:?}");
        }
        let runnable = folder(&base);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(runnable.path().join("a.hcl"), mode).unwrap();
        assert_ne!(of(&base), digest(runnable.path()).unwrap());
    }

    #[test]
    fn a_link_is_no_part_of_a_package() {
        let place = folder(&[("a.hcl", "x")]);
        std::os::unix::fs::symlink("/etc/hostname", place.path().join("b.hcl")).unwrap();
        assert_eq!(digest(place.path()).unwrap_err(), "b.hcl is no file");
    }
}

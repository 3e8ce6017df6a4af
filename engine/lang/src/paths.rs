//! Paths as text, with `/` between their steps. Nothing looks at files here.

/// A path seen from a folder, without `.` and with `..` taken away where that is possible; `.` where nothing is left.
#[must_use]
pub fn join(folder: &str, path: &str) -> String {
    let folder = if path.starts_with('/') { "/" } else { folder };
    let is_absolute = folder.starts_with('/');
    let mut steps: Vec<&str> = Vec::new();
    for step in folder.split('/').chain(path.split('/')) {
        match step {
            "" | "." => {}
            ".." if steps.last().is_some_and(|last| *last != "..") => {
                steps.pop();
            }
            // Above the top there is nothing.
            ".." if is_absolute => {}
            other => steps.push(other),
        }
    }
    let joined = steps.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => String::from("."),
        (false, false) => joined,
    }
}

/// A path as it is seen from `folder`, where both start at the same place.
#[must_use]
pub fn seen_from(folder: &str, path: &str) -> String {
    let (folder, path) = (join(".", folder), join(".", path));
    let steps = |path: &'_ str| -> Vec<String> {
        path.split('/').filter(|step| !matches!(*step, "" | ".")).map(ToOwned::to_owned).collect()
    };
    let (folder, path) = (steps(&folder), steps(&path));
    let shared = folder.iter().zip(&path).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), folder.len() - shared);
    let seen: Vec<String> = up.chain(path.into_iter().skip(shared)).collect();
    if seen.is_empty() { String::from(".") } else { seen.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_without_detours() {
        for (folder, path, expected) in [
            (".", "a.hcl", "a.hcl"),
            (".", ".", "."),
            ("modules/a", "../b", "modules/b"),
            (".", "../x", "../x"),
            ("/srv/x", "./m/", "/srv/x/m"),
            (".", "/srv/x", "/srv/x"),
            ("/srv", "../../x", "/x"),
            ("a", "/", "/"),
        ] {
            assert_eq!(join(folder, path), expected, "{folder} {path}");
        }
    }

    #[test]
    fn paths_are_seen_from_a_folder() {
        for (folder, path, expected) in [
            ("", "main.hcl", "main.hcl"),
            ("fleet/", "fleet/a/main.hcl", "a/main.hcl"),
            ("live/eu/", "modules/pool/main.hcl", "../../modules/pool/main.hcl"),
            ("live/eu/", "live/us/main.hcl", "../us/main.hcl"),
            ("live/eu/", "live/euro.hcl", "../euro.hcl"),
            ("/srv/a", "/srv/b/c", "../b/c"),
            ("a", "a", "."),
        ] {
            assert_eq!(seen_from(folder, path), expected, "{folder} {path}");
        }
    }
}

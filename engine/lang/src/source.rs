//! What `source` of a module call names: a folder beside the caller, or a package that comes from somewhere else.
//!
//! In: the text as written. Out: what it is, in one spelling, so that two calls of one package share what is fetched.
//! Fetching is the runtime's.

use terrane_core::Text;

/// A module source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder, seen from that of the caller.
    Local,
    /// A folder in a package.
    Package(Package),
    /// Something that this version does not have: what, in words.
    Later(&'static str),
}

/// A package in a git repository, and the folder in it that holds the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Where the repository is, as git takes it.
    pub url: Text,
    /// The branch, tag or commit; nothing for what the repository shows by itself.
    pub revision: Option<Text>,
    /// The folder in it; `.` for its top.
    pub folder: Text,
}

impl Package {
    /// The package without the folder: what the lock file calls it.
    #[must_use]
    pub fn address(&self) -> Text {
        match &self.revision {
            Some(revision) => format!("git::{}?ref={revision}", self.url).into(),
            None => format!("git::{}", self.url).into(),
        }
    }
}

/// Ways to reach a repository that say who answers. A path of this machine is one too.
const SCHEMES: &[&str] = &["https", "ssh", "file"];
/// Hosts whose repositories are written without a scheme.
const HOSTS: &[&str] = &["github.com", "gitlab.com", "bitbucket.org"];

/// What a text names.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(text: &str) -> Result<Source, String> {
    if matches!(text, "." | "..") || text.starts_with("./") || text.starts_with("../") {
        return Ok(Source::Local);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(String::from("it holds a space or a control character"));
    }
    if let Some(rest) = text.strip_prefix("git::") {
        return git(rest).map(Source::Package);
    }
    if let Some(host) = HOSTS.iter().find(|host| text.strip_prefix(**host).is_some_and(|rest| rest.starts_with('/'))) {
        return hosted(text, host).map(Source::Package);
    }
    if text.starts_with("git@") {
        return git(text).map(Source::Package);
    }
    match text.split_once("://").map(|(scheme, _)| scheme) {
        Some("oci") => Ok(Source::Later("modules from OCI registries")),
        Some(_) => Ok(Source::Later("modules from archives")),
        None if text.contains("::") => Ok(Source::Later("modules from this kind of place")),
        None if text.starts_with('/') => Err(String::from("a path starts with ./ or ../, seen from the caller")),
        None if matches!(text.split('/').count(), 3 | 4) => Ok(Source::Later("modules from registries")),
        None => Err(String::from("it names neither a path nor a repository")),
    }
}

/// `HOST/OWNER/REPOSITORY`, with a folder and parameters behind it.
fn hosted(text: &str, host: &str) -> Result<Package, String> {
    let end = text.find("//").or_else(|| text.find('?')).unwrap_or(text.len());
    let (repository, rest) = text.split_at(end);
    let repository = repository.strip_suffix(".git").unwrap_or(repository);
    if repository.split('/').filter(|step| !step.is_empty()).count() != 3 {
        return Err(format!("a repository of {host} is {host}/OWNER/NAME, and a folder in it stands behind //"));
    }
    git(&format!("https://{repository}.git{rest}"))
}

fn git(text: &str) -> Result<Package, String> {
    let (place, parameters) = text.split_once('?').map_or((text, None), |(place, rest)| (place, Some(rest)));
    let after_scheme = place.find("://").map_or(0, |at| at + 3);
    let (url, folder) = match place.get(after_scheme..).unwrap_or_default().find("//") {
        Some(at) => (place.get(..after_scheme + at).unwrap_or(place), place.get(after_scheme + at + 2..).unwrap_or("")),
        None => (place, "."),
    };
    Ok(Package { url: location(url)?.into(), revision: revision(parameters)?, folder: inside(folder)?.into() })
}

/// A place that git reaches without being tricked into anything else.
fn location(url: &str) -> Result<&str, String> {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        // The short form of ssh: USER@HOST:PATH.
        None => match url.split_once(':') {
            Some((host, path)) if host.contains('@') && !host.contains('/') && !path.is_empty() => ("ssh", host),
            _ => return Err(String::from("a repository is https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH")),
        },
    };
    if !SCHEMES.contains(&scheme) {
        let known = SCHEMES.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(", ");
        return Err(format!("repositories are reached by {known}, not by {scheme}://"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(':') {
        return Err(String::from("a password stands in it; leave it to git's credential helpers"));
    }
    if user.starts_with('-') || host.starts_with('-') || (host.is_empty() && scheme != "file") {
        return Err(String::from("it names no host"));
    }
    Ok(url)
}

/// The `ref` of the parameters; `depth` is ours to choose.
fn revision(parameters: Option<&str>) -> Result<Option<Text>, String> {
    let mut found = None;
    for parameter in parameters.into_iter().flat_map(|text| text.split('&')).filter(|text| !text.is_empty()) {
        match parameter.split_once('=') {
            Some(("ref", name)) => found = Some(revision_name(name)?.into()),
            Some(("depth", _)) => {}
            _ => return Err(format!("`{parameter}` is no parameter of a repository; `ref` is")),
        }
    }
    Ok(found)
}

fn revision_name(name: &str) -> Result<&str, String> {
    let is_odd = |c: char| "~^:?*[\\@{".contains(c);
    if name.is_empty() || name.starts_with('-') || name.contains("..") || name.contains(is_odd) {
        return Err(format!("`{name}` is no branch, tag or commit"));
    }
    Ok(name)
}

/// A folder that stays inside.
fn inside(folder: &str) -> Result<String, String> {
    let steps: Vec<&str> = folder.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    if steps.contains(&"..") {
        return Err(format!("the folder `{folder}` leads out of the package"));
    }
    Ok(if steps.is_empty() { String::from(".") } else { steps.join("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(text: &str, address: &str, folder: &str) {
        match read(text) {
            Ok(Source::Package(package)) => {
                assert_eq!((&*package.address(), &*package.folder), (address, folder), "{text}");
                // The address names the same package.
                assert_eq!(read(&package.address()), Ok(Source::Package(Package { folder: ".".into(), ..package })));
            }
            other => unreachable!("{text}: {other:?}"),
        }
    }

    // A1
    #[test]
    fn a_repository_has_one_address_however_it_is_written() {
        names("git::https://example.com/a.git", "git::https://example.com/a.git", ".");
        names("git::https://example.com/a.git//x/y?ref=v1", "git::https://example.com/a.git?ref=v1", "x/y");
        names("git::https://example.com/a.git//./x//?depth=1&ref=v1", "git::https://example.com/a.git?ref=v1", "x");
        names("git::ssh://git@example.com:2222/a.git?ref=v1", "git::ssh://git@example.com:2222/a.git?ref=v1", ".");
        names("git@example.com:a/b.git//c?ref=main", "git::git@example.com:a/b.git?ref=main", "c");
        names("git::git@example.com:a/b.git", "git::git@example.com:a/b.git", ".");
        names("github.com/a/b//c?ref=v1", "git::https://github.com/a/b.git?ref=v1", "c");
        names("gitlab.com/a/b.git?ref=v1", "git::https://gitlab.com/a/b.git?ref=v1", ".");
        names("git::file:///srv/a.git", "git::file:///srv/a.git", ".");
    }

    // A1
    #[test]
    fn what_git_could_be_tricked_by_is_no_source() {
        for text in [
            "git::ext::sh -c touch x",
            "git::ext::sh",
            "git::http://example.com/a.git",
            "git::git://example.com/a.git",
            "git::https://user:password@example.com/a.git",
            "git::ssh://-oProxyCommand=x/a",
            "git::-oProxyCommand@x:a",
            "git::--upload-pack=x",
            "git::https://example.com/a.git?ref=--upload-pack=x",
            "git::https://example.com/a.git?ref=a..b",
            "git::https://example.com/a.git?ref=",
            "git::https://example.com/a.git?archive=zip",
            "git::https://example.com/a.git//../x",
            "git::https:///a.git",
            "git::https://example.com/a b",
            "github.com/a",
            "github.com/a/b/c",
            "/srv/modules/a",
            "pool",
            "",
        ] {
            assert!(read(text).is_err(), "{text}: {:?}", read(text));
        }
    }

    // A1
    #[test]
    fn paths_are_local_and_other_places_come_later() {
        for text in ["./a", "../a", ".", ".."] {
            assert_eq!(read(text), Ok(Source::Local));
        }
        for text in [
            "acme/pool/t",
            "example.com/acme/pool/t",
            "oci://example.com/a",
            "https://example.com/a.zip",
            "s3::https://x/y",
        ] {
            assert!(matches!(read(text), Ok(Source::Later(_))), "{text}");
        }
    }
}

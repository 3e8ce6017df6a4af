//! Functions of files, through the sources of the run, and of paths. Relative paths start at the root folder.

use super::ParameterType::String as S;
use super::file_set::file_set;
use super::hash::{base64_digest, hex_digest};
use super::{Function, FunctionContext, FunctionError, a_bool, is, of, p, string, text, wrong};
use crate::paths::join;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use std::sync::Arc;
use terrane_core::{Type, Value};

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new("abspath", "A path from the root of the file system.", PATH, string, |a, cx| {
        of(join(&cx.sources.folder(), text(a, 0)))
    }),
    Function::new("basename", "The last part of a path.", PATH, string, |a, _| {
        let trimmed = text(a, 0).trim_end_matches('/');
        of(match (text(a, 0), trimmed.rsplit('/').next()) {
            ("", _) => ".",
            (_, Some(last)) if !last.is_empty() => last,
            _ => "/",
        })
    }),
    Function::new("dirname", "A path without its last part.", PATH, string, |a, _| {
        of(text(a, 0).rsplit_once('/').map_or_else(|| ".".to_owned(), |(folder, _)| join(&format!("{folder}/"), "")))
    }),
    Function::new("file", "The text of a file.", PATH, string, |a, cx| match std::str::from_utf8(&read(a, cx)?) {
        Ok(contents) => of(contents),
        Err(_) => wrong(0, format!("`{}` is no text; filebase64 reads any file", text(a, 0))),
    }),
    Function::new("filebase64", "The bytes of a file in Base64.", PATH, string, |a, cx| {
        of(STANDARD.encode(read(a, cx)?))
    }),
    Function::new("filebase64sha256", "SHA-256 of a file, in Base64.", PATH, string, |a, cx| {
        of(base64_digest::<Sha256>(&read(a, cx)?))
    }),
    Function::new("filebase64sha512", "SHA-512 of a file, in Base64.", PATH, string, |a, cx| {
        of(base64_digest::<Sha512>(&read(a, cx)?))
    }),
    Function::new("fileexists", "Whether there is a file of that path.", PATH, a_bool, |a, cx| {
        is(Value::bool(cx.sources.exists(text(a, 0))))
    }),
    Function::new("filemd5", "MD5 of a file, hexadecimal.", PATH, string, |a, cx| of(hex_digest::<Md5>(&read(a, cx)?))),
    Function::new(
        "fileset",
        "Paths of the files below a folder that match a pattern with `*`, `**`, `?`, `[..]` and `{..,..}`.",
        &[p("folder", S), p("pattern", S)],
        |_| Type::set(Type::String),
        |a, cx| file_set(text(a, 0), text(a, 1), cx),
    ),
    Function::new("filesha1", "SHA-1 of a file, hexadecimal.", PATH, string, |a, cx| {
        of(hex_digest::<Sha1>(&read(a, cx)?))
    }),
    Function::new("filesha256", "SHA-256 of a file, hexadecimal.", PATH, string, |a, cx| {
        of(hex_digest::<Sha256>(&read(a, cx)?))
    }),
    Function::new("filesha512", "SHA-512 of a file, hexadecimal.", PATH, string, |a, cx| {
        of(hex_digest::<Sha512>(&read(a, cx)?))
    }),
    Function::new("pathexpand", "The path as it is: a home folder is not looked up.", PATH, string, |a, _| match text(
        a, 0,
    ) {
        path if path.starts_with('~') => {
            wrong(0, "it starts in a home folder, which differs from one machine to the next")
        }
        path => of(path),
    }),
];

static PATH: &[super::Parameter] = &[p("path", S)];

fn read(arguments: &[Value], cx: &FunctionContext<'_>) -> Result<Arc<[u8]>, FunctionError> {
    let path = text(arguments, 0);
    cx.sources.read(path).or_else(|reason| wrong(0, format!("`{path}`: {reason}")))
}

//! Texts that the console shows.

use super::answer;
use crate::eval::Nothing;
use terrane_core::{Residual, Type, Value};

fn check(text: &str, wanted: &str) {
    let variables = [
        ("unknown".into(), Value::unknown(Type::String, Residual::Variable("x".into()))),
        ("secret".into(), Value::string("s3cret").sensitive()),
    ];
    match answer(text, &variables, &Nothing) {
        Ok(shown) => assert_eq!(shown, wanted, "{text}"),
        Err(problems) => panic!("{text}: {:?}", crate::testing::shown(&problems)),
    }
}

#[test]
fn values_are_laid_out_as_scripts_expect_them() {
    check("1 / 4", "0.25");
    check("\"a\\t\\\"b\\\"\"", "\"a\\t\\\"b\\\"\"");
    check("\"it's\"", "\"it's\"");
    check("[]", "[]");
    check("tolist([1, 2])", "tolist([\n  1,\n  2,\n])");
    check("{ b = [1], a = {} }", "{\n  \"a\" = {}\n  \"b\" = [\n    1,\n  ]\n}");
    check("toset([\"b\", \"a\"])", "toset([\n  \"a\",\n  \"b\",\n])");
    check("\"a\\nb\"", "<<EOT\na\nb\nEOT");
    check("[\"EOT\\nb\"]", "[\n  <<-EOT_\n  EOT\n  b\n  EOT_,\n]");
    check("\"\\u0001\\u200be\\u0301\"", "\"\\x01\\u200b\u{e9}\"");
}

#[test]
fn what_is_secret_or_not_known_is_not_shown() {
    check("[unknown, secret]", "[\n  (known after apply),\n  (sensitive value),\n]");
    check("type(secret)", "string");
}

#[test]
fn types_are_shown_by_the_outermost_call_only() {
    check("type([1, \"a\"])", "tuple([\n    number,\n    string,\n])");
    check("type({ a = tolist([true]) })", "object({\n    a: list(bool),\n})");
    check("type(tolist([{}]))", "list(\n    object({}),\n)");
    check("type({})", "object({})");
    check("type(tolist([]))", "list(dynamic)");
    assert!(answer("[type(1)]", &[], &Nothing).is_err());
}

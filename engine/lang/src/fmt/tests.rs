//! A1: how configuration files are laid out.

use super::*;

#[track_caller]
fn becomes(text: &str, wanted: &str) {
    assert_eq!(format(text), wanted);
    assert_eq!(format(wanted), wanted);
}

#[test]
fn equals_signs_and_comments_are_aligned_in_runs() {
    becomes(
        "a=1 # x\nbbb   = \"y\"   // z\n\ncc = 2\nd {\ne=1\n}\n",
        "a   = 1   # x\nbbb = \"y\" // z\n\ncc = 2\nd {\n  e = 1\n}\n",
    );
}

#[test]
fn the_slash_that_opens_a_comment_does_not_close_it() {
    becomes("a = {\n  b = 1 /*/**/\n}\n", "a = {\n  b = 1 /*/**/\n}\n");
}

#[test]
fn brackets_indent_by_line() {
    becomes(
        "a = {\nb = [\n1,2,\n]\n}\nc = f([\n{\nx=1\n}])\n",
        "a = {\n  b = [\n    1, 2,\n  ]\n}\nc = f([\n  {\n    x = 1\n}])\n",
    );
}

#[test]
fn operators_have_spaces_and_signs_have_none() {
    becomes("a = -  1+!  b - - c\n", "a = -1 + !b - -c\n");
    becomes("a = x ? -y:z\n", "a = x ? -y : z\n");
    becomes("a = f (x , y ...)\n", "a = f(x, y...)\n");
    becomes("a = x [ 0 ] . b\n", "a = x[0].b\n");
    becomes("a = [for k,v in[1]: v]\n", "a = [for k, v in [1] : v]\n");
    becomes("a = {b=1}\nc {  }\n", "a = { b = 1 }\nc {}\n");
}

#[test]
fn strings_change_only_inside_of_sequences() {
    becomes("a = \" x ${  b+1 } %{ if   c }y%{ endif } \"\n", "a = \" x ${b + 1} %{if c}y%{endif} \"\n");
}

#[test]
fn heredocs_change_only_inside_of_sequences() {
    becomes("a=<<-EOT\n  x  \n ${ a+b }\n   EOT\nbbb=1\n", "a   = <<-EOT\n  x  \n ${a + b}\n   EOT\nbbb = 1\n");
}

#[test]
fn comments_and_blank_lines_stay() {
    becomes(
        "\n# a  \n\n\nb { # c\n// d\n\n/* e\n f */ g = 1\n}",
        "\n# a  \n\n\nb { # c\n  // d\n\n  /* e\n f */ g = 1\n}",
    );
    becomes("", "");
}

#[test]
fn line_ends_stay() {
    becomes("a=1\r\nb  =2\r\n", "a = 1\r\nb = 2\r\n");
}

#[test]
fn a_file_with_problems_stays() {
    becomes("a=  1\nb =\n", "a=  1\nb =\n");
}

#[test]
fn a_string_that_holds_a_sequence_alone_becomes_what_is_in_it() {
    becomes(
        "a = \"${ b+1 }\"\nc = \"${d}${e}\"\nf = \"${f(\"${g}\")}\"\n",
        "a = b + 1\nc = \"${d}${e}\"\nf = f(\"${g}\")\n",
    );
    becomes("a = [\"${b}\"]\n", "a = [\"${b}\"]\n");
    becomes("a = \"${\"${b}\"}\"\n", "a = b\n");
    becomes("a = \"${\n  b\n}\"\n", "a = b\n");
    becomes("a = \"${\n  b ? c\n  : d\n}\"\n", "a = (b ? c\n: d)\n");
    becomes("a = \"${(b)\n+ (c)}\"\n", "a = ((b)\n+ (c))\n");
    // What follows would become a part of the comment.
    becomes("a = \"${ # why\n  b\n}\"\n", "a = \"${ # why\n  b\n}\"\n");
    becomes("a = \"${~ b ~}\"\n", "a = b\n");
    becomes("a = \"%{if b}%{endif}\"\n", "a = \"%{if b}%{endif}\"\n");
}

#[test]
fn labels_are_quoted() {
    becomes("resource  foo bar{\n}\n", "resource \"foo\" \"bar\" {\n}\n");
    becomes("a /* why */ b {}\n", "a /* why */ \"b\" {}\n");
}

#[test]
fn old_types_become_new_ones() {
    becomes(
        "variable \"a\" {\n  type = list\n}\nvariable \"b\" {\n  type = \"map\"\n}\nvariable \"c\" {\n  type = \"string\"\n}\n",
        "variable \"a\" {\n  type = list(any)\n}\nvariable \"b\" {\n  type = map(string)\n}\nvariable \"c\" {\n  type = string\n}\n",
    );
    becomes("output \"a\" {\n  type = list\n}\n", "output \"a\" {\n  type = list\n}\n");
}

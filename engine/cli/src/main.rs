//! The binary `terrane`.
mod args;
mod argv;
mod console;
mod diag;
mod render;
fn main() {}

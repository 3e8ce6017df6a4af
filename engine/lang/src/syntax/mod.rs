//! Text to syntax tree. Everything behind [`parse`] can be exchanged: the rest of the crate sees [`ast`] only.
pub mod ast;

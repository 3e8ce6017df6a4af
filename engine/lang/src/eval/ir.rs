//! The compact form that the checker lowers syntax to: names resolved, functions looked up, spans kept.
/// An expression.
#[derive(Debug)]
pub struct Expr;
/// The arguments and nested blocks of a block.
#[derive(Debug)]
pub struct Body;

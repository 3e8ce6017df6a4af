//! Evaluation of the compact form against a scope.
pub mod ir;

//! Turns a Rust struct into the schema of a resource type, with conversions from and to values.
//!
//! `#[derive(Resource)]` declares a resource type, data source or provider configuration; `#[derive(Block)]` a
//! nested block or an object value. The doc comment of a struct or field is its documentation. A combination that
//! makes no sense (a required `Option`, a computed plain text, two roles) is a compile error that says what would
//! make sense. The generated code stands on `terrane_core` and `terrane_provider::typed`.
//!
//! ```text
//! #[derive(Resource)]
//! #[resource(type = "eks_cluster", version = 1, conflicts("a", "b"))]
//! struct Cluster {
//!     /// Name of the cluster.
//!     #[attr(required, replaces, range = 1..=100)]
//!     name: String,
//!     /// Who reaches it.
//!     #[attr(optional_computed, block)]
//!     endpoint: Option<Endpoint>,
//! }
//! ```
//!
//! Container attribute `#[resource(..)]`: `type = ".."`, `version = N`, `kind = resource | data | provider`
//! (`resource` when left out), and the rules `conflicts("a", "b", ..)`, `exactly_one(..)`, `requires("a", "b")`,
//! `any_true(..)`, `at_most("low", "high")`, with dotted paths.
//!
//! Field attribute `#[attr(..)]`: exactly one role of `required`, `optional`, `optional_computed`, `computed`,
//! `write_only`; one change of `replaces`, `refused = "why"` (in place when left out); `disrupts = ".."`, `secret`,
//! `default = ..`, `unit = ".."`, `range = a..=b`, `one_of("a", "b")`, `example = ".."`, `source = ".."`,
//! `name = ".."`; and for nested blocks `block`, `block_list` or `block_set`.

mod attrs;
mod expand;
mod model;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a resource type, data source or provider configuration.
#[proc_macro_derive(Resource, attributes(resource, attr))]
pub fn derive_resource(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::resource(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct a nested block, or the type of an object value.
#[proc_macro_derive(Block, attributes(attr))]
pub fn derive_block(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::block(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

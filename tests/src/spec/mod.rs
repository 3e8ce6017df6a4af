//! Specs as Markdown: configurations, a world before, and what has to come of them.
//!
//! A file below `tests/specs` has cases, a `##` heading each: what it shows, with feature rows in brackets. Fenced
//! blocks follow:
//!
//! - `hcl` or `hcl NAME`: a file of the configuration, `main.hcl` where no name stands; `text NAME` and the like: any
//!   other file beside it.
//! - `hcl recorded` or `hcl recorded NAME`: an earlier configuration, applied before; the same name once more begins a
//!   later one.
//! - `state`: what was done to the state by hand: `taint ADDR`, `forget ADDR`, `write FROM => TO`.
//! - `actual`: what was done behind our back: `ADDR attribute = JSON`, `ADDR is gone`.
//! - `options`: flags of `plan`, one a line, and `env NAME=VALUE`.
//! - `plan`, `drift`, `order`, `outputs`, `diagnostics`, `again`: what is expected ([`show`] tells their lines).
//! - `values`: `EXPRESSION => VALUE` or `EXPRESSION => error ID`, each evaluated within the configuration.
//!
//! Where no `diagnostics` are expected there may be none, and what is planned without any is applied, after which
//! nothing is left to do (or what `again` says). `TERRANE_SPECS=update` rewrites what is expected.

pub mod book;
pub mod run;
pub mod show;

pub use book::{Block, Book, Case};

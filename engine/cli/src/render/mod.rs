//! What people and programs read: one file per form. Each takes plain data and a writer.

pub mod diagnostic;
pub mod events;
pub mod graph;
pub mod json_checks;
pub mod json_config;
pub mod json_plan;
pub mod json_state;
pub mod json_value;
pub mod lines;
pub mod live;
pub mod markdown;
pub mod plan;
pub mod report;
pub mod schema;
pub mod state;

//! An independent audit of a plan.

//! A secret that sings when it is seen: configurations that hold one in many places, and the search for it.

pub mod needles;
pub mod shapes;

pub use needles::Needles;
pub use shapes::Case;

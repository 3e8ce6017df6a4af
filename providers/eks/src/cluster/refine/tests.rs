//! What the type refuses, and what it completes.

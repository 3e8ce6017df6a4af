//! The providers that this binary has: one line and one cargo feature each.

use std::sync::Arc;
use terrane_provider::key::KeyService;
use terrane_provider::{Provider, Registry};

/// All of them.
pub fn registry() -> Arc<Registry> {
    let providers: Vec<Arc<dyn Provider>> = vec![
        #[cfg(feature = "builtin")]
        terrane_builtin::provider(),
        #[cfg(feature = "eks")]
        terrane_eks::provider(),
    ];
    let key_services: Vec<Arc<dyn KeyService>> = vec![
        #[cfg(feature = "eks")]
        terrane_eks::key_service(),
    ];
    Arc::new(Registry::new(providers).with_key_services(key_services))
}

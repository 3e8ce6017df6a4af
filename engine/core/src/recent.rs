//! A memory of texts that were read lately, so that those that come again are shared.
//!
//! States and plans of large fleets say the same few names and settings a million times. The memory is of one
//! size whatever is read: a text is looked for in one place, and put there when it is not found.

use crate::Text;

/// Places; a power of two.
const PLACES: usize = 4_096;
/// Longer texts are seldom equal, and looking for them costs more than it saves.
const LONGEST: usize = 48;

/// Texts that were given out lately.
#[derive(Default)]
pub struct Recent {
    places: Vec<Option<Text>>,
}

impl Recent {
    /// A shared text that says `text`.
    pub fn text(&mut self, text: &str) -> Text {
        if text.len() > LONGEST {
            return text.into();
        }
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        let Some(place) = self.places.get_mut(place_of(text)) else { return text.into() };
        if let Some(known) = place.as_ref().filter(|known| &***known == text) {
            return known.clone();
        }
        place.insert(text.into()).clone()
    }
}

/// Where a text is looked for: its FNV-1a hash, folded.
fn place_of(text: &str) -> usize {
    let start: u64 = 0xcbf2_9ce4_8422_2325;
    let hash = text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    usize::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or_default() & (PLACES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_text_that_comes_again_is_the_same_one() {
        let mut recent = Recent::default();
        let first = recent.text("eu-west-1");
        assert!(Arc::ptr_eq(&first, &recent.text("eu-west-1")));
        assert_eq!(&*recent.text("eu-west-2"), "eu-west-2");
    }

    #[test]
    fn what_has_no_place_any_more_is_still_right() {
        let mut recent = Recent::default();
        for number in 0..50_000 {
            let text = format!("text {number}");
            assert_eq!(&*recent.text(&text), text);
        }
        assert_eq!(&*recent.text(&"long".repeat(100)), "long".repeat(100));
    }
}

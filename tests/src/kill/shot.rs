//! Where a run is killed, as a value that can be written down and read again.

use super::Phase;
use crate::sim::driver::Dice;
use std::fmt;
use std::str::FromStr;
use terrane_sandbox::KillMoment;

/// Around which request of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The changing request, counted from 1.
    pub number: u64,
    /// The moment within it.
    pub when: KillMoment,
}

/// One kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shot {
    /// By the sandbox, around a request.
    Around(Phase, Request),
    /// With `kill -9` at a moment that the seed says.
    AnyTime(u64),
}

/// The moments within a request.
pub const MOMENTS: [KillMoment; 3] = [KillMoment::BeforeEffect, KillMoment::AfterEffect, KillMoment::AfterReply];

fn name(moment: KillMoment) -> &'static str {
    match moment {
        KillMoment::BeforeEffect => "before-effect",
        KillMoment::AfterEffect => "after-effect",
        KillMoment::AfterReply => "after-reply",
    }
}

/// `create:12:after-effect`, `any:7`.
impl fmt::Display for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Around(phase, at) => write!(f, "{}:{}:{}", phase.name(), at.number, name(at.when)),
            Self::AnyTime(seed) => write!(f, "any:{seed}"),
        }
    }
}

impl FromStr for Shot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is neither PHASE:NUMBER:MOMENT nor any:SEED");
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            ["any", seed] => seed.parse().map(Self::AnyTime).map_err(|_| wrong()),
            [phase, number, moment] => {
                let phase = Phase::ALL.into_iter().find(|known| known.name() == *phase).ok_or_else(wrong)?;
                let when = MOMENTS.into_iter().find(|known| name(*known) == *moment).ok_or_else(wrong)?;
                let number = number.parse().map_err(|_| wrong())?;
                Ok(Self::Around(phase, Request { number, when }))
            }
            _ => Err(wrong()),
        }
    }
}

impl Shot {
    /// Dice that fall the same each time this shot is fired.
    #[must_use]
    pub fn dice(&self) -> Dice {
        let text = self.to_string();
        Dice(
            text.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }
}

/// A request among the first `most`.
pub fn any_request(dice: &mut Dice, most: u64) -> Request {
    let number = 1 + dice.roll(most);
    let moment = usize::try_from(dice.roll(3)).unwrap_or(0);
    Request { number, when: MOMENTS.get(moment).copied().unwrap_or(KillMoment::AfterEffect) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shot_survives_its_text() {
        for text in ["create:12:after-effect", "destroy:1:before-effect", "any:7"] {
            assert_eq!(text.parse::<Shot>().unwrap().to_string(), text);
        }
        assert!("create:x:after-effect".parse::<Shot>().is_err() && "create".parse::<Shot>().is_err());
    }
}

//! How often cards were declined (F4). Card networks ask a fee, and may take measures, if a card that they decline is tried again and
//! again: Visa from the 16th try within 30 days on. So people's own tries end there, as the tries of auto-recharge do (R4).
//! Source: Visa Core Rules and Visa Product and Service Rules, "Excessive Reattempts".

use jiff::{SignedDuration, Timestamp};

/// After so many declines no purchase begins.
pub const MOST_DECLINES: usize = 15;

/// A decline counts for so long.
const COUNTED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// When charges of an account were declined, oldest first and to the second: at most the last [`MOST_DECLINES`] since another card was
/// saved. They count whichever card it was, and whether its bank or the card processor declined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declines(Vec<Timestamp>);

impl Declines {
    /// As they were stored, oldest first.
    pub fn from_stored(instants: Vec<Timestamp>) -> Self {
        Self(instants)
    }

    /// Their instants, oldest first.
    pub fn instants(&self) -> &[Timestamp] {
        &self.0
    }

    /// Notes one more.
    pub(crate) fn add(&mut self, now: Timestamp) {
        self.0.retain(|declined| now < *declined + COUNTED_FOR);
        if self.0.len() == MOST_DECLINES {
            self.0.remove(0);
        }
        self.0.push(Timestamp::from_second(now.as_second()).expect("an earlier instant is one, too"));
    }

    /// Until when no purchase begins. `None` if one may begin now.
    pub fn forbid_until(&self, now: Timestamp) -> Option<Timestamp> {
        let oldest = self.0.first().filter(|_| self.0.len() >= MOST_DECLINES)?;
        Some(*oldest + COUNTED_FOR).filter(|until| now < *until)
    }
}

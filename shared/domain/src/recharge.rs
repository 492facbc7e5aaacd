//! Auto-recharge: when the available balance falls to the trigger, the card is charged again (R1-R7, F10).
//!
//! One shortfall gives one payment: [`look`] opens a card payment only while none is open, on the account's version, so a
//! duplicated, reordered or concurrent event finds one open or the shortfall gone. While an account is low with nothing
//! open, each of its commits adds the event [`BalanceLow`](crate::EventDetails::BalanceLow) and the account stays due, so a lost event
//! only delays the payment.
//!
//! ```text
//! off ⇄ armed → charging → armed                        charged
//!                 │  ├───→ waiting → charging            declined: 1 h, 6 h, 24 h, 72 h later
//!                 │  ├───→ stopped                       declined for good, or once too often
//!                 │  └───→ needsAction → armed, stopped  the card wants its owner
//!       armed → limited → armed                          the monthly limit; until the next month
//!       armed → paused                                   too many in a day; until somebody resumes it
//! ```
//!
//! | file | what it decides |
//! |---|---|
//! | [`state`] | the settings and the state of one account, as stored |
//! | [`settings`] | changing them: turn on, turn off, another card, resume |
//! | [`rule`] | whether a charge is wanted, whether it fits the limits, and opening it |
//! | [`outcome`] | what a settled charge does to the state: armed again, retried later, stopped |

pub mod outcome;
pub mod rule;
pub mod settings;
pub mod state;

pub use outcome::{AUTHENTICATION_REQUIRED, DO_NOT_TRY_AGAIN, RETRY_AFTER, is_hard_decline};
pub use rule::{Policy, Preview, look, preview};
pub use settings::{
    NewSettings, NothingToResume, SettingsRefusal, WrongAmount, card_changed, configure, resume,
};
pub use state::{Amounts, Failure, Limit, Recharge, STILL_LOW_AFTER, Safeguard, State};

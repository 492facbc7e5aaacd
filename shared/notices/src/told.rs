//! The parts that each language puts into words. Parts that are the same in every language are in [`crate::mail`].

use domain::event::UnusedFunds;
use domain::recharge::State;
use domain::{BillingModel, Money};
use jiff::Timestamp;

use crate::notice::{Notice, Reader};

/// The values that the words refer to.
pub(crate) struct Told<'a> {
    /// The notice.
    pub notice: Notice<'a>,
    /// When it happened.
    pub at: Timestamp,
    /// The organization's name.
    pub name: &'a str,
    /// How it pays.
    pub billing: BillingModel,
    /// The state of auto-recharge.
    pub recharge: State,
    /// The reader.
    pub reader: Reader,
}

/// The words of one mail.
pub(crate) struct Words {
    /// Also the beginning of the subject.
    pub heading: String,
    /// A sentence a line, an empty line between paragraphs.
    pub body: String,
    /// The text of the link.
    pub button: &'static str,
}

/// How many recharge amounts a recharge is, and the recharge amount; none where it is not known that it is several.
pub(crate) fn parts_of(amount: Money, times: Option<u32>) -> Option<(u32, Money)> {
    let times = times?;
    let part = amount.amount().checked_div(times.into())?;
    Some((times, Money::in_minor_units(part, amount.currency()).ok()?))
}

/// When the first of these lots expires, and the last.
pub(crate) fn first_and_last(lots: &[UnusedFunds]) -> (Timestamp, Timestamp) {
    let expiries = || lots.iter().map(|lot| lot.expires_at);
    let bounds = expiries().min().zip(expiries().max());
    bounds.expect("what expires is at least one lot")
}

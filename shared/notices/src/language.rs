//! The words that a language must have. Parts that are the same in every language are in [`crate::mail`].

use domain::event::UnusedFunds;
use domain::recharge::State;
use domain::{BillingModel, Money};
use jiff::Timestamp;

use crate::notice::{Changed, Notice, Reader};

/// Texts from outside are cut to so many characters.
const LONGEST_TEXT: usize = 200;

/// The words of one language.
pub(crate) trait Language {
    /// Heading, body and button of a mail.
    fn words(&self, told: &Told<'_>) -> Words;

    /// The name of a row of the mail's table.
    fn label(&self, label: Label) -> &'static str;

    /// A card, by what may be shown of it.
    fn card(&self, brand: &str, last4: &str) -> String;

    /// The changed settings, as a list.
    fn changed(&self, changed: Changed) -> String;

    /// A single word.
    fn word(&self, word: Word) -> &'static str;

    /// The separator of a label and its value on one line.
    fn colon(&self) -> &'static str;

    /// The language's own typography, for what was written with plain spaces.
    fn typeset(&self, text: &str) -> String;
}

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

/// A word that stands by itself in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    On,
    Off,
    Resumed,
    /// No card, or no limit.
    None,
    /// No recipient.
    Nobody,
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

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Amount,
    AutoRecharge,
    Available,
    BackupCard,
    Card,
    Changed,
    ChangedAt,
    ChangedBy,
    Date,
    Due,
    ExpiredAt,
    FurtherLots,
    Invoice,
    MonthlyLimit,
    NextInvoice,
    MinutesIncluded,
    MinutesUsed,
    Month,
    Owed,
    Plan,
    PoNumber,
    Receipt,
    RechargeAmount,
    Recipients,
    TriedAgain,
    TriggerAmount,
    UsableUntil,
    WarningAmount,
}

impl Told<'_> {
    /// Whole days since that instant.
    pub(crate) fn days_since(&self, instant: Timestamp) -> i64 {
        self.at.duration_since(instant).as_secs().max(0) / SECONDS_A_DAY
    }

    /// Days until that instant, begun ones included.
    pub(crate) fn days_until(&self, instant: Timestamp) -> i64 {
        let seconds = instant.duration_since(self.at).as_secs().max(0);
        (seconds + SECONDS_A_DAY - 1) / SECONDS_A_DAY
    }
}

const SECONDS_A_DAY: i64 = 24 * 3600;

/// A card's brand as it writes itself; one that is not known, as the card processor writes it.
pub(crate) fn brand_name(brand: &str) -> &str {
    match brand {
        "amex" => "American Express",
        "cartes_bancaires" => "CB",
        "diners" => "Diners Club",
        "discover" => "Discover",
        "jcb" => "JCB",
        "mastercard" => "Mastercard",
        "unionpay" => "UnionPay",
        "visa" => "Visa",
        other => other,
    }
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

/// A text from outside as it may stand in a subject, or in a line of the text: on one line, not too long, and
/// without the characters that turn the direction of what follows.
pub(crate) fn one_line(text: &str) -> String {
    let hidden = |c: char| {
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || c.is_control()
    };
    let text = text.replace(hidden, " ");
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST_TEXT) {
        line.truncate(cut);
        line.push('\u{2026}');
    }
    line
}

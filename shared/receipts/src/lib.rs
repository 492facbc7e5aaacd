//! Receipts of purchases and recharges (F8): one page of A4, as PDF, in the account's language.
//!
//! | file | what |
//! |---|---|
//! | `words` | what it says, in English and in French |
//! | `font` | its fonts, and how text is measured and broken into lines |
//! | `page` | where everything stands |
//!
//! The fonts have Latin, Greek and Cyrillic. A character that they lack, as in a Japanese name, is drawn as `�`; who
//! searches the text, copies it or has it read out still finds the character itself.

#![expect(clippy::float_arithmetic, reason = "points on a page; amounts arrive here as text")]

mod font;
mod page;
mod words;

use domain::profile::Card;
use domain::{
    AccountId, CardPayment, CardPaymentKind, CardPaymentState, Locale, Lot, Money, PaymentId, Profile,
};
use jiff::Timestamp;

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Without gaps within the account.
    pub number: u64,
    /// A purchase or a recharge.
    pub kind: CardPaymentKind,
    /// Whose.
    pub account: AccountId,
    /// The organization's name.
    pub organization: String,
    /// Its language.
    pub locale: Locale,
    /// What was paid for.
    pub payment: PaymentId,
    /// What the card was charged.
    pub amount: Money,
    /// When it was asked for.
    pub at: Timestamp,
    /// When the funds expire.
    pub expires_at: Timestamp,
    /// The card.
    pub card: Card,
    /// The account's PO number at that moment.
    pub po_number: Option<String>,
}

impl Receipt {
    /// The receipt of a payment, if a card was charged for it.
    pub fn of(payment: &CardPayment, profile: &Profile) -> Option<Self> {
        let CardPaymentState::Succeeded { receipt_number, .. } = payment.state else { return None };
        Some(Self {
            number: receipt_number,
            kind: payment.kind,
            account: payment.account.clone(),
            organization: profile.name.clone(),
            locale: profile.locale,
            payment: payment.id.clone(),
            amount: payment.amount,
            at: payment.created_at,
            expires_at: Lot::expiry_of_purchase(payment.created_at),
            card: payment.method.card.clone(),
            po_number: payment.po_number.clone(),
        })
    }

    /// `receipt-CONTOSO-0007.pdf`.
    pub fn file_name(&self) -> String {
        format!("receipt-{}-{:04}.pdf", self.account.as_str().to_ascii_uppercase(), self.number)
    }
}

/// The receipt as PDF: the same one always gives the same bytes.
pub fn pdf(receipt: &Receipt) -> Vec<u8> {
    page::draw(receipt)
}

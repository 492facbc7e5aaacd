//! Receipts of purchases and recharges (F8), credit notes of refunds (F9), statements, and invoices (S8), as PDF of A4 pages in the account's language.
//!
//! | file | what |
//! |---|---|
//! | `words` | the text of a receipt, in English and in French |
//! | [`credit_note`] | a credit note |
//! | `outside` | texts from outside, as far as the fonts have their characters |
//! | `page` | the layout of a receipt or a credit note |
//! | [`statement`] | the text and the tables of a statement |
//! | `statement_words` | the words of a statement, in English and in French |
//! | [`invoice`] | the text and the tables of an invoice |
//! | `invoice_words` | the words of an invoice, in English and in French |
//! | `calls` | sums by kind, and the table of calls |
//! | `table_pages` | the layout of tables over several pages |
//! | `font` | the fonts, which measure text and break it into lines |
//! | `pen` | drawing texts and lines on a page |
//!
//! The fonts have Latin, Greek, Cyrillic, Arabic and Hebrew. They lack Chinese, Japanese and Korean, whose fonts would be larger than
//! the functions. Words in such a script are replaced by a sentence that says so, with the account's id in place of a name.

#![expect(clippy::float_arithmetic, reason = "points on a page; amounts arrive here as text")]

mod calls;
pub mod credit_note;
mod font;
pub mod invoice;
mod invoice_words;
mod outside;
mod page;
mod pen;
pub mod statement;
mod statement_words;
mod table_pages;
mod words;

use domain::profile::Card;
use domain::{
    AccountId, CardPayment, CardPaymentKind, CardPaymentState, Locale, Lot, Money, PaymentId, Profile,
};
use jiff::Timestamp;

/// The data of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The receipt's number. An account's receipts are numbered without gaps.
    pub number: u64,
    /// A purchase or a recharge.
    pub kind: CardPaymentKind,
    /// The account that the funds were added to.
    pub account: AccountId,
    /// The organization's name.
    pub organization: String,
    /// The language of the receipt.
    pub locale: Locale,
    /// The id of the payment.
    pub payment: PaymentId,
    /// The amount that the card was charged.
    pub amount: Money,
    /// The instant at which the payment was asked for.
    pub at: Timestamp,
    /// The instant at which the funds expire.
    pub expires_at: Timestamp,
    /// The card that was charged.
    pub card: Card,
    /// The PO number that the payment carries.
    pub po_number: Option<String>,
}

impl Receipt {
    /// The receipt of a payment. Returns `None` unless a card was charged for it.
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

    /// The name of the receipt's file, such as `receipt-CONTOSO-0007.pdf`.
    pub fn file_name(&self) -> String {
        format!("receipt-{}-{:04}.pdf", self.account.as_str().to_ascii_uppercase(), self.number)
    }
}

/// Draws a receipt as PDF. Equal receipts give equal bytes.
pub fn pdf(receipt: &Receipt) -> Vec<u8> {
    page::draw(&words::Words::of(receipt), &receipt.organization)
}

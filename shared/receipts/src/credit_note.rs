//! The credit note of a refund (F8, F9).

use domain::profile::Card;
use domain::refund::RefundState;
use domain::{AccountId, CardPayment, CardPaymentState, Locale, Money, PaymentId, Profile};
use jiff::Timestamp;
use wording::{amount, card, date_and_time, glossary};

use crate::words::Words;
use crate::{outside, page};

/// The data of a credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNote {
    /// Its number. An account's credit notes are numbered without gaps.
    pub number: u64,
    /// The number of the receipt of what was refunded.
    pub receipt_number: u64,
    /// The account that the funds left.
    pub account: AccountId,
    /// The organization's name.
    pub organization: String,
    /// The language of the credit note.
    pub locale: Locale,
    /// The id of the refund.
    pub refund: PaymentId,
    /// The amount that went back to the card.
    pub amount: Money,
    /// The instant at which the card processor took the refund.
    pub at: Timestamp,
    /// The card that was charged, and has the amount back.
    pub card: Card,
    /// The PO number that the payment carries.
    pub po_number: Option<String>,
    /// The instant at which the funds returned, if the refund failed.
    pub failed_at: Option<Timestamp>,
}

impl CreditNote {
    /// The credit note of a payment with this number. Returns `None` if the payment has none.
    pub fn of(payment: &CardPayment, number: u64, profile: &Profile) -> Option<Self> {
        let CardPaymentState::Succeeded { receipt_number, repayments, .. } = &payment.state else {
            return None;
        };
        let noted = repayments.refunds.iter().filter_map(|refund| Some((refund, refund.payout()?)));
        let (refund, payout) = noted.into_iter().find(|(_, payout)| payout.credit_note == number)?;
        Some(Self {
            number,
            receipt_number: *receipt_number,
            account: payment.account.clone(),
            organization: profile.name.clone(),
            locale: profile.locale,
            refund: refund.id.clone(),
            amount: refund.amount,
            at: payout.at,
            card: payment.method.card.clone(),
            po_number: payment.po_number.clone(),
            failed_at: match refund.state {
                RefundState::Returned { at, .. } => Some(at),
                RefundState::Open | RefundState::Paid(_) => None,
            },
        })
    }

    /// Draws it as PDF. Equal credit notes give equal bytes.
    pub fn pdf(&self) -> Vec<u8> {
        page::draw(&self.words(), &self.organization)
    }

    /// The name of its file, such as `credit-note-CONTOSO-0003.pdf`.
    pub fn file_name(&self) -> String {
        format!("credit-note-{}-{:04}.pdf", self.account.as_str().to_ascii_uppercase(), self.number)
    }

    fn words(&self) -> Words {
        let locale = self.locale;
        let po_number = self.po_number.as_deref().map(|number| outside::text(number, locale));
        let rows = [
            (glossary::date(locale), Some(date_and_time(self.at, locale))),
            (of_receipt(locale), Some(self.receipt_number.to_string())),
            (
                glossary::organization(locale),
                Some(outside::organization(&self.organization, &self.account, locale)),
            ),
            (glossary::account(locale), Some(self.account.to_string())),
            (glossary::po_number(locale), po_number),
            (glossary::card(locale), Some(card(&self.card.brand, &self.card.last4, locale))),
            (refund(locale), Some(self.refund.to_string())),
        ];
        Words {
            product: glossary::product(locale),
            heading: format!("{} {}", glossary::credit_note(locale), self.number),
            label: refunded(locale),
            amount: amount(self.amount, locale),
            rows: rows.into_iter().filter_map(|(label, value)| value.map(|value| (label, value))).collect(),
            footer: match self.failed_at {
                Some(at) => failed(&date_and_time(at, locale), locale),
                None => refunded_to(&card(&self.card.brand, &self.card.last4, locale), locale),
            },
            language: locale.as_str(),
        }
    }
}

wording::words! {
    fn of_receipt() { "For receipt", "Pour le reçu" }
    fn refund() { "Refund", "Remboursement" }
    fn refunded() { "Refunded", "Remboursé" }
    fn refunded_to(card: &str) {
        "This part of the funds was unspent. It has left the account and goes back to {card}. The bank may take some days.",
        "Cette partie des fonds n’était pas utilisée. Elle a quitté le compte et revient à {card}. La banque peut prendre quelques \
         jours.",
    }
    fn failed(at: &str) {
        "This refund failed on {at}. The funds are back in the account, and this credit note holds no more.",
        "Ce remboursement a échoué le {at}. Les fonds sont de retour sur le compte, et cet avoir n’est plus valable.",
    }
}

//! Facts: what a commit tells the world. They travel with it, on the account item, so that none is lost
//! and none is invented. The event publisher, once built, forwards them from the table's stream.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{LotId, PaymentId};
use crate::money::Money;
use crate::payment::PaymentKind;

/// One thing that happened to an account. Readers must expect kinds they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Fact {
    /// A purchase, recharge or positive adjustment arrived .
    FundsAdded {
        /// What added them.
        kind: PaymentKind,
        /// Its id.
        payment_id: PaymentId,
        /// How much.
        amount: Money,
        /// When they expire.
        expires_at: Timestamp,
        /// The receipt, where a card was charged (F8).
        receipt_number: Option<u64>,
    },
    /// A card payment failed (F4).
    PaymentDeclined {
        /// What it was for.
        kind: PaymentKind,
        /// Its id.
        payment_id: PaymentId,
        /// How much was asked for.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// What is available went from above zero to zero or below (N3): said once per crossing.
    BalanceDepleted {
        /// What is available now.
        available: Money,
    },
    /// A lot with unused funds expires in so many days (E3).
    FundsExpiring {
        /// The lot.
        lot_id: LotId,
        /// Its unused funds.
        amount: Money,
        /// When.
        expires_at: Timestamp,
        /// 60, 30 or 7.
        days: u16,
    },
    /// A lot's unused funds were booked as forfeited (E1).
    FundsExpired {
        /// The lot.
        lot_id: LotId,
        /// What was forfeited.
        amount: Money,
        /// The lot's expiry.
        expired_at: Timestamp,
    },
    /// Somebody changed the account's settings (N9).
    SettingsChanged {
        /// Which fields, by their names in the API.
        fields: Vec<Setting>,
        /// Who: the token's subject.
        by: String,
    },
}

/// A setting of an account, by its name in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Setting {
    /// The organization's name.
    Name,
    /// Language.
    Locale,
    /// Recipients of mails.
    NotificationEmails,
    /// PO number.
    PoNumber,
    /// The saved cards.
    PaymentMethod,
}

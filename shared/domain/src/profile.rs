//! Who an account belongs to and how it pays: what decisions about money rarely need (A1).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::pool::Pools;
use crate::time::Month;

/// Mails go to at most this many people (A1).
pub const MAX_NOTIFICATION_EMAILS: usize = 20;

/// An account remembers this many completed set-ups of cards (F10).
pub const MAX_SET_UPS: usize = 20;

/// The language of mails, receipts and pages (A1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

impl Locale {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::Fr];

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// The language with this name of the API.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|locale| locale.as_str() == name)
    }
}

/// What may be shown of a card (X2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// `visa`, `mastercard`, …
    pub brand: String,
    /// Last four digits.
    pub last4: String,
    /// 1 to 12.
    pub exp_month: u8,
    /// Four digits.
    pub exp_year: u16,
}

impl Card {
    /// The month at whose end it expires. `None` if its dates are no month of this century.
    pub fn last_month(&self) -> Option<Month> {
        let year = Some(self.exp_year).filter(|year| *year < 2100)?;
        Month::of_year(i16::try_from(year).ok()?, i8::try_from(self.exp_month).ok()?)
    }
}

/// A card that the processor keeps for us: tokens only (X2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentMethod {
    /// The processor's name for the organization.
    pub customer: String,
    /// The processor's token of the card.
    pub token: String,
    /// What may be shown of it.
    pub card: Card,
}

/// Names of authors have at most this many characters. A longer one is not kept.
const LONGEST_NAME: usize = 200;

/// The author of a change of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The subject of the token.
    pub subject: String,
    /// The name that the token has.
    pub name: Option<String>,
}

impl Author {
    /// The subject of changes that the card processor makes. No issuer has given it to a person.
    pub const CARD_PROCESSOR: &'static str = "card processor";

    /// The card processor, whose networks renew cards, and which forgets cards.
    pub fn card_processor() -> Self {
        Self { subject: Self::CARD_PROCESSOR.to_owned(), name: None }
    }

    /// The holder of a token. The name is left out if it is an e-mail address, or longer than names are.
    pub fn new(subject: impl Into<String>, name: Option<&str>) -> Self {
        let name = name
            .map(str::trim)
            .filter(|name| !name.is_empty() && !name.contains('@') && name.chars().count() <= LONGEST_NAME);
        Self { subject: subject.into(), name: name.map(str::to_owned) }
    }
}

/// Settings that people see and change together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingGroup {
    /// Auto-recharge.
    AutoRecharge,
    /// The saved cards.
    PaymentMethod,
    /// The recipients of mails, and the warning amount.
    Notifications,
    /// The spending limits, and the margin of calls.
    Limits,
    /// The billing model.
    BillingModel,
    /// The pools of included minutes.
    Pools,
    /// Name, language, PO number and the term of invoices.
    Other,
}

impl SettingGroup {
    /// Every group.
    pub const ALL: [Self; 7] = [
        Self::AutoRecharge,
        Self::PaymentMethod,
        Self::Notifications,
        Self::Limits,
        Self::BillingModel,
        Self::Pools,
        Self::Other,
    ];

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AutoRecharge => "autoRecharge",
            Self::PaymentMethod => "paymentMethod",
            Self::Notifications => "notifications",
            Self::Limits => "limits",
            Self::BillingModel => "billingModel",
            Self::Pools => "pools",
            Self::Other => "other",
        }
    }
}

/// The last change of a group of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// When it was.
    pub at: Timestamp,
    /// Whose it was.
    pub by: Author,
}

/// The card of an account that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardUse {
    /// The card that purchases and recharges are charged to.
    Main,
    /// The card that a recharge is charged to when the main card is declined (F10).
    Backup,
}

impl CardUse {
    /// The name under which card processors keep it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Backup => "backup",
        }
    }

    /// The use of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Main, Self::Backup].into_iter().find(|card| card.as_str() == name)
    }
}

/// The `profile` part of the stored account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The organization's name.
    pub name: String,
    /// Language of what is sent to it.
    pub locale: Locale,
    /// Who is told.
    pub notification_emails: Vec<String>,
    /// Printed on receipts from now on (F8).
    pub po_number: Option<String>,
    /// The saved card.
    pub payment_method: Option<PaymentMethod>,
    /// A second card, kept for auto-recharge (F10).
    pub backup: Option<PaymentMethod>,
    /// The processor's ids of the latest set-ups that have saved a card, the oldest first, so that none saves its card again
    /// after another one has replaced it.
    pub set_ups: Vec<String>,
    /// The pools of included minutes (S7).
    pub pools: Pools,
    /// The last change of each group of settings, whether its settings are part of the profile or not. It is no setting.
    pub last_changes: BTreeMap<SettingGroup, LastChange>,
}

impl Profile {
    /// The processor's name for the organization, if a card is saved.
    pub fn customer(&self) -> Option<&str> {
        self.payment_method.as_ref().map(|method| method.customer.as_str())
    }
}

//! Opening a purchase: its limits, and every reason to refuse before a card is charged (F1, F2, F4, F6, F11).
//! What follows once the card processor has answered is in [`settlement`](crate::settlement).

use std::collections::HashMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::account::{Account, BillingModel};
use crate::card_payment::{Backup, CardPayment, CardPaymentKind, CardPaymentState};
use crate::change::Decision;
use crate::declines::MOST_DECLINES;
use crate::draft::Draft;
use crate::id::{Fingerprint, PaymentId};
use crate::lot::MAX_LOTS;
use crate::money::{Currency, MAX_UNITS, Money, MoneyError};
use crate::profile::{PaymentMethod, Profile};

/// Smallest and largest purchase, in units of the currency (F2).
#[derive(Clone, Debug)]
pub struct PurchaseLimits {
    default: (Decimal, Decimal),
    by_currency: HashMap<Currency, (Decimal, Decimal)>,
    /// The amounts that the card processor charges, if it does not charge every amount in minor units.
    charged: Option<ChargedAmounts>,
}

/// The amounts of a currency that a card processor charges. `None` if it does not charge the currency at all.
pub type ChargedAmounts = fn(Currency) -> Option<ChargeRange>;

/// The amounts that a card processor charges, in units of the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeRange {
    /// The smallest.
    pub smallest: Decimal,
    /// The largest.
    pub largest: Decimal,
    /// The most decimals.
    pub digits: u32,
}

/// The most decimals of an amount that a card is charged or paid back. `charged` is `None` if the card processor counts every minor
/// unit.
pub fn card_digits(currency: Currency, charged: Option<ChargedAmounts>) -> u32 {
    let range = charged.and_then(|charged| charged(currency));
    range.map_or(currency.minor_digits(), |range| range.digits)
}

impl Default for PurchaseLimits {
    fn default() -> Self {
        let mut limits = Self {
            default: (Decimal::from(50), Decimal::from(100_000)),
            by_currency: HashMap::new(),
            charged: None,
        };
        if let Ok(yen) = Currency::parse("JPY") {
            limits.by_currency.insert(yen, (Decimal::from(5_000), Decimal::from(10_000_000)));
        }
        limits
    }
}

/// The operator's limits cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("purchase limits: expected a list such as EUR=50..100000,JPY=5000..10000000, not {0:?}")]
pub struct InvalidLimits(String);

/// The operator's limits allow amounts that the card processor does not charge.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeyondProcessor {
    /// It does not charge the currency.
    #[error("purchase limits: the card processor does not charge {0}")]
    Currency(Currency),
    /// It charges a smaller range.
    #[error("purchase limits: the card processor charges {smallest} to {largest} {currency}")]
    Amounts {
        /// The smallest.
        smallest: Decimal,
        /// The largest.
        largest: Decimal,
        /// The currency.
        currency: Currency,
    },
}

impl PurchaseLimits {
    /// The defaults, changed by the operator's list: `EUR=50..100000,JPY=5000..10000000`.
    pub fn parse(list: &str) -> Result<Self, InvalidLimits> {
        let mut limits = Self::default();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (currency, range) = Self::parse_one(item).ok_or_else(|| InvalidLimits(item.to_owned()))?;
            limits.by_currency.insert(currency, range);
        }
        Ok(limits)
    }

    /// The same limits for a card processor that charges only some amounts. The limits that hold for all other currencies are
    /// narrowed to those.
    ///
    /// # Errors
    ///
    /// A limit that names a currency allows an amount that is not charged.
    pub fn within(self, charged: ChargedAmounts) -> Result<Self, BeyondProcessor> {
        for (&currency, &(min, max)) in &self.by_currency {
            let ChargeRange { smallest, largest, .. } =
                charged(currency).ok_or(BeyondProcessor::Currency(currency))?;
            if min < smallest || max > largest {
                return Err(BeyondProcessor::Amounts { smallest, largest, currency });
            }
        }
        Ok(Self { charged: Some(charged), ..self })
    }

    /// The amounts that the card processor charges. `None` if it charges every amount in minor units.
    pub fn charged(&self) -> Option<ChargedAmounts> {
        self.charged
    }

    fn parse_one(item: &str) -> Option<(Currency, (Decimal, Decimal))> {
        let (code, range) = item.split_once('=')?;
        let (min, max) = range.split_once("..")?;
        let (min, max): (Decimal, Decimal) = (min.parse().ok()?, max.parse().ok()?);
        let fits = Decimal::ZERO < min && min <= max && max < MAX_UNITS;
        fits.then_some((Currency::parse(code).ok()?, (min, max)))
    }

    /// The smallest charge.
    pub fn smallest(&self, currency: Currency) -> Money {
        let (min, _) = self.of(currency);
        Money::rounded(min, currency).expect("limits are below the largest amount")
    }

    /// The largest charge.
    pub fn largest(&self, currency: Currency) -> Money {
        let (_, max) = self.of(currency);
        Money::rounded(max, currency).expect("limits are below the largest amount")
    }

    /// The smallest and the largest amount. They are zero if the currency is not charged.
    fn of(&self, currency: Currency) -> (Decimal, Decimal) {
        let (min, max) = self.by_currency.get(&currency).copied().unwrap_or(self.default);
        match self.charged.map(|charged| charged(currency)) {
            None => (min, max),
            Some(None) => (Decimal::ZERO, Decimal::ZERO),
            Some(Some(range)) => {
                let min = min.max(range.smallest);
                (min, max.min(range.largest).max(min))
            }
        }
    }

    /// An amount that may be charged, or why not.
    ///
    /// # Errors
    ///
    /// The limit that the amount breaks, or that it has more decimals than a card can be charged with (T3).
    ///
    /// ```
    /// use domain::Currency;
    /// use domain::purchase::{PurchaseLimits, PurchaseRefusal};
    ///
    /// let (limits, eur) = (PurchaseLimits::parse("EUR=20..5000").unwrap(), Currency::parse("EUR").unwrap());
    /// assert_eq!(limits.check("20".parse().unwrap(), eur).unwrap().to_string(), "20.0000");
    /// let too_small = limits.check("19.99".parse().unwrap(), eur).unwrap_err();
    /// assert!(matches!(too_small, PurchaseRefusal::BelowMinimum { .. }));
    /// ```
    pub fn check(&self, amount: Decimal, currency: Currency) -> Result<Money, PurchaseRefusal> {
        let (min, max) = self.of(currency);
        if max.is_zero() {
            return Err(PurchaseRefusal::NotCharged { currency });
        }
        if amount < min {
            return Err(PurchaseRefusal::BelowMinimum { min, currency });
        }
        if amount > max {
            return Err(PurchaseRefusal::AboveMaximum { max, currency });
        }
        let digits = card_digits(currency, self.charged);
        if amount.normalize().scale() > digits {
            return Err(PurchaseRefusal::NotChargeable { digits, currency });
        }
        Ok(Money::in_minor_units(amount, currency)?)
    }
}

/// Why a purchase cannot begin. Nothing was charged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseRefusal {
    /// F2.
    #[error("expected at least {min} {currency}")]
    BelowMinimum {
        /// The limit.
        min: Decimal,
        /// Its currency.
        currency: Currency,
    },
    /// F2.
    #[error("expected at most {max} {currency}")]
    AboveMaximum {
        /// The limit.
        max: Decimal,
        /// Its currency.
        currency: Currency,
    },
    /// T3: cards are charged in minor units.
    #[error("expected at most {digits} decimals, as a card is charged in {currency}")]
    NotChargeable {
        /// Decimals of the minor unit.
        digits: u32,
        /// The currency.
        currency: Currency,
    },
    /// The card processor does not charge this currency.
    #[error("the card processor does not charge {currency}")]
    NotCharged {
        /// The currency.
        currency: Currency,
    },
    /// F6.
    #[error("an account that pays after use cannot buy funds")]
    PostUsage,
    /// F11.
    #[error("the account has {MAX_LOTS} live lots and pending purchases, the most there may be")]
    TooManyLots,
    /// S4.
    #[error("{}", MoneyError::AccountTooLarge)]
    AccountTooLarge,
    /// F4: people may not try for ever.
    #[error(
        "charges were declined {MOST_DECLINES} times within 30 days: save another card, or buy from {until} on"
    )]
    TooManyDeclines {
        /// When purchases may begin again, unless another card is saved.
        until: Timestamp,
    },
    /// There is nothing to charge.
    #[error("the account has no saved payment method and the request names none")]
    NoPaymentMethod,
}

impl From<MoneyError> for PurchaseRefusal {
    fn from(problem: MoneyError) -> Self {
        match problem {
            MoneyError::TooPrecise { digits, currency } => Self::NotChargeable { digits, currency },
            MoneyError::AccountTooLarge => Self::AccountTooLarge,
            MoneyError::TooLarge | MoneyError::SumTooLarge => {
                unreachable!("limits are checked on amounts that fit")
            }
        }
    }
}

/// A purchase as asked for.
#[derive(Clone, Debug)]
pub struct PurchaseRequest {
    /// Derived from the `Idempotency-Key`.
    pub id: PaymentId,
    /// The fingerprint of what the key is used with.
    pub fingerprint: Fingerprint,
    /// How much.
    pub amount: Decimal,
    /// The card, unless it is the saved one.
    pub method: Option<PaymentMethod>,
}

/// Opens the payment, if nothing refuses it. The account lists it as open before anything is sent to the card processor.
///
/// # Errors
///
/// Why no purchase can begin. Nothing was charged, and nothing changes.
pub fn open(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    request: &PurchaseRequest,
    limits: &PurchaseLimits,
) -> Result<Decision<CardPayment>, PurchaseRefusal> {
    if account.billing_model != BillingModel::Prepaid {
        return Err(PurchaseRefusal::PostUsage);
    }
    let amount = limits.check(request.amount, account.currency)?;
    if !account.has_room_for_a_lot(now.max(account.as_of)) {
        return Err(PurchaseRefusal::TooManyLots);
    }
    account.can_hold(amount)?;
    if let Some(until) = account.declines.forbid_until(now) {
        return Err(PurchaseRefusal::TooManyDeclines { until });
    }
    let method = request.method.as_ref().or(profile.payment_method.as_ref());
    let method = method.ok_or(PurchaseRefusal::NoPaymentMethod)?.clone();

    let mut draft = Draft::on(account, now);
    let payment = CardPayment {
        account: account.id.clone(),
        id: request.id.clone(),
        kind: CardPaymentKind::Purchase,
        created_at: draft.now(),
        amount,
        fingerprint: request.fingerprint.clone(),
        attempt: 1,
        method,
        backup: Backup::None,
        po_number: profile.po_number.clone(),
        recharge_amounts: None,
        revision: 1,
        state: CardPaymentState::Open { intent: None },
    };
    let begins_at = draft.now();
    draft.open_payment(payment.clone(), begins_at);
    Ok(draft.finish(payment))
}

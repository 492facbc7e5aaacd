//! The operator's corrections: journal entries with a reason and an author, never edits (F9).

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::account::Account;
use crate::change::Decision;
use crate::draft::{Draft, NewEntry};
use crate::event::EventDetails;
use crate::funding::Funding;
use crate::id::{Fingerprint, LotId, PaymentId, PaymentKind};
use crate::journal::{EntryDetails, JournalEntry};
use crate::journal_key::{EntryKind, JournalKey};
use crate::lot::{Lot, MAX_LOTS};
use crate::money::{Money, MoneyError};
use crate::payment::Adjustment;
use crate::time::in_range;

/// An adjustment as asked for.
#[derive(Clone, Debug)]
pub struct AdjustmentRequest {
    /// Derived from the `Idempotency-Key`.
    pub id: PaymentId,
    /// The fingerprint of what the key is used with.
    pub fingerprint: Fingerprint,
    /// Signed.
    pub amount: Decimal,
    /// Why.
    pub reason: String,
    /// By whom.
    pub author: String,
    /// When added funds expire, unless in 12 months.
    pub expires_at: Option<Timestamp>,
    /// Whether it may exceed the available balance.
    pub allow_negative: bool,
}

/// Why an adjustment cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdjustmentRefusal {
    /// Nothing to adjust.
    #[error("expected an amount other than zero")]
    Zero,
    /// Not an amount of this currency.
    #[error(transparent)]
    Amount(#[from] MoneyError),
    /// The expiry is past, or the adjustment adds no funds.
    #[error("expected an instant after now, on a positive amount")]
    Expiry,
    /// F9: more than is available, and not told otherwise.
    #[error("only {available} is available; allowNegative takes more")]
    BeyondAvailable {
        /// What there is.
        available: Money,
    },
    /// F11.
    #[error("the account has {MAX_LOTS} live lots and pending purchases, the most there may be")]
    TooManyLots,
}

/// Decides on an adjustment. A positive one adds a lot. A negative one is funded like a charge (F9).
///
/// # Errors
///
/// What is wrong with the request, or why the account cannot take it. Nothing changes then.
pub fn decide(
    account: &Account,
    now: Timestamp,
    request: &AdjustmentRequest,
) -> Result<Decision<JournalEntry>, AdjustmentRefusal> {
    let amount = Money::new(request.amount, account.currency)?;
    let mut draft = Draft::on(account, now);
    let now = draft.now();
    let (funding, expires_at) = if amount.is_positive() {
        let expires_at = add(&mut draft, request, amount)?;
        (Funding::nothing(account.currency), Some(expires_at))
    } else if amount.is_zero() {
        return Err(AdjustmentRefusal::Zero);
    } else if request.expires_at.is_some() {
        return Err(AdjustmentRefusal::Expiry);
    } else {
        let available = account.available(now);
        if -amount > available && !request.allow_negative {
            return Err(AdjustmentRefusal::BeyondAvailable { available });
        }
        draft.account().can_be_charged(-amount)?;
        (Funding::of_adjustment(&mut draft, -amount), None)
    };
    draft.post(NewEntry {
        key: JournalKey::payment(now, EntryKind::Adjustment, &request.id),
        at: now,
        amount: amount + funding.post_usage,
        draws: funding.draws,
        post_usage: funding.post_usage,
        fingerprint: request.fingerprint.clone(),
        requires: None,
        unmarks: None,
        details: EntryDetails::Adjustment {
            payment: request.id.clone(),
            reason: request.reason.clone(),
            author: request.author.clone(),
            expires_at,
        },
    });
    if let Some(expires_at) = expires_at {
        draft.add_lasting_event(EventDetails::FundsAdded {
            kind: PaymentKind::Adjustment,
            payment_id: request.id.clone(),
            amount,
            expires_at,
            receipt_number: None,
            recharge_amounts: None,
        });
    }
    draft.set_payment(Adjustment {
        account: account.id.clone(),
        id: request.id.clone(),
        created_at: now,
        amount,
        fingerprint: request.fingerprint.clone(),
    });
    let decision = draft.finish(());
    let entry = decision.change.as_ref().and_then(|change| change.entries.last()).cloned();
    let answer = entry.expect("an adjustment posts one row");
    Ok(Decision { change: decision.change, answer })
}

fn add(
    draft: &mut Draft,
    request: &AdjustmentRequest,
    amount: Money,
) -> Result<Timestamp, AdjustmentRefusal> {
    let now = draft.now();
    let expires_at = request.expires_at.unwrap_or_else(|| Lot::expiry_of_purchase(now));
    if expires_at <= now || !in_range(expires_at) {
        return Err(AdjustmentRefusal::Expiry);
    }
    if !draft.account().has_room_for_a_lot(now) {
        return Err(AdjustmentRefusal::TooManyLots);
    }
    draft.account().can_hold(amount)?;
    draft.add_lot(LotId::of(&request.id), now, expires_at, amount);
    Ok(expires_at)
}

//! Recovery: settling a card payment that was left open (F5, R5, F10).
//!
//! The processor knows: a payment that it charged is closed as charged, one that was never confirmed is cancelled and
//! closed as declined. Recovery never begins a charge for a person who has gone.
//!
//! | occasion | function |
//! |---|---|
//! | the payment is due, since its process died or its owner has had time | [`Cashier::recover_open`] |
//! | a new card or setting has withdrawn the account's open recharge | [`Cashier::cancel_withdrawn`] |
//! | the processor says that the payment's object has moved | [`Cashier::payment_moved`] |
//! | the card's owner is there, for a payment that waits for the owner | [`Cashier::confirm_with_owner`] |

use domain::account::OpenPayment;
use domain::card_payment::ABANDONED;
use domain::recharge::AUTHENTICATION_REQUIRED;
use domain::{Account, AccountId, CardPayment, CardPaymentKind, CardPaymentState, PaymentId, settlement};
use jiff::Timestamp;
use store::StoreError;

use crate::cashier::{Cashier, MAX_CLOSING_TRIES, Settled, is_same_attempt, still_unknown};
use crate::processor::{Intent, IntentState};

/// Where recovery left a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Its outcome is known and committed.
    Closed,
    /// The card's owner is to confirm it.
    WaitsForOwner,
    /// The card processor does not say yet, or cannot be asked.
    Pending,
}

impl Cashier<'_> {
    /// Recovers a payment that its account lists as open. One that another process has leased since, such as for the attempt with the
    /// backup, is left to that process.
    ///
    /// # Errors
    ///
    /// The store failed. The payment stays due.
    pub async fn recover_open(
        &self,
        account: &AccountId,
        open: &OpenPayment,
        now: Timestamp,
    ) -> Result<Recovery, StoreError> {
        let Some((account, payment)) = self.store.account_with_payment(account, &open.id).await? else {
            return Ok(Recovery::Closed);
        };
        let current = account.open_payments.iter().find(|current| current.id == open.id);
        let Some(current) = current.filter(|_| payment.is_open()) else { return Ok(Recovery::Closed) };
        if current.recover_at > open.recover_at && !current.withdrawn {
            return Ok(Recovery::Pending);
        }
        self.recover(payment, now, current.withdrawn).await
    }

    /// Cancels the account's open recharge if it was withdrawn. One that cannot be cancelled now stays due.
    ///
    /// # Errors
    ///
    /// The store failed. The recharge stays due.
    pub async fn cancel_withdrawn(&self, account: &Account, now: Timestamp) -> Result<(), StoreError> {
        if let Some(open) = account.open_recharge().filter(|open| open.withdrawn) {
            self.recover_open(&account.id, open, now.max(account.as_of)).await?;
        }
        Ok(())
    }

    /// Recovers one payment because the card processor says that its object has moved. An attempt whose lease has not
    /// ended is left to its process, or to a later recovery: the object that moved may be that of the card before.
    ///
    /// # Errors
    ///
    /// The store failed. The payment stays due.
    pub async fn payment_moved(
        &self,
        account: &AccountId,
        id: &PaymentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some((account, payment)) = self.store.account_with_payment(account, id).await? else {
            return Ok(());
        };
        let now = now.max(account.as_of);
        let Some(open) = account.open_payments.iter().find(|open| open.id == *id) else { return Ok(()) };
        let is_leased = open.recover_at > now && !open.withdrawn;
        if !payment.is_open() || is_leased && matches!(payment.state, CardPaymentState::Open { .. }) {
            return Ok(());
        }
        self.recover(payment, now, open.withdrawn).await.map(|_| ())
    }

    /// Confirms a payment that waits for its card's owner, who is there now. The answer is the payment afterwards: with the page
    /// where the owner confirms it, if the bank still wants that. A payment that waits for nobody stays as it is, and one that was
    /// withdrawn, or has waited for too long, is cancelled. So an old page, or a page sent twice, does no harm.
    ///
    /// # Errors
    ///
    /// The store failed. The payment stays open.
    pub async fn confirm_with_owner(
        &self,
        account: &Account,
        payment: CardPayment,
        now: Timestamp,
    ) -> Result<CardPayment, StoreError> {
        let now = now.max(account.as_of);
        let open = account.open_payments.iter().find(|open| open.id == payment.id);
        let (Some(open), CardPaymentState::NeedsAction { intent, .. }) = (open, &payment.state) else {
            return Ok(payment);
        };
        if open.withdrawn || now >= payment.owner_has_until() {
            let settled = Box::pin(self.resolve(payment, now, open.withdrawn)).await?;
            return Ok(self.go_on(settled, now).await?.payment());
        }
        let settled = match self.processor.look_up(intent).await {
            Ok(Intent { id, state: IntentState::NeedsOwner }) => {
                let key = payment.owners_confirmation_key();
                Box::pin(self.confirm(payment, now, &id, &key, true)).await?
            }
            Ok(intent) => Box::pin(self.settle(payment, now, intent)).await?,
            Err(problem) => still_unknown(payment, &problem),
        };
        Ok(self.go_on(settled, now).await?.payment())
    }

    /// Settles an open payment if its outcome is known or can be made certain. A payment that was withdrawn is cancelled if it
    /// still can be.
    async fn recover(
        &self,
        mut payment: CardPayment,
        now: Timestamp,
        withdrawn: bool,
    ) -> Result<Recovery, StoreError> {
        let mut is_known = true;
        for _ in 0..MAX_CLOSING_TRIES {
            let settled = Box::pin(self.resolve(payment.clone(), now, withdrawn)).await?;
            let settled = self.go_on(settled, now).await?;
            is_known = !matches!(settled, Settled::Unknown(_));
            let after = settled.payment();
            // The payment's process may have created an object meanwhile, and would confirm it next.
            let slipped_away = withdrawn && after.is_open() && !is_same_attempt(&after, &payment);
            payment = after;
            if !slipped_away {
                break;
            }
        }
        Ok(match payment.state {
            _ if !payment.is_open() => Recovery::Closed,
            CardPaymentState::NeedsAction { .. } if is_known => Recovery::WaitsForOwner,
            _ => Recovery::Pending,
        })
    }

    /// Settles the payment by the processor's object. An object that will never be confirmed is cancelled first.
    async fn resolve(
        &self,
        payment: CardPayment,
        now: Timestamp,
        withdrawn: bool,
    ) -> Result<Settled, StoreError> {
        let found = match payment.intent() {
            Some(intent) => self.processor.look_up(intent).await.map(Some),
            None => self.processor.find(&payment.method.customer, &payment.processor_key()).await,
        };
        let intent = match found {
            Ok(Some(intent)) => intent,
            // The processor never saw it. A process that would send it now finds its row moved, and never confirms.
            Ok(None) => return self.close(payment, |a, p| settlement::decline(a, now, p, ABANDONED)).await,
            Err(problem) => return Ok(still_unknown(payment, &problem)),
        };
        let waits_for_owner =
            matches!(intent.state, IntentState::NeedsAction { .. } | IntentState::NeedsOwner);
        let is_late = now >= payment.owner_has_until();
        let give_up = intent.state == IntentState::Unconfirmed || waits_for_owner && (withdrawn || is_late);
        let intent = if give_up {
            match self.processor.cancel(&intent.id).await {
                Ok(intent) => intent,
                Err(problem) => return Ok(still_unknown(payment, &problem)),
            }
        } else {
            intent
        };
        let has_waited = matches!(payment.state, CardPaymentState::NeedsAction { .. });
        let is_cancelled = matches!(intent.state, IntentState::Cancelled { .. });
        if payment.kind == CardPaymentKind::Recharge && has_waited && is_late && is_cancelled {
            // Another charge would only wait for the owner again, so auto-recharge stops (R4).
            let stop = |a: &Account, p: &CardPayment| settlement::decline(a, now, p, AUTHENTICATION_REQUIRED);
            return self.close(payment, stop).await;
        }
        self.settle(payment, now, intent).await
    }
}

//! The adapter of Stripe. Payment intents, Checkout sessions, refunds and disputes become the terms of the port.
//!
//! | the port | Stripe |
//! |---|---|
//! | customer | a customer, whose metadata has the account |
//! | set-up | a Checkout session in setup mode, whose metadata has the account, the card's use and the author |
//! | charge | a payment intent, whose metadata has the account, the payment and the attempt |
//! | refund | a refund, whose metadata has the id of ours |
//!
//! An error of Stripe's is a refusal only if Stripe did nothing and never will. A wrong key, a lock, too many requests and silence leave
//! the outcome unknown.

use ::stripe::amount::Terms;
use ::stripe::checkout::{NewSession, SessionStatus};
use ::stripe::dispute::{Dispute, DisputeStatus};
use ::stripe::payment_intent::{IntentStatus, NewPaymentIntent, PaymentIntent, Presence};
use ::stripe::payment_method::PaymentMethod as StripeMethod;
use ::stripe::refund::{NewRefund as NewStripeRefund, Refund, RefundStatus as StripeStatus};
use ::stripe::{Client, Error, Metadata};
use async_trait::async_trait;
use domain::dispute::{DisputePhase, SeenDispute};
use domain::profile::{Author, Card, CardUse, PaymentMethod};
use domain::recharge::{AUTHENTICATION_REQUIRED, DO_NOT_TRY_AGAIN, is_hard_decline};
use domain::refund::{RefundStatus, SeenRefund};
use domain::{AccountId, Currency, Money, PaymentId};
use jiff::Timestamp;

use crate::message::ProcessorMessage;
use crate::processor::{
    CompleteSetUp, Confirmation, Intent, IntentState, NewIntent, NewRefund, NewSetUp, Processor,
    ProcessorError, SetUp, SetUpState,
};
use crate::stripe_message;

/// Names of our values on Stripe's objects.
const ACCOUNT: &str = "account";
const PAYMENT: &str = "payment";
const ATTEMPT: &str = "attempt";
const REFUND: &str = "refund";
const CARD: &str = "card";
const BY: &str = "by";
const BY_NAME: &str = "byName";

/// Stripe refuses longer values of metadata.
const MAX_VALUE: usize = 500;

/// Stripe's code for a charge whose owner did not confirm it on the bank's page.
const NOT_CONFIRMED: &str = "payment_intent_authentication_failure";

/// Stripe, through its API.
#[derive(Clone)]
pub struct Stripe(Client);

impl Stripe {
    /// Over a client.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// The organization's customer, made if there is none yet. One that is made and then forgotten, since its reply is lost, has no cards
    /// and does no harm.
    async fn customer(&self, account: &AccountId, known: Option<&str>) -> Result<String, ProcessorError> {
        match known {
            Some(customer) => Ok(customer.to_owned()),
            None => {
                let metadata = Metadata::from([(ACCOUNT.to_owned(), account.to_string())]);
                Ok(self.0.create_customer(&metadata, &once()).await.map_err(problem)?.id)
            }
        }
    }

    async fn intent(&self, id: &str) -> Result<Intent, ProcessorError> {
        self.0.payment_intent(id).await.map_err(problem).map(|intent| seen(&intent))
    }

    /// The object that a call left, or as it is if the call found it in another state than expected.
    async fn seen_or_looked_up(
        &self,
        id: &str,
        answer: Result<PaymentIntent, Error>,
    ) -> Result<Intent, ProcessorError> {
        match answer {
            Ok(intent) => Ok(seen(&intent)),
            Err(Error::OtherState(_)) => self.intent(id).await,
            Err(error) => Err(problem(error)),
        }
    }
}

#[async_trait]
impl Processor for Stripe {
    async fn set_up(&self, new: &NewSetUp<'_>) -> Result<SetUp, ProcessorError> {
        let customer = self.customer(new.account, new.customer).await?;
        let mut metadata = Metadata::from([
            (ACCOUNT.to_owned(), new.account.to_string()),
            (CARD.to_owned(), new.card.as_str().to_owned()),
            (BY.to_owned(), new.by.subject.clone()),
        ]);
        if let Some(name) = new.by.name.as_deref() {
            metadata.insert(BY_NAME.to_owned(), name.chars().take(MAX_VALUE).collect());
        }
        let new = NewSession {
            customer: &customer,
            return_url: new.return_url,
            expires_at: new.expires_at,
            metadata: &metadata,
        };
        let session = self.0.create_session(&new, &once()).await.map_err(problem)?;
        let url = session.url.ok_or_else(|| unknown("a new session has no page"))?;
        Ok(SetUp { id: session.id, url })
    }

    async fn look_up_set_up(&self, set_up: &str) -> Result<SetUpState, ProcessorError> {
        let session = self.0.session(set_up).await.map_err(problem)?;
        match session.status {
            SessionStatus::Open => Ok(SetUpState::Open),
            SessionStatus::Expired => Ok(SetUpState::Expired),
            SessionStatus::Complete => {
                let value = |name: &str| session.metadata.get(name).map(String::as_str);
                // A session that we did not begin lacks our values.
                let ours = || -> Option<CompleteSetUp> {
                    Some(CompleteSetUp {
                        account: AccountId::parse(value(ACCOUNT)?).ok()?,
                        customer: session.customer()?.to_owned(),
                        card: CardUse::parse(value(CARD)?)?,
                        by: Author::new(value(BY)?, value(BY_NAME)),
                        token: session.payment_method()?.id.clone(),
                    })
                };
                ours().map(SetUpState::Complete).ok_or_else(|| refused("resource_missing"))
            }
            SessionStatus::Unknown(status) => Err(unknown(format!("a session has the status {status}"))),
        }
    }

    async fn save_method(
        &self,
        account: &AccountId,
        customer: Option<&str>,
        token: &str,
    ) -> Result<PaymentMethod, ProcessorError> {
        let found = self.0.payment_method(token).await.map_err(problem)?;
        let owned = match found.customer() {
            Some(owner) if Some(owner) == customer => found,
            Some(owner) if self.account_of(owner).await?.as_ref() == Some(account) => found,
            Some(_) => return Err(refused("card_of_another_customer")),
            None => {
                let customer = self.customer(account, customer).await?;
                self.0.attach_payment_method(&found.id, &customer, &once()).await.map_err(problem)?
            }
        };
        saved(&owned).ok_or_else(|| refused("not_a_card"))
    }

    async fn look_up_method(&self, method: &PaymentMethod) -> Result<Option<PaymentMethod>, ProcessorError> {
        let found = unless_missing(self.0.payment_method(&method.token).await)?;
        Ok(found.as_ref().and_then(saved).filter(|found| found.customer == method.customer))
    }

    async fn account_of(&self, customer: &str) -> Result<Option<AccountId>, ProcessorError> {
        let found = unless_missing(self.0.customer(customer).await)?;
        Ok(found.and_then(|customer| AccountId::parse(customer.metadata.get(ACCOUNT)?).ok()))
    }

    async fn create(&self, new: &NewIntent<'_>) -> Result<Intent, ProcessorError> {
        let currency = new.amount.currency();
        let metadata = Metadata::from([
            (ACCOUNT.to_owned(), new.account.to_string()),
            (PAYMENT.to_owned(), new.payment.to_string()),
            (ATTEMPT.to_owned(), new.attempt.to_string()),
        ]);
        let created = NewPaymentIntent {
            amount: to_stripe(new.amount)?,
            currency: &currency.code().to_ascii_lowercase(),
            customer: &new.method.customer,
            payment_method: &new.method.token,
            metadata: &metadata,
        };
        let intent = self.0.create_payment_intent(&created, new.key).await.map_err(problem)?;
        Ok(seen(&intent))
    }

    async fn confirm(&self, confirmation: &Confirmation<'_>) -> Result<Intent, ProcessorError> {
        let Confirmation { intent: id, token, key, return_url, owner_is_present } = *confirmation;
        let presence =
            if owner_is_present { Presence::OnSession { return_url } } else { Presence::OffSession };
        let answer = self.0.confirm_payment_intent(id, token, presence, key).await;
        let intent = self.seen_or_looked_up(id, answer).await?;
        // With the owner there, a bank that only says that it wants the owner has declined.
        Ok(match intent.state {
            IntentState::NeedsOwner if owner_is_present => Intent {
                state: IntentState::Declined { reason: AUTHENTICATION_REQUIRED.to_owned() },
                ..intent
            },
            _ => intent,
        })
    }

    async fn look_up(&self, intent: &str) -> Result<Intent, ProcessorError> {
        self.intent(intent).await
    }

    async fn find(&self, customer: &str, key: &str) -> Result<Option<Intent>, ProcessorError> {
        let is_wanted = |intent: &PaymentIntent| {
            let value = |name: &str| intent.metadata.get(name).map(String::as_str).unwrap_or_default();
            key.split_once(':') == Some((value(PAYMENT), value(ATTEMPT)))
        };
        let found = self.0.find_payment_intent(customer, is_wanted).await.map_err(problem)?;
        Ok(found.as_ref().map(seen))
    }

    async fn payment_of(&self, intent: &str) -> Result<Option<(AccountId, PaymentId)>, ProcessorError> {
        let Some(intent) = unless_missing(self.0.payment_intent(intent).await)? else { return Ok(None) };
        let ours = || {
            let account = AccountId::parse(intent.metadata.get(ACCOUNT)?).ok()?;
            Some((account, PaymentId::parse(intent.metadata.get(PAYMENT)?).ok()?))
        };
        Ok(ours())
    }

    /// Each call has a key of its own: Stripe repeats an answer under the same key, also one that the object was in another state.
    async fn cancel(&self, intent: &str) -> Result<Intent, ProcessorError> {
        let answer = self.0.cancel_payment_intent(intent, &once()).await;
        self.seen_or_looked_up(intent, answer).await
    }

    async fn refund(&self, new: &NewRefund<'_>) -> Result<SeenRefund, ProcessorError> {
        let metadata = Metadata::from([
            (ACCOUNT.to_owned(), new.account.to_string()),
            (PAYMENT.to_owned(), new.payment.to_string()),
            (REFUND.to_owned(), new.key.to_owned()),
        ]);
        let refund = NewStripeRefund {
            payment_intent: new.intent,
            amount: to_stripe(new.amount)?,
            metadata: &metadata,
        };
        match self.0.create_refund(&refund, new.key).await {
            Ok(refund) => seen_refund(&refund),
            Err(Error::OtherState(refusal)) if refusal.code.as_deref() == Some("charge_already_refunded") => {
                Err(refused("charge_already_refunded"))
            }
            Err(error) => Err(problem(error)),
        }
    }

    async fn refunds(&self, intent: &str) -> Result<Vec<SeenRefund>, ProcessorError> {
        let refunds = self.0.refunds_of(intent).await.map_err(problem)?;
        refunds.iter().map(seen_refund).collect()
    }

    async fn disputes(&self, intent: &str) -> Result<Vec<SeenDispute>, ProcessorError> {
        let disputes = self.0.disputes_of(intent).await.map_err(problem)?;
        disputes.iter().map(seen_dispute).collect()
    }

    async fn is_live(&self) -> Result<bool, ProcessorError> {
        self.0.is_live().await.map_err(|error| problem(error.into()))
    }

    async fn undelivered(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ProcessorMessage>, ProcessorError> {
        let events =
            self.0.undelivered_events(&stripe_message::TYPES, since, limit).await.map_err(problem)?;
        Ok(events.iter().filter_map(stripe_message::message_of).collect())
    }
}

/// A charge as the port names it.
fn seen(intent: &PaymentIntent) -> Intent {
    let state = match &intent.status {
        IntentStatus::RequiresConfirmation => IntentState::Unconfirmed,
        // Without a page the owner can only confirm it anew.
        IntentStatus::RequiresAction => match intent.confirmation_page() {
            Some(page) => IntentState::NeedsAction { url: page.to_owned() },
            None => IntentState::NeedsOwner,
        },
        IntentStatus::RequiresPaymentMethod => declined(intent),
        IntentStatus::Processing => IntentState::Processing,
        IntentStatus::Canceled => {
            IntentState::Cancelled { decline: intent.decline().map(|decline| reason(&decline)) }
        }
        IntentStatus::Succeeded => match money(intent.amount_received, &intent.currency) {
            Ok(received) => IntentState::Succeeded { received },
            Err(_) => irregular(format!("it received {} {}", intent.amount_received, intent.currency)),
        },
        IntentStatus::RequiresCapture => irregular("its amount is held, and not charged".to_owned()),
        IntentStatus::Unknown(status) => {
            tracing::warn!(
                intent = intent.id,
                status,
                "a charge has a status that this version does not know"
            );
            IntentState::Processing
        }
    };
    Intent { id: intent.id.clone(), state }
}

fn irregular(what: String) -> IntentState {
    IntentState::Irregular { what }
}

/// The state of a charge that has no card to charge: its card was declined, or the bank wants the owner.
fn declined(intent: &PaymentIntent) -> IntentState {
    let reason = intent.decline().as_ref().map_or_else(|| "card_declined".to_owned(), reason);
    let was_on_page = intent.last_payment_error.as_ref().and_then(|error| error.code.as_deref());
    if reason == AUTHENTICATION_REQUIRED && was_on_page != Some(NOT_CONFIRMED) {
        return IntentState::NeedsOwner;
    }
    IntentState::Declined { reason }
}

/// Why a card was declined, in the words of F4. A reason that forbids another try stays one.
fn reason(decline: &::stripe::payment_intent::Decline) -> String {
    match decline.reason.as_str() {
        NOT_CONFIRMED => AUTHENTICATION_REQUIRED.to_owned(),
        "generic_decline" => "card_declined".to_owned(),
        reason if decline.is_final && !is_hard_decline(reason) => DO_NOT_TRY_AGAIN.to_owned(),
        reason => reason.to_owned(),
    }
}

fn saved(method: &StripeMethod) -> Option<PaymentMethod> {
    let card = method.card.as_ref()?;
    Some(PaymentMethod {
        customer: method.customer()?.to_owned(),
        token: method.id.clone(),
        card: Card {
            brand: card.brand.clone(),
            last4: card.last4.clone(),
            exp_month: card.exp_month,
            exp_year: card.exp_year,
        },
    })
}

fn seen_refund(refund: &Refund) -> Result<SeenRefund, ProcessorError> {
    let status = match &refund.status {
        Some(StripeStatus::Succeeded) => RefundStatus::Succeeded,
        Some(StripeStatus::Failed) => RefundStatus::Failed {
            reason: refund.failure_reason.clone().unwrap_or_else(|| "failed".to_owned()),
        },
        Some(StripeStatus::Canceled) => RefundStatus::Failed { reason: "canceled".to_owned() },
        Some(StripeStatus::Pending | StripeStatus::RequiresAction | StripeStatus::Unknown(_)) | None => {
            RefundStatus::Pending
        }
    };
    Ok(SeenRefund {
        id: refund.id.clone(),
        key: refund.metadata.get(REFUND).cloned(),
        amount: money(refund.amount, &refund.currency)?,
        status,
    })
}

fn seen_dispute(dispute: &Dispute) -> Result<SeenDispute, ProcessorError> {
    let phase = match &dispute.status {
        DisputeStatus::WarningNeedsResponse | DisputeStatus::WarningUnderReview => DisputePhase::Inquiry,
        DisputeStatus::WarningClosed | DisputeStatus::Prevented => DisputePhase::InquiryClosed,
        DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => DisputePhase::Open,
        DisputeStatus::Won => DisputePhase::Won,
        DisputeStatus::Lost => {
            DisputePhase::Lost { lost: money(dispute.amount - returned(dispute), &dispute.currency)? }
        }
        DisputeStatus::Unknown(status) => {
            return Err(unknown(format!("a dispute has the status {status}")));
        }
    };
    Ok(SeenDispute {
        id: dispute.id.clone(),
        amount: money(dispute.amount, &dispute.currency)?,
        reason: dispute.reason.clone(),
        phase,
    })
}

/// The part of a lost dispute that came back. Stripe's movements are in the currency of settlement, so the part counts in
/// proportion.
fn returned(dispute: &Dispute) -> i64 {
    let movements = || dispute.balance_transactions.iter().map(|movement| i128::from(movement.amount));
    let taken: i128 = -movements().filter(|amount| *amount < 0).sum::<i128>();
    let returned: i128 = movements().filter(|amount| *amount > 0).sum();
    if taken == 0 {
        return 0;
    }
    let part = i128::from(dispute.amount) * returned.min(taken) / taken;
    i64::try_from(part).expect("a part is at most the whole")
}

fn to_stripe(amount: Money) -> Result<i64, ProcessorError> {
    let currency = amount.currency();
    let terms = Terms::of(currency.code()).ok_or_else(|| refused("currency_not_supported"))?;
    let units = amount.minor_units().ok_or_else(|| refused("amount_invalid"))?;
    terms.to_stripe(units, currency.minor_digits()).map_err(|_| refused("amount_invalid"))
}

/// An amount of Stripe's.
fn money(units: i64, currency: &str) -> Result<Money, ProcessorError> {
    let code = currency.to_ascii_uppercase();
    let read = || {
        let currency = Currency::parse(&code).ok()?;
        let units = Terms::of(&code)?.from_stripe(units, currency.minor_digits())?;
        Some(Money::of_minor_units(units, currency))
    };
    read().ok_or_else(|| unknown(format!("an amount is {units} {currency}")))
}

/// An idempotency key for one call and its repeats.
fn once() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn unless_missing<T>(answer: Result<T, Error>) -> Result<Option<T>, ProcessorError> {
    match answer {
        Err(error) if error.is_missing() => Ok(None),
        answer => answer.map(Some).map_err(problem),
    }
}

fn problem(error: Error) -> ProcessorError {
    match error {
        Error::Refused(refusal) => {
            let refusal = *refusal;
            refused(&refusal.decline_code.or(refusal.code).unwrap_or(refusal.kind))
        }
        other => ProcessorError::Unknown(Box::new(other)),
    }
}

fn refused(reason: &str) -> ProcessorError {
    ProcessorError::Refused { reason: reason.to_owned() }
}

fn unknown(problem: impl Into<String>) -> ProcessorError {
    ProcessorError::Unknown(problem.into().into())
}

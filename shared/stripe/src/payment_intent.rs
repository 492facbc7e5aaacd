//! Payment intents: charges of a card, from their creation to their end.

use serde::Deserialize;

use crate::client::Client;
use crate::error::Error;
use crate::object::{Expandable, Listed, Metadata, Reference, metadata_form, words};

/// A charge to be created, unconfirmed.
#[derive(Clone, Debug)]
pub struct NewPaymentIntent<'a> {
    /// As Stripe counts it ([`crate::amount`]).
    pub amount: i64,
    /// Three letters, in lower case.
    pub currency: &'a str,
    /// Whose card it is.
    pub customer: &'a str,
    /// The card.
    pub payment_method: &'a str,
    /// Our values.
    pub metadata: &'a Metadata,
}

/// Who is there when a charge is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence<'a> {
    /// The card's owner, whose bank may ask for a confirmation on a page that leads back to this URL.
    OnSession {
        /// Where that page leads back to by GET.
        return_url: &'a str,
    },
    /// Nobody.
    OffSession,
}

/// A charge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentIntent {
    /// `pi_…`
    pub id: String,
    /// How far it is.
    pub status: IntentStatus,
    /// To be charged.
    pub amount: i64,
    /// What was charged.
    #[serde(default)]
    pub amount_received: i64,
    /// Three letters, in lower case.
    pub currency: String,
    /// Whose card it is.
    pub customer: Option<Expandable<Reference>>,
    /// Our values.
    #[serde(default)]
    pub metadata: Metadata,
    /// What the card's owner is to do.
    pub next_action: Option<NextAction>,
    /// The latest try.
    pub latest_charge: Option<Expandable<Charge>>,
    /// Why the latest try failed. Stripe clears it when the object is cancelled.
    pub last_payment_error: Option<PaymentError>,
}

words! {
    /// How far a charge is.
    IntentStatus {
        /// It has no card, or its card was declined. It can be confirmed with another one.
        RequiresPaymentMethod = "requires_payment_method",
        /// It was not confirmed yet.
        RequiresConfirmation = "requires_confirmation",
        /// The card's owner is to confirm it.
        RequiresAction = "requires_action",
        /// Stripe does not know yet.
        Processing = "processing",
        /// The amount is held on the card, and not charged.
        RequiresCapture = "requires_capture",
        /// It can never be charged.
        Canceled = "canceled",
        /// The card was charged.
        Succeeded = "succeeded",
    }
}

/// What the card's owner is to do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NextAction {
    /// To go to a page of the bank.
    pub redirect_to_url: Option<RedirectToUrl>,
}

/// A page of the bank.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RedirectToUrl {
    /// Its address.
    pub url: String,
}

/// One try of a charge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Charge {
    /// `card_declined`, `expired_card`, …; a try that succeeded has none.
    pub failure_code: Option<String>,
    /// What the networks and Stripe's rules said.
    pub outcome: Option<Outcome>,
}

/// What the networks and Stripe's rules said of a try.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Outcome {
    /// `authorized`, `issuer_declined`, `blocked` by Stripe's rules, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The decline code, or the rule that blocked.
    pub reason: Option<String>,
    /// `do_not_try_again`, …
    pub advice_code: Option<String>,
}

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentError {
    /// `card_declined`, `authentication_required`, …
    pub code: Option<String>,
    /// `insufficient_funds`, `lost_card`, …
    pub decline_code: Option<String>,
    /// `do_not_try_again`, …
    pub advice_code: Option<String>,
}

/// Why a card was declined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// The issuer's reason if it gave one (`insufficient_funds`), else Stripe's code (`card_declined`).
    pub reason: String,
    /// Whether the card must not be tried again, by the issuer's advice or by a rule of Stripe's.
    pub is_final: bool,
}

impl PaymentIntent {
    /// The id of the customer whose card it is.
    pub fn customer(&self) -> Option<&str> {
        self.customer.as_ref().map(Expandable::id)
    }

    /// The page where the card's owner confirms it.
    pub fn confirmation_page(&self) -> Option<&str> {
        self.next_action.as_ref()?.redirect_to_url.as_ref().map(|redirect| redirect.url.as_str())
    }

    /// Why the latest try was declined, if it was. The error says most, but is cleared by a cancellation; the latest charge stays.
    pub fn decline(&self) -> Option<Decline> {
        let charge = self.latest_charge.as_ref().and_then(Expandable::object);
        let outcome = charge.and_then(|charge| charge.outcome.as_ref());
        let error = self.last_payment_error.as_ref();
        let failure_code = charge.and_then(|charge| charge.failure_code.as_ref());
        // The outcome of a charge that succeeded has a reason, too, so it counts only beside a failure.
        let issuers = failure_code.and(outcome).and_then(|outcome| outcome.reason.as_ref());
        let reason = error
            .and_then(|error| error.decline_code.as_ref())
            .or(issuers)
            .or(error.and_then(|error| error.code.as_ref()))
            .or(failure_code)?;
        let advice = error.and_then(|error| error.advice_code.as_deref());
        let advice = advice.or(outcome.and_then(|outcome| outcome.advice_code.as_deref()));
        let is_blocked = failure_code.is_some() && outcome.is_some_and(|outcome| outcome.kind == "blocked");
        Some(Decline { reason: reason.clone(), is_final: is_blocked || advice == Some("do_not_try_again") })
    }
}

impl Listed for PaymentIntent {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The latest charge comes with each answer.
fn with_charge(form: impl IntoIterator<Item = (&'static str, String)>) -> Vec<(String, String)> {
    let expand = [("expand[0]", "latest_charge".to_owned())];
    form.into_iter().chain(expand).map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Client {
    /// Creates a charge, unconfirmed, or gives the one that was created under the same key.
    pub async fn create_payment_intent(
        &self,
        new: &NewPaymentIntent<'_>,
        key: &str,
    ) -> Result<PaymentIntent, Error> {
        let mut form = with_charge([
            ("amount", new.amount.to_string()),
            ("currency", new.currency.to_owned()),
            ("customer", new.customer.to_owned()),
            ("payment_method", new.payment_method.to_owned()),
            ("payment_method_types[0]", "card".to_owned()),
            ("confirmation_method", "automatic".to_owned()),
        ]);
        form.extend(metadata_form("metadata", new.metadata));
        self.post("/v1/payment_intents", &form, key).await
    }

    /// Charges the card. A decline is an answer, not an error. The card is named once more, since Stripe takes it off a charge that it
    /// declines.
    pub async fn confirm_payment_intent(
        &self,
        id: &str,
        payment_method: &str,
        presence: Presence<'_>,
        key: &str,
    ) -> Result<PaymentIntent, Error> {
        let presence = match presence {
            Presence::OnSession { return_url } => ("return_url", return_url.to_owned()),
            Presence::OffSession => ("off_session", "true".to_owned()),
        };
        let form = with_charge([("payment_method", payment_method.to_owned()), presence]);
        self.post_intent(&format!("/v1/payment_intents/{id}/confirm"), &form, key).await
    }

    /// A charge as Stripe has it.
    pub async fn payment_intent(&self, id: &str) -> Result<PaymentIntent, Error> {
        self.get(&format!("/v1/payment_intents/{id}"), &with_charge([])).await
    }

    /// Makes sure that a charge is never made from now on. One that succeeded is [`Error::OtherState`].
    pub async fn cancel_payment_intent(&self, id: &str, key: &str) -> Result<PaymentIntent, Error> {
        self.post(&format!("/v1/payment_intents/{id}/cancel"), &with_charge([]), key).await
    }

    /// The first of a customer's charges that is wanted, from the newest on.
    pub async fn find_payment_intent(
        &self,
        customer: &str,
        is_wanted: impl Fn(&PaymentIntent) -> bool + Sync + Send,
    ) -> Result<Option<PaymentIntent>, Error> {
        let query = [
            ("customer".to_owned(), customer.to_owned()),
            ("expand[0]".to_owned(), "data.latest_charge".to_owned()),
        ];
        self.find("/v1/payment_intents", &query, is_wanted).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(rest: &str) -> PaymentIntent {
        let text = format!(
            r#"{{"id": "pi_1", "status": "requires_payment_method", "amount": 100, "currency": "eur", "customer": "cus_1"{rest}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_unknown_status_is_kept() {
        let text = r#"{"id": "pi_1", "status": "requires_magic", "amount": 100, "currency": "eur", "customer": null}"#;
        let intent: PaymentIntent = serde_json::from_str(text).unwrap();
        assert_eq!(intent.status, IntentStatus::Unknown("requires_magic".to_owned()));
    }

    #[test]
    fn a_decline_has_the_issuers_reason() {
        let declined = intent(
            r#", "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"}, "latest_charge": "ch_1""#,
        );
        let decline = declined.decline().unwrap();
        assert_eq!((decline.reason.as_str(), decline.is_final), ("insufficient_funds", false));
    }

    #[test]
    fn a_cancelled_decline_has_its_reason_from_the_charge() {
        let charge = r#", "last_payment_error": null, "latest_charge": {"id": "ch_1", "failure_code": "card_declined",
            "outcome": {"type": "issuer_declined", "reason": "stolen_card", "advice_code": "do_not_try_again"}}"#;
        let decline = intent(charge).decline().unwrap();
        assert_eq!((decline.reason.as_str(), decline.is_final), ("stolen_card", true));
    }

    #[test]
    fn a_charge_that_a_rule_blocked_is_not_tried_again() {
        let charge = r#", "latest_charge": {"id": "ch_1", "failure_code": "card_declined",
            "outcome": {"type": "blocked", "reason": "highest_risk_level"}}"#;
        assert!(intent(charge).decline().unwrap().is_final);
    }

    #[test]
    fn an_expired_card_has_no_decline_code() {
        let declined = intent(r#", "last_payment_error": {"code": "expired_card"}"#);
        assert_eq!(declined.decline().unwrap().reason, "expired_card");
    }

    #[test]
    fn a_charge_that_succeeded_was_not_declined() {
        let charge = r#", "latest_charge": {"id": "ch_1", "failure_code": null,
            "outcome": {"type": "manual_review", "reason": "elevated_risk_level"}}"#;
        assert_eq!(intent(charge).decline(), None);
        assert_eq!(intent("").decline(), None);
    }

    #[test]
    fn the_page_of_the_bank_is_found() {
        let asked = intent(
            r#", "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/1"}}"#,
        );
        assert_eq!(asked.confirmation_page(), Some("https://bank.example/1"));
        assert_eq!(intent(r#", "next_action": {"type": "use_stripe_sdk"}"#).confirmation_page(), None);
    }
}

//! A payment, by its own address: what is true of it, and what can be done. The bank leads back here, and so do mails. Its state is
//! always read from the API, never from the address.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::Method;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, Card, Instant, NextAction};
use domain::Locale;
use domain::card_payment::{ABANDONED, PERSON_HAS, RECHARGE_WAITS};
use jiff::Timestamp;
use serde::Deserialize;
use wording::glossary;

use super::add_funds::Begun;
use super::refund;
use crate::Portal;
use crate::account_view::{self, Tag};
use crate::failure::Failure;
use crate::figures;
use crate::frame::{Frame, Notice, Place, Tone};
use crate::session::Visit;
use crate::words::PurchaseWords;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts/{id}/purchases/{purchaseId}", get(show).post(confirm))
        .route("/accounts/{id}/purchases/{purchaseId}/credit-notes/{file}", get(credit_note))
}

/// Makes this page say once that the payment was just made.
pub(super) const PAID: &str = "paid";
/// Makes this page say once that the payment was just refunded.
pub(super) const REFUNDED: &str = "refunded";
/// The payment had been made before it was sent again.
pub(super) const ALREADY: &str = "already";

/// A purchase or recharge. A status or a kind that a later version of the API adds is kept as its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    pub(super) purchase_id: String,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) created_at: Instant,
    expires_at: Option<Instant>,
    decline_reason: Option<String>,
    pub(super) receipt_number: Option<u64>,
    pub(super) card: Option<Card>,
    po_number: Option<String>,
    recharge_amounts: Option<u32>,
    next_action: Option<NextAction>,
    refunded_amount: Option<String>,
    #[serde(default)]
    refunds: Vec<Refund>,
    #[serde(default)]
    disputes: Vec<Dispute>,
}

/// A refund. A status that a later version of the API adds is kept as its name, and shown as one that is under way.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refund {
    status: String,
    amount: String,
    at: Instant,
    credit_note_number: Option<u64>,
    failed_at: Option<Instant>,
}

impl Refund {
    fn is_pending(&self) -> bool {
        !matches!((self.status.as_str(), self.failed_at), ("succeeded", _) | ("failed", Some(_)))
    }
}

/// A dispute, likewise.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dispute {
    status: String,
    amount: String,
    at: Instant,
    frozen_amount: Option<String>,
    lost_amount: Option<String>,
    ended_at: Option<Instant>,
}

impl Dispute {
    fn goes_on(&self) -> bool {
        !matches!(self.status.as_str(), "won" | "lost" | "closed")
    }
}

/// A page of payments, newest first.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Payments {
    pub(super) purchases: Vec<Payment>,
    pub(super) next: Option<String>,
}

/// The state of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    NeedsAction,
    Succeeded,
    Declined,
    Abandoned,
    /// A refund is under way.
    RefundPending,
    Refunded,
    Disputed,
    /// No dispute goes on, and the card has money back for good.
    DisputeLost,
    /// A state that only a later version of the API has.
    Other,
}

impl Payment {
    /// The numbers and the addresses of its credit notes.
    pub(super) fn credit_notes(&self, account: &str) -> impl Iterator<Item = (u64, String)> {
        let path = path_of(account, &self.purchase_id);
        let numbers = self.refunds.iter().filter_map(|refund| refund.credit_note_number);
        numbers.map(move |number| (number, format!("{path}/credit-notes/{number}.pdf")))
    }

    pub(super) fn state(&self) -> State {
        match self.status.as_str() {
            "pending" => State::Pending,
            "needsAction" => State::NeedsAction,
            "succeeded" => State::Succeeded,
            "declined" if self.decline_reason.as_deref() == Some(ABANDONED) => State::Abandoned,
            "declined" => State::Declined,
            "refunded" if self.has_pending_refund() => State::RefundPending,
            "refunded" => State::Refunded,
            "disputed" if self.is_dispute_lost() => State::DisputeLost,
            "disputed" => State::Disputed,
            _ => State::Other,
        }
    }

    fn has_pending_refund(&self) -> bool {
        self.refunds.iter().any(Refund::is_pending)
    }

    /// Whether all disputes have ended, one of them in favour of the card's owner.
    fn is_dispute_lost(&self) -> bool {
        !self.disputes.iter().any(Dispute::goes_on)
            && self.disputes.iter().any(|dispute| dispute.status == "lost")
    }

    /// Whether the card was not charged, or that is not known yet.
    fn is_uncharged(&self) -> bool {
        self.is_open() || matches!(self.state(), State::Declined | State::Abandoned)
    }

    pub(super) fn is_recharge(&self) -> bool {
        self.kind == "recharge"
    }

    /// Whether its outcome is not known yet.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state(), State::Pending | State::NeedsAction)
    }

    /// The amount as people read it.
    pub(super) fn amount_in(&self, locale: Locale) -> String {
        figures::amount(&self.amount, &self.currency, locale)
    }

    /// The state as a word.
    pub(super) fn tag(&self, locale: Locale) -> Tag {
        let (name, tone) = match self.state() {
            State::Succeeded => (self.status.as_str(), Tone::Good),
            State::Pending | State::NeedsAction => (self.status.as_str(), Tone::Warn),
            State::Declined => (self.status.as_str(), Tone::Bad),
            State::Abandoned => (ABANDONED, Tone::Info),
            State::RefundPending => ("refundPending", Tone::Info),
            State::DisputeLost => ("disputeLost", Tone::Info),
            State::Refunded | State::Disputed | State::Other => (self.status.as_str(), Tone::Info),
        };
        Tag { tone, text: glossary::purchase_status(name, locale).into_owned() }
    }

    /// When a payment that waits for the card's owner ends by itself.
    fn ends_at(&self) -> Timestamp {
        Timestamp::from(self.created_at) + if self.is_recharge() { RECHARGE_WAITS } else { PERSON_HAS }
    }
}

/// The address of a payment's page.
pub(super) fn path_of(account: &str, purchase: &str) -> String {
    format!("/accounts/{account}/purchases/{purchase}")
}

async fn credit_note(
    visit: Visit,
    Path((id, purchase_id, file)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let number = file.strip_suffix(".pdf").ok_or(Failure::NotFound)?;
    let call = visit.api().get(&["accounts", &id, "purchases", &purchase_id, "credit-notes", number]);
    let document = Box::pin(call.document("application/pdf")).await?;
    Ok(document.into_named("inline", "credit-note.pdf"))
}

/// A line of the list of the payment's facts.
struct Fact {
    label: String,
    value: String,
    /// The instant for programs, if it is one.
    instant: Option<String>,
}

#[derive(Template)]
#[template(path = "purchase.html")]
struct Page {
    frame: Frame,
    t: PurchaseWords,
    tag: Tag,
    texts: Vec<String>,
    facts: Vec<Fact>,
    /// The addresses and the labels of the receipt and the credit notes.
    documents: Vec<(String, String)>,
    /// The bank's page, where the payment is confirmed.
    bank: Option<String>,
    /// The address of the form that asks the bank for such a page.
    confirmation: Option<String>,
    buttons: Vec<(String, String)>,
    links: Vec<(String, String)>,
}

/// What the card processors add to the address that they lead back to, and what this page adds to its own.
const BACK_FROM_BANK: [&str; 3] = ["payment_intent", "success", "from"];

/// Whether somebody comes back from the bank's page. The bank's answer may still be on its way.
fn is_back_from_bank(query: Option<&str>) -> bool {
    let mut names = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).map(|(name, _)| name);
    names.any(|name| BACK_FROM_BANK.contains(&&*name))
}

async fn show(
    visit: Visit,
    Path((id, purchase_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let path = ["accounts", &id, "purchases", &purchase_id];
    let (payment, account) =
        tokio::try_join!(visit.api().get(&path).answer::<Payment>(), visit.api().account(&id))?;
    let is_back = is_back_from_bank(query.as_deref());
    Ok(crate::frame::show(&page(&visit, &account, &payment, is_back)))
}

/// Confirms a payment that waits for the card's owner. The page then leads to the bank, if the bank still wants the owner.
async fn confirm(visit: Visit, Path((id, purchase_id)): Path<(String, String)>) -> Result<Response, Failure> {
    visit.must_change()?;
    let path = ["accounts", &id, "purchases", &purchase_id, "confirm"];
    let payment = visit.api().call(Method::POST, &path).answer::<Payment>().await?;
    Ok(Redirect::to(&path_of(&id, &payment.purchase_id)).into_response())
}

fn page(visit: &Visit, account: &Account, payment: &Payment, is_back: bool) -> Page {
    let t = PurchaseWords(visit.locale);
    let is_new = visit.said() == Some(PAID);
    let is_already = visit.said() == Some(ALREADY);
    let heading = heading(payment, is_already, t);
    let may_change = visit.may_change();
    let path = path_of(&account.account_id, &payment.purchase_id);
    let next = payment.next_action.as_ref().filter(|_| payment.state() == State::NeedsAction && may_change);
    // A payment without a page of the bank names this very page.
    let is_here = next.is_some_and(|next| next.url.ends_with(&path));
    let bank = next.map(|next| next.url.clone()).filter(|url| !is_here && is_web_address(url));
    let Ways { mut buttons, mut links } = ways_on(account, payment, may_change, is_new, t);
    let mut texts = texts(account, payment, is_new, is_already, may_change, t);
    if is_back && payment.state() == State::NeedsAction {
        texts.insert(0, t.perhaps_confirmed());
        buttons.push((t.check_again(), format!("{path}?from=bank")));
    }
    if visit.is_operator() && payment.receipt_number.is_some() {
        links.insert(0, (t.refund(), refund::address_of(&account.account_id, &payment.purchase_id)));
    }
    let was_refunded = visit.said() == Some(REFUNDED);
    let notice = was_refunded.then(|| {
        if payment.has_pending_refund() {
            Notice::new(Tone::Info, t.refund_requested(), t.refund_requested_text())
        } else {
            Notice::new(Tone::Good, t.refund_made(), t.refund_made_text())
        }
    });
    Page {
        frame: visit.frame_of(account, heading, Place::Elsewhere).noticing(notice),
        tag: payment.tag(visit.locale),
        texts,
        facts: facts(account, payment, t),
        documents: documents(account, payment, t),
        bank,
        confirmation: is_here.then_some(path),
        buttons,
        links,
        t,
    }
}

fn documents(account: &Account, payment: &Payment, t: PurchaseWords) -> Vec<(String, String)> {
    let (id, purchase) = (&account.account_id, &payment.purchase_id);
    let receipt = payment
        .receipt_number
        .map(|number| (format!("/accounts/{id}/receipts/{purchase}.pdf"), t.receipt_pdf(number)));
    let notes = payment.credit_notes(id).map(|(number, href)| (href, t.credit_note_pdf(number)));
    receipt.into_iter().chain(notes).collect()
}

/// Whether a browser opens this as a page. Other schemes could run something.
pub(super) fn is_web_address(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn heading(payment: &Payment, is_already: bool, t: PurchaseWords) -> String {
    match payment.state() {
        State::Succeeded if is_already => t.already(),
        State::Succeeded => t.received(),
        State::NeedsAction => t.confirm(),
        State::Pending => t.unknown(),
        State::Declined => t.declined(),
        State::Abandoned => t.abandoned(),
        State::RefundPending => t.refund_in_progress(),
        State::Refunded => t.refunded(),
        State::Disputed => t.disputed(),
        State::DisputeLost => t.dispute_is_lost(),
        State::Other => t.other(glossary::purchase_status(&payment.status, t.0)),
    }
}

/// Sentences about the payment and the card.
fn texts(
    account: &Account,
    payment: &Payment,
    is_new: bool,
    is_already: bool,
    may_change: bool,
    t: PurchaseWords,
) -> Vec<String> {
    let mut texts = match payment.state() {
        State::Succeeded if is_already => {
            vec![t.already_text(figures::minute(payment.created_at.into(), t.0))]
        }
        State::Succeeded if is_new => {
            let receipt = match account.notification_emails.len() {
                0 => t.receipt_goes_to_nobody(),
                1 => t.receipt_goes_to_one(),
                count => t.receipt_goes_to(count),
            };
            vec![t.funds_are_here(), receipt]
        }
        State::Succeeded | State::Other => Vec::new(),
        State::NeedsAction => {
            let card = payment.card.as_ref().map(|card| account_view::card(card, t.0));
            let wants = card.map_or_else(|| t.confirm_text_unnamed(), |card| t.confirm_text(card));
            let until = t.until(figures::minute(payment.ends_at(), t.0));
            let who = (!may_change).then(|| t.administrator_confirms());
            [Some(t.not_charged_before()), Some(wants), Some(until), who].into_iter().flatten().collect()
        }
        State::Pending => vec![t.unknown_text()],
        State::Abandoned if payment.is_recharge() => vec![t.recharge_abandoned()],
        State::Declined | State::Abandoned => {
            let reason = wording::decline(payment.decline_reason.as_deref().unwrap_or("card_declined"), t.0);
            if may_change { vec![reason.why, reason.advice.to_owned()] } else { vec![reason.why] }
        }
        State::RefundPending => vec![t.refund_in_progress_text()],
        State::Refunded => vec![t.refunded_text()],
        State::Disputed => vec![t.disputed_text()],
        State::DisputeLost => vec![t.dispute_is_lost_text()],
    };
    if payment.is_recharge() {
        let times = payment.recharge_amounts.filter(|times| *times > 1);
        texts.push(match (times, payment.is_uncharged()) {
            (Some(times), false) => t.by_recharge_times(times),
            (Some(times), true) => t.wanted_by_recharge_times(times),
            (None, false) => t.by_recharge(),
            (None, true) => t.wanted_by_recharge(),
        });
    }
    texts
}

fn facts(account: &Account, payment: &Payment, t: PurchaseWords) -> Vec<Fact> {
    let plain = |label: String, value| Fact { label, value, instant: None };
    let at = |label, instant: Timestamp| Fact {
        label,
        value: figures::minute(instant, t.0),
        instant: Some(instant.to_string()),
    };
    let refunded = |amount: &String| figures::amount(amount, &payment.currency, t.0);
    let facts = [
        Some(plain(t.amount().to_owned(), payment.amount_in(t.0))),
        payment.refunded_amount.as_ref().map(|amount| plain(t.refunded(), refunded(amount))),
        payment.card.as_ref().map(|card| plain(t.card().to_owned(), account_view::card(card, t.0))),
        Some(at(t.requested(), payment.created_at.into())),
        payment.expires_at.map(|instant| at(t.usable_until().to_owned(), instant.into())),
        payment.po_number.clone().map(|number| plain(t.po_number().to_owned(), number)),
        (payment.state() == State::Succeeded).then(|| {
            let available = figures::rounded(&account.available, &account.currency, t.0);
            plain(t.available().to_owned(), available)
        }),
    ];
    let refunds = payment.refunds.iter().map(|refund| plain(t.one_refund(), refund_text(payment, refund, t)));
    let disputes =
        payment.disputes.iter().map(|dispute| plain(t.dispute(), dispute_text(payment, dispute, t)));
    facts.into_iter().flatten().chain(refunds).chain(disputes).collect()
}

fn refund_text(payment: &Payment, refund: &Refund, t: PurchaseWords) -> String {
    let amount = figures::amount(&refund.amount, &payment.currency, t.0);
    let at = figures::minute(refund.at.into(), t.0);
    match (refund.status.as_str(), refund.failed_at) {
        ("succeeded", _) => t.refunded_at(amount, at),
        ("failed", Some(failed_at)) => t.refund_failed(amount, figures::minute(failed_at.into(), t.0)),
        _ => t.refund_pending(amount, at),
    }
}

fn dispute_text(payment: &Payment, dispute: &Dispute, t: PurchaseWords) -> String {
    let shown = |amount: &str| figures::amount(amount, &payment.currency, t.0);
    let of = |amount: &Option<String>| amount.as_deref().map(shown).unwrap_or_default();
    let amount = shown(&dispute.amount);
    let at = figures::minute(dispute.at.into(), t.0);
    let ended = figures::minute(dispute.ended_at.unwrap_or(dispute.at).into(), t.0);
    match dispute.status.as_str() {
        "open" => t.dispute_open(amount, at, of(&dispute.frozen_amount)),
        "won" => t.dispute_won(amount, ended),
        "lost" => t.dispute_lost(amount, ended, of(&dispute.lost_amount)),
        "closed" => t.dispute_closed(amount, at),
        _ => t.dispute_inquiry(amount, at),
    }
}

/// Where to go from here: labels and addresses.
#[derive(Default)]
struct Ways {
    buttons: Vec<(String, String)>,
    links: Vec<(String, String)>,
}

fn ways_on(account: &Account, payment: &Payment, may_change: bool, is_new: bool, t: PurchaseWords) -> Ways {
    let id = &account.account_id;
    let of = |path: &str| format!("/accounts/{id}{path}");
    let mut ways = Ways::default();
    match payment.state() {
        State::Pending => ways.buttons.push((t.check_again(), path_of(id, &payment.purchase_id))),
        State::Declined | State::Abandoned if may_change => {
            // A payment that was declined stays so. Another try is another payment.
            if let Some(again) = figures::money(&payment.amount, &payment.currency).map(Begun::new) {
                ways.buttons.push((t.try_again(), again.review(id)));
                ways.buttons.push((t.other_card(), again.address(&of("/payment-method"))));
            }
        }
        _ => {}
    }
    if is_new && account.notification_emails.is_empty() && may_change {
        ways.links.push((t.add_recipients(), of("/notifications")));
    }
    if payment.is_recharge() {
        ways.links.push((t.auto_recharge_settings().to_owned(), of("/auto-recharge")));
    }
    ways.links.push((t.communications_credits().to_owned(), format!("/accounts/{id}")));
    ways.links.push((t.receipts().to_owned(), of("/receipts")));
    ways
}

#[cfg(test)]
mod tests {
    use super::super::settings::example::account;
    use super::*;
    use serde_json::{Value, json};

    fn payment(changes: Value) -> Payment {
        let mut payment = json!({
            "purchaseId": "pur_1", "kind": "purchase", "status": "succeeded", "amount": "200.0000",
            "currency": "EUR", "createdAt": "2026-11-25T09:20:00.000Z",
            "card": { "brand": "visa", "last4": "4242", "expMonth": 4, "expYear": 2030 },
        });
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        payment.as_object_mut().unwrap().extend(changes);
        serde_json::from_value(payment).unwrap()
    }

    fn of_status(status: &str) -> Payment {
        payment(json!({ "status": status, "declineReason": "expired_card" }))
    }

    #[test]
    fn every_ending_has_a_heading_of_its_own() {
        let t = PurchaseWords(Locale::En);
        let abandoned = payment(json!({ "status": "declined", "declineReason": "abandoned" }));
        let mut headings = vec![heading(&of_status("succeeded"), true, t), heading(&abandoned, false, t)];
        for status in ["succeeded", "pending", "needsAction", "declined", "refunded", "disputed", "later"] {
            headings.push(heading(&of_status(status), false, t));
        }
        let mut others = headings.clone();
        others.sort();
        others.dedup();
        assert_eq!(others.len(), headings.len(), "{headings:?}");
        assert_eq!(heading(&of_status("declined"), true, t), "The card was declined: nothing was charged");
    }

    #[test]
    fn that_nothing_was_charged_is_said_only_where_it_is_known() {
        let says_so = |payment: &Payment, locale| {
            let t = PurchaseWords(locale);
            let mut said = texts(&account(json!({})), payment, true, false, true, t);
            said.push(heading(payment, false, t));
            let said = said.join(" ");
            said.contains("othing was charged") || said.contains("ien n’a été débité")
        };
        for locale in Locale::ALL {
            for status in ["pending", "needsAction", "succeeded", "refunded", "disputed", "later"] {
                assert!(!says_so(&of_status(status), locale), "{status}");
            }
            assert!(says_so(&of_status("declined"), locale));
        }
    }

    #[test]
    fn only_who_may_pay_is_led_to_another_try() {
        let t = PurchaseWords(Locale::En);
        let labels = |status: &str, may_change| {
            let Ways { buttons, links } =
                ways_on(&account(json!({})), &of_status(status), may_change, false, t);
            buttons.into_iter().chain(links).map(|(label, _)| label).collect::<Vec<_>>()
        };
        assert!(labels("declined", true).contains(&"Try again".to_owned()));
        assert!(!labels("declined", false).contains(&"Try again".to_owned()));
        assert!(!labels("pending", true).contains(&"Try again".to_owned()));
        assert!(labels("pending", false).contains(&"Check again".to_owned()));
    }

    #[test]
    fn f9_every_refund_and_dispute_says_how_it_stands() {
        let t = PurchaseWords(Locale::En);
        let at = "2026-11-25T09:20:00.000Z";
        let refund = |status: &str, more: Value| {
            let mut refund = json!({ "refundId": "ref_1", "status": status, "amount": "40.0000", "at": at });
            refund.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            refund
        };
        let dispute = |status: &str, more: Value| {
            let mut dispute = json!({ "disputeId": "dsp_1", "status": status, "amount": "200.0000", "at": at, "reason": "r" });
            dispute.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            dispute
        };
        let shown = payment(json!({
            "status": "disputed", "receiptNumber": 7, "refundedAmount": "40.0000",
            "refunds": [
                refund("succeeded", json!({ "creditNoteNumber": 3 })),
                refund("failed", json!({ "creditNoteNumber": 2, "failedAt": at })),
                refund("pending", json!({})),
            ],
            "disputes": [
                dispute("inquiry", json!({})),
                dispute("open", json!({ "frozenAmount": "60.0000" })),
                dispute("won", json!({ "endedAt": at })),
                dispute("lost", json!({ "endedAt": at, "lostAmount": "200.0000" })),
                dispute("closed", json!({})),
            ],
        }));
        let account = account(json!({}));
        let said: Vec<_> = facts(&account, &shown, t).into_iter().map(|fact| fact.value).collect();
        let mut others = said.clone();
        others.sort();
        others.dedup();
        assert_eq!(others.len(), said.len(), "{said:?}");
        assert!(said.iter().any(|text| text.contains("60.00 withheld")), "{said:?}");
        let documents: Vec<_> = documents(&account, &shown, t).into_iter().map(|(_, label)| label).collect();
        assert_eq!(documents, ["Receipt 7, PDF", "Credit note 3, PDF", "Credit note 2, PDF"]);
    }

    #[test]
    fn f9_a_refund_under_way_is_not_made_and_a_lost_dispute_has_ended() {
        let refund =
            |status: &str| json!({ "status": status, "amount": "40", "at": "2026-11-25T09:20:00.000Z" });
        let shown = |status: &str, refunds: Value, disputes: Value| {
            let payment = payment(json!({ "status": status, "refunds": refunds, "disputes": disputes }));
            payment.tag(Locale::En).text
        };
        assert_eq!(shown("refunded", json!([refund("succeeded")]), json!([])), "Refunded");
        let refunds = json!([refund("succeeded"), refund("pending")]);
        assert_eq!(shown("refunded", refunds, json!([])), "Refund in progress");
        assert_eq!(shown("disputed", json!([]), json!([refund("closed"), refund("lost")])), "Dispute lost");
        assert_eq!(shown("disputed", json!([]), json!([refund("lost"), refund("open")])), "Disputed");
    }

    #[test]
    fn a_recharge_that_charged_nothing_was_only_wanted() {
        let said = |status: &str, reason: &str| {
            let recharge = json!({ "kind": "recharge", "status": status, "declineReason": reason });
            texts(&account(json!({})), &payment(recharge), false, false, true, PurchaseWords(Locale::En))
                .join(" ")
        };
        assert!(said("succeeded", "").contains("made this payment"));
        let abandoned = said("declined", ABANDONED);
        assert!(abandoned.contains("wanted to make") && !abandoned.contains("Add funds"), "{abandoned}");
    }

    #[test]
    fn a_payment_of_a_later_version_is_shown_by_the_name_of_its_state() {
        let later = payment(json!({ "status": "frozen", "kind": "gift", "card": null, "more": [1] }));
        assert_eq!(later.tag(Locale::Fr).text, "frozen");
        assert!(!later.is_open() && !later.is_recharge());
    }

    #[test]
    fn an_address_that_could_run_something_is_no_link() {
        assert!(is_web_address("https://bank.example/confirm"));
        assert!(!is_web_address("javascript:alert(1)") && !is_web_address("data:text/html,x"));
    }
}

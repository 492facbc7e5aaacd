//! "Payment method": the card, the backup card, and how they are replaced and removed. A card is entered on the card processor's own page,
//! which leads back here. What has become of it is read from the account, not from the address.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, Card, CardPage};
use domain::BillingModel;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::add_funds::Begun;
use super::auto_recharge;
use super::purchase::is_web_address;
use super::settings::{self, LastChanged, Outcome, Seen};
use crate::Portal;
use crate::account_view::{self, CardLife, Tag};
use crate::api::ApiError;
use crate::failure::Failure;
use crate::figures;
use crate::frame::{Frame, Notice, Place, Tone};
use crate::session::{Visit, set_cookies};
use crate::words::{PaymentMethodWords, SettingsWords};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts/{id}/payment-method", get(show).post(set_up))
        .route("/accounts/{id}/payment-method/remove", get(show_removal).post(remove))
        .route("/accounts/{id}/payment-method/backup/remove", get(show_backup_removal).post(remove_backup))
}

/// The cookie with the saved cards at the time when a person was sent to the card processor.
const SETUP: &str = "card-setup";
/// The processor takes a card for so long.
const SETUP_SECONDS: i64 = 24 * 3600;

/// The notice of the page after a form.
const REMOVED: &str = "removed";
const BACKUP_REMOVED: &str = "backup removed";
/// The notice of the page of consequences.
const CHANGED: &str = "changed";

fn path_of(id: &str) -> String {
    format!("/accounts/{id}/payment-method")
}

/// Which of the two cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Card,
    Backup,
}

impl Which {
    fn of(self, account: &Account) -> Option<&Card> {
        match self {
            Self::Card => account.payment_method.as_ref(),
            Self::Backup => account.backup.as_ref(),
        }
    }

    fn removal(self, id: &str) -> String {
        match self {
            Self::Card => format!("{}/remove", path_of(id)),
            Self::Backup => format!("{}/backup/remove", path_of(id)),
        }
    }
}

/// The cards of an account as they were when a person was sent to the card processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    account: String,
    is_backup: bool,
    /// When the cards were changed last.
    changed_at: Option<String>,
    card: Option<String>,
    backup: Option<String>,
    /// The purchase that the card is for.
    purchase: Option<Begun>,
}

impl Before {
    fn of(account: &Account, is_backup: bool, purchase: Option<Begun>) -> Self {
        let changed = account.settings_changed.payment_method.as_ref();
        let name =
            |card: &Card| format!("{} {} {}/{}", card.brand, card.last4, card.exp_month, card.exp_year);
        Self {
            account: account.account_id.clone(),
            is_backup,
            changed_at: changed.map(|change| change.at.to_string()),
            card: account.payment_method.as_ref().map(name),
            backup: account.backup.as_ref().map(name),
            purchase,
        }
    }

    /// Whether a card has been saved since.
    fn has_changed(&self, account: &Account) -> bool {
        *self != Self::of(account, self.is_backup, self.purchase.clone())
    }
}

/// The query of the page's address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    from: String,
    amount: Option<String>,
    key: Option<String>,
}

/// A card with its actions.
struct CardView {
    heading: &'static str,
    hint: Option<String>,
    /// The card, until when it can be charged, and a word if that is soon.
    card: Option<(String, Option<String>, Option<Tag>)>,
    /// Why there is none, or why it is not charged.
    note: Option<String>,
    /// A sentence about the amount that is charged to a new card at once.
    charge: Option<String>,
    /// The label of the button that replaces or adds it.
    set_up: Option<String>,
    is_backup: bool,
    /// The label and the address of its removal.
    removal: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "payment_method.html")]
struct Page {
    frame: Frame,
    t: PaymentMethodWords,
    s: SettingsWords,
    id: String,
    cards: Vec<CardView>,
    is_read_only: bool,
    /// The purchase that a card is for.
    purchase: Option<Begun>,
    /// The label and the address that lead back to it.
    back: Option<(String, String)>,
    last: Option<LastChanged>,
}

async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let account = Box::pin(visit.api().account(&id)).await?;
    let t = PaymentMethodWords(visit.locale);
    let is_back = asked.from == "processor";
    let before = visit.portal().sessions.unsealed::<Before>(&headers, SETUP);
    let before = before.filter(|before| is_back && before.account == account.account_id);
    let asked = asked.amount.zip(asked.key).map(|(amount, key)| Begun { amount, key });
    let purchase = asked.or_else(|| before.as_ref()?.purchase.clone());
    let purchase = purchase.filter(|begun| visit.may_change() && begun.amount(&account.currency).is_some());
    let back = purchase.as_ref().filter(|_| account.payment_method.is_some()).map(|begun| {
        let amount = begun.amount_in(&account.currency, visit.locale);
        (t.continue_purchase(amount), begun.review(&account.account_id))
    });
    let notice = match visit.said() {
        Some(REMOVED) => Some(Notice::new(Tone::Good, t.removed(), t.removed_text())),
        Some(BACKUP_REMOVED) => Some(Notice::new(Tone::Good, t.backup_removed(), String::new())),
        _ if is_back => Some(after_processor(&account, before.as_ref(), t)),
        _ if visit.may_change() && visit.draft::<SetUp>().is_some() => {
            Some(settings::signed_out(visit.locale))
        }
        _ => warning(&visit, &account, t),
    };
    let main = CardView {
        charge: Box::pin(charge_of_new_card(&visit, &account)).await,
        ..card_view(&visit, &account, Which::Card, t)
    };
    let page = Page {
        frame: visit.frame_of(&account, t.title(), Place::Elsewhere).noticing(notice),
        t,
        s: SettingsWords(visit.locale),
        id: account.account_id.clone(),
        cards: vec![main, card_view(&visit, &account, Which::Backup, t)],
        is_read_only: !visit.may_change(),
        purchase,
        back,
        last: LastChanged::of(account.settings_changed.payment_method.as_ref(), visit.locale),
    };
    Ok(crate::frame::show(&page))
}

fn card_view(visit: &Visit, account: &Account, which: Which, t: PaymentMethodWords) -> CardView {
    let may_change = visit.may_change();
    let has_main = account.payment_method.is_some();
    let card = which.of(account);
    let shown = card.map(|card| {
        let life = account_view::card_life(card, visit.now);
        let until = account_view::last_month(card).map(|month| {
            let month = wording::month(month, t.0);
            if life == CardLife::Expired { t.expired_since(month) } else { t.valid_until(month) }
        });
        let tag = match life {
            CardLife::Long => None,
            CardLife::Short => Some(Tag { tone: Tone::Warn, text: t.expires_soon() }),
            CardLife::Expired => Some(Tag { tone: Tone::Bad, text: t.expired() }),
        };
        (account_view::card(card, t.0), until, tag)
    });
    let is_backup = which == Which::Backup;
    let (heading, hint, note) = match which {
        Which::Card => (t.card(), None, card.is_none().then(|| no_card(account, t))),
        Which::Backup => {
            let note = match (card.is_some(), has_main) {
                (true, true) => None,
                (true, false) => Some(t.backup_alone()),
                (false, true) => Some(t.no_backup()),
                (false, false) => Some(t.backup_needs_card()),
            };
            (t.backup(), Some(t.what_backup_does()), note)
        }
    };
    let set_up = match (which, card.is_some()) {
        (Which::Card, false) => Some(t.add()),
        (Which::Card, true) => Some(t.replace()),
        (Which::Backup, _) if !has_main => None,
        (Which::Backup, false) => Some(t.add_backup()),
        (Which::Backup, true) => Some(t.replace_backup()),
    };
    let remove = if is_backup { t.remove_backup() } else { t.remove() };
    CardView {
        heading,
        hint,
        card: shown,
        note,
        charge: None,
        set_up: set_up.filter(|_| may_change),
        is_backup,
        removal: card.filter(|_| may_change).map(|_| (remove, which.removal(&account.account_id))),
    }
}

/// The charge that auto-recharge makes on a new card as soon as it is saved, after a decline or in place of an open charge.
async fn charge_of_new_card(visit: &Visit, account: &Account) -> Option<String> {
    let recharge = &account.auto_recharge;
    let is_open = matches!(recharge.state.as_str(), "charging" | "needsAction");
    let is_charged = is_open || matches!(recharge.state.as_str(), "waiting" | "stopped");
    if !visit.may_change() || !is_charged {
        return None;
    }
    let t = PaymentMethodWords(visit.locale);
    let say = |amount: &String| figures::amount(amount, &account.currency, t.0);
    let charge = match Box::pin(auto_recharge::preview_again(visit, account)).await {
        Ok(preview) => preview.map(|preview| preview.charges_if_resumed.or(preview.charges_now))?,
        Err(_) => None,
    };
    match charge {
        // The preview counts an open charge, so it does not know the amount that follows its withdrawal.
        _ if is_open => recharge.recharge_amount.as_ref().map(|amount| t.withdrawn_and_charged(say(amount))),
        Some(charge) => Some(t.charged_at_once(say(&charge))),
        None => recharge.recharge_amount.as_ref().map(|amount| t.charged_at_once_or_more(say(amount))),
    }
}

fn no_card(account: &Account, t: PaymentMethodWords) -> String {
    if account.billing_model == "prepaid" { t.no_card() } else { t.no_card_needed() }
}

/// The notice about the cards, if they need attention.
fn warning(visit: &Visit, account: &Account, t: PaymentMethodWords) -> Option<Notice> {
    if let Some(card) = &account.payment_method {
        let name = account_view::card(card, t.0);
        match account_view::card_life(card, visit.now) {
            CardLife::Expired => {
                return Some(Notice::new(Tone::Bad, t.card_expired(), t.card_expired_text(name)));
            }
            CardLife::Short => {
                let month = account_view::last_month(card).map(|month| wording::month(month, t.0));
                let text = t.card_expires_text(name, month.unwrap_or_default());
                return Some(Notice::new(Tone::Warn, t.card_expires(), text));
            }
            CardLife::Long => {}
        }
    }
    let failure = account.auto_recharge.last_failure.as_ref()?;
    let at = figures::minute(failure.at.into(), t.0);
    let decline = wording::decline(&failure.reason, t.0);
    let text = t.last_declined_text(at, decline.why, decline.advice);
    let href = format!("/accounts/{}/auto-recharge", account.account_id);
    let notice = Notice::new(Tone::Warn, t.last_declined(), text);
    Some(notice.link(t.edit_auto_recharge().to_owned(), href))
}

/// The notice after a visit to the card processor. A card may arrive a moment later than the person.
fn after_processor(account: &Account, before: Option<&Before>, t: PaymentMethodWords) -> Notice {
    let name = |card: &Card| account_view::card(card, t.0);
    let main = account.payment_method.as_ref().map(name);
    let again = format!("{}?from=processor", path_of(&account.account_id));
    let Some(before) = before else {
        let text = main.map_or_else(|| t.back_without_card(), |card| t.back_with_card(card));
        return Notice::new(Tone::Info, t.back_from_processor(), text);
    };
    let entered = if before.is_backup { account.backup.as_ref() } else { account.payment_method.as_ref() };
    match entered.map(name) {
        Some(card) if before.has_changed(account) => {
            let mut text = if before.is_backup { t.backup_saved_text(card) } else { t.saved_text(card) };
            if account.auto_recharge.state == "charging" {
                let (_, sentence) = account_view::recharge_state(account, t.0);
                text = format!("{text} {sentence}");
            }
            Notice::new(Tone::Good, t.saved(), text)
        }
        card => {
            let still = card.map(|card| t.not_saved_still(card));
            let text = [still, Some(t.not_saved_yet())].into_iter().flatten().collect::<Vec<_>>().join(" ");
            Notice::new(Tone::Info, t.not_saved(), text).link(t.check_again(), again)
        }
    }
}

/// The form of the buttons that lead to the card processor.
#[derive(Clone, Debug, Deserialize)]
struct SetUp {
    backup: Option<String>,
    amount: Option<String>,
    key: Option<String>,
}

#[derive(Template)]
#[template(path = "payment_method_continue.html")]
struct Continue {
    frame: Frame,
    t: PaymentMethodWords,
    /// A sentence about the amount that is charged to the card at once.
    charge: Option<String>,
    url: String,
    back: String,
}

async fn set_up(visit: Visit, Path(id): Path<String>, Form(form): Form<SetUp>) -> Result<Response, Failure> {
    visit.must_change()?;
    let is_backup = form.backup.is_some();
    let account = Box::pin(visit.api().account(&id)).await?;
    let id = account.account_id.as_str();
    let call = visit.api().call(Method::POST, &["accounts", id, "payment-method", "setup"]);
    let begun = Box::pin(call.body(json!({ "backup": is_backup })).answer::<CardPage>()).await;
    let CardPage { url } = match begun {
        Ok(page) if is_web_address(&page.url) => page,
        Ok(_) => return Err(Failure::Broken),
        // Somebody has removed the card that a backup card stands in for. The page says so.
        Err(ApiError::Problem(problem)) if problem.status == 409 => {
            return Ok(Redirect::to(&path_of(id)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let purchase = form.amount.zip(form.key).map(|(amount, key)| Begun { amount, key });
    let purchase = purchase.filter(|begun| begun.amount(&account.currency).is_some());
    let before = Before::of(&account, is_backup, purchase);
    let charge = if is_backup { None } else { Box::pin(charge_of_new_card(&visit, &account)).await };
    let t = PaymentMethodWords(visit.locale);
    let page = Continue {
        frame: visit.frame_of(&account, t.to_processor(), Place::Elsewhere),
        t,
        charge,
        url,
        back: path_of(id),
    };
    // An answer that redirected to another site would be forbidden by our own policy of forms.
    let mut response = crate::frame::show(&page);
    set_cookies(&mut response, [visit.portal().sessions.sealed(SETUP, &before, SETUP_SECONDS)]);
    Ok(response)
}

/// The settings on which the consequences of a removal depend.
fn values(account: &Account) -> Vec<String> {
    let card = |card: &Option<Card>| card.as_ref().map(|card| format!("{} {}", card.brand, card.last4));
    vec![
        card(&account.payment_method).unwrap_or_default(),
        card(&account.backup).unwrap_or_default(),
        account.auto_recharge.enabled.to_string(),
        account.switch.clone().unwrap_or_default(),
    ]
}

#[derive(Template)]
#[template(path = "payment_method_remove.html")]
struct Removal {
    frame: Frame,
    t: PaymentMethodWords,
    /// The address of the form.
    path: String,
    back: String,
    /// The label of the button. None if there is no such card, or the person may only look.
    button: Option<String>,
    consequences: Vec<String>,
    is_read_only: bool,
    seen: Seen,
}

async fn show_removal(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    Box::pin(removal(&visit, &id, Which::Card)).await
}

async fn show_backup_removal(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    Box::pin(removal(&visit, &id, Which::Backup)).await
}

async fn removal(visit: &Visit, id: &str, which: Which) -> Result<Response, Failure> {
    let account = visit.api().account(id).await?;
    let t = PaymentMethodWords(visit.locale);
    let was_signed_out = visit.draft::<Seen>().is_some();
    let notice = if visit.said() == Some(CHANGED) {
        Some(Notice::new(Tone::Warn, t.changed(), t.changed_text()))
    } else {
        was_signed_out.then(|| settings::signed_out(visit.locale))
    };
    let title = if which == Which::Backup { t.remove_backup() } else { t.remove() };
    let card = which.of(&account).map(|card| account_view::card(card, t.0));
    let page = Removal {
        frame: visit.frame_of(&account, title, Place::Elsewhere).noticing(notice),
        path: which.removal(&account.account_id),
        back: path_of(&account.account_id),
        consequences: if card.is_some() { consequences(&account, which, t) } else { Vec::new() },
        button: card.filter(|_| visit.may_change()).map(|card| t.remove_card(card)),
        is_read_only: !visit.may_change(),
        seen: Seen::of(&account, values),
        t,
    };
    Ok(crate::frame::show(&page))
}

/// The consequences of removing the card.
fn consequences(account: &Account, which: Which, t: PaymentMethodWords) -> Vec<String> {
    let name = |card: &Card| account_view::card(card, t.0);
    if which == Which::Backup {
        let main = account.payment_method.as_ref().map(|card| t.card_stays(name(card)));
        return [Some(t.backup_goes()), main, Some(t.receipts_stay())].into_iter().flatten().collect();
    }
    let recharge = &account.auto_recharge;
    let is_charging = matches!(recharge.state.as_str(), "charging" | "needsAction");
    let is_prepaid = account_view::billing_model(account) == BillingModel::Prepaid;
    let has_balance = figures::is_positive(&account.available);
    let balance = figures::rounded(&account.available, &account.currency, t.0);
    let happens = [
        Some(if recharge.enabled { t.recharge_turns_off() } else { t.recharge_is_off() }),
        is_charging.then(|| t.charge_withdrawn()),
        (account_view::billing_model(account) == BillingModel::Switching).then(|| t.switch_completes()),
        is_prepaid.then(|| t.no_purchases()),
        has_balance.then(|| t.balance_stays(balance)),
        account.backup.as_ref().map(|card| t.backup_stays(name(card))),
        Some(t.receipts_stay()),
    ];
    happens.into_iter().flatten().collect()
}

async fn remove(visit: Visit, Path(id): Path<String>, Form(seen): Form<Seen>) -> Result<Response, Failure> {
    Box::pin(take_away(&visit, &id, Which::Card, &seen)).await
}

async fn remove_backup(
    visit: Visit,
    Path(id): Path<String>,
    Form(seen): Form<Seen>,
) -> Result<Response, Failure> {
    Box::pin(take_away(&visit, &id, Which::Backup, &seen)).await
}

async fn take_away(visit: &Visit, id: &str, which: Which, seen: &Seen) -> Result<Response, Failure> {
    visit.must_change()?;
    let path: &[&str] = match which {
        Which::Card => &["accounts", id, "payment-method"],
        Which::Backup => &["accounts", id, "payment-method", "backup"],
    };
    let is_gone = |account: &Account| which.of(account).is_none();
    Ok(match settings::save(visit, Method::DELETE, path, Value::Null, seen, values, is_gone).await? {
        Outcome::Saved(account) => {
            let said = if which == Which::Backup { BACKUP_REMOVED } else { REMOVED };
            visit.lead_to(&path_of(&account.account_id), said)
        }
        Outcome::Changed(account) => visit.lead_to(&which.removal(&account.account_id), CHANGED),
    })
}

#[cfg(test)]
mod tests {
    use super::super::settings::example::account;
    use super::*;
    use domain::Locale;

    fn visa(last4: &str) -> Value {
        json!({ "brand": "visa", "last4": last4, "expMonth": 4, "expYear": 2030 })
    }

    fn with_card(last4: &str, changed_at: &str) -> Account {
        account(json!({
            "paymentMethod": visa(last4),
            "settingsChanged": { "paymentMethod": { "at": changed_at, "by": "ada" } },
        }))
    }

    #[test]
    fn whether_a_card_was_saved_is_read_from_the_account() {
        let t = PaymentMethodWords(Locale::En);
        let (noon, later) = ("2026-11-25T12:00:00.000Z", "2026-11-25T12:01:00.000Z");
        let old = with_card("4242", noon);
        let before = Before::of(&old, false, None);
        let title = |account: &Account, before| after_processor(account, before, t).title;
        assert_eq!(title(&old, Some(&before)), "No card was saved");
        for new in [with_card("4444", noon), with_card("4242", later)] {
            assert_eq!(title(&new, Some(&before)), "The card is saved");
        }
        let unknown = after_processor(&old, None, t);
        assert_eq!(unknown.title, "You are back from the card processor");
        assert!(unknown.text.contains("4242"), "{}", unknown.text);
        let none = account(json!({ "paymentMethod": null }));
        let text = after_processor(&none, Some(&Before::of(&none, false, None)), t).text;
        assert!(!text.contains("as before"), "{text}");
    }

    #[test]
    fn a_failed_recharge_is_said_to_be_charged_to_the_new_card() {
        let mut new = with_card("4444", "2026-11-25T12:00:00.000Z");
        new.auto_recharge.state = "charging".to_owned();
        new.auto_recharge.recharge_amount = Some("100.0000".to_owned());
        let before = Before::of(&account(json!({})), false, None);
        let text = after_processor(&new, Some(&before), PaymentMethodWords(Locale::En)).text;
        assert!(text.contains("4444") && text.contains("EUR\u{a0}100.00"), "{text}");
    }

    #[test]
    fn the_consequences_of_a_removal_are_those_of_the_account() {
        let t = PaymentMethodWords(Locale::En);
        let said = |changes, which| consequences(&account(changes), which, t).join(" ");
        let usual = said(json!({}), Which::Card);
        assert!(usual.contains("turns off") && usual.contains("EUR\u{a0}145.50"), "{usual}");
        assert!(!usual.contains("switch"), "{usual}");
        let switching = json!({ "billingModel": "postUsage", "switch": "pending", "available": "-1" });
        let switching = said(switching, Which::Card);
        assert!(switching.contains("cannot be undone") && !switching.contains("balance"), "{switching}");
        let backup = said(json!({ "backup": visa("4444") }), Which::Backup);
        assert!(backup.contains("4242") && !backup.contains("turns off"), "{backup}");
    }

    #[test]
    fn a_removal_is_asked_for_again_when_the_cards_have_changed() {
        let shown = values(&account(json!({})));
        assert_eq!(values(&account(json!({ "poNumber": "7" }))), shown);
        for other in [
            json!({ "paymentMethod": visa("4444") }),
            json!({ "backup": visa("4444") }),
            json!({ "autoRecharge": { "enabled": false, "state": "off" } }),
            json!({ "billingModel": "postUsage", "switch": "pending" }),
        ] {
            assert_ne!(values(&account(other.clone())), shown, "{other}");
        }
    }
}

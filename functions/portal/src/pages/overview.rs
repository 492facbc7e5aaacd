//! The product's own page: the balance, the settings of billing, a chart, and the latest transactions.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::get;
use contract::{Account, Purchases, Transaction, Transactions};
use domain::time::Month;
use domain::{BillingModel, Locale};
use rust_decimal::Decimal;
use serde::Deserialize;
use wording::glossary;
use wording::recharge::RechargeState;

use super::chart::{ChartCard, Period};
use super::concerns::{self, Reader};
use super::operator;
use super::transactions;
use crate::Portal;
use crate::account_view::{self, DEPLETED, Tag};
use crate::failure::Failure;
use crate::figures::{self, When};
use crate::frame::{Frame, Place};
use crate::session::Visit;
use crate::words::{OverviewWords, TransactionsWords};

/// So many transactions are shown.
const LATEST: &str = "5";

/// An open purchase is among so many of the newest ones.
const PURCHASES: &str = "10";

/// So many recipients are named.
const NAMED_RECIPIENTS: usize = 3;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/accounts/{id}", get(show))
}

#[derive(Deserialize)]
struct Asked {
    /// The month of the chart.
    month: Option<String>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    t: OverviewWords,
    of_transactions: TransactionsWords,
    id: String,
    may_change: bool,
    balance: BalanceCard,
    settings: SettingsCard,
    chart: ChartCard,
    /// None if they could not be read.
    latest: Option<Vec<transactions::Row>>,
    operator: Option<OperatorPanel>,
}

/// The card with the balance.
struct BalanceCard {
    heading: String,
    amount: String,
    tag: Tag,
    sentence: Option<String>,
    /// Labels and amounts.
    facts: Vec<(String, String)>,
    expiry: Option<Expiry>,
    may_buy: bool,
    /// Whether to offer auto-recharge beside the purchase.
    offers_auto_recharge: bool,
}

/// The funds that expire next.
struct Expiry {
    amount: String,
    date: When,
    in_days: String,
}

/// The settings of billing.
struct SettingsCard {
    /// A sentence about the billing model, unless it is prepaid.
    billing: Option<String>,
    /// The state of auto-recharge, where there can be one.
    auto_recharge: Option<(Tag, String)>,
    card: String,
    backup: Option<String>,
    po_number: Option<String>,
    recipients: Vec<String>,
    more_recipients: Option<String>,
    may_switch: bool,
}

/// The panel of the operator.
struct OperatorPanel {
    version: u64,
    created: When,
}

async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let (api, locale) = (visit.api(), visit.locale);
    let period = Period::of(asked.month.as_deref(), visit.now);
    let latest = api.get(&["accounts", &id, "transactions"]).query("limit", LATEST);
    let purchases = api.get(&["accounts", &id, "purchases"]).query("limit", PURCHASES);
    let (account, balances, latest, purchases) = tokio::join!(
        Box::pin(api.account(&id)),
        Box::pin(period.read(api, &id)),
        Box::pin(latest.answer::<Transactions>()),
        Box::pin(purchases.answer::<Purchases>()),
    );
    let account = account?;
    let latest = latest.ok().map(|page| page.transactions);
    let purchases = purchases.ok().map(|page| page.purchases);
    let is_zero =
        |transaction: &Transaction| transaction.amount.parse().is_ok_and(|amount: Decimal| amount.is_zero());
    // If a list could not be read, the account does not count as new.
    let moved = purchases.is_none() || latest.as_ref().is_none_or(|latest| !latest.iter().all(is_zero));
    let purchases = purchases.unwrap_or_default();
    let is_new = concerns::is_new(&account, &purchases, moved);
    let reader = Reader { locale, now: visit.now, may_change: visit.may_change() };
    let concerns = concerns::of(&account, &purchases, is_new, reader);
    let said = visit.said().and_then(|what| operator::said(what, locale));

    let t = OverviewWords(locale);
    let page = Page {
        frame: visit
            .frame_of(&account, t.title(), Place::Overview)
            .noticing(said.or_else(|| concerns::notice(concerns))),
        t,
        of_transactions: TransactionsWords(locale),
        id,
        may_change: visit.may_change(),
        balance: BalanceCard::new(&account, is_new, reader),
        settings: SettingsCard::new(&account, concerns::open_recharge(&account, &purchases), locale),
        chart: ChartCard::new(&account, period, balances.ok(), is_new, locale),
        latest: latest.map(|latest| {
            latest.iter().map(|one| transactions::Row::of(one, &account.currency, &[], locale)).collect()
        }),
        operator: visit.is_operator().then(|| OperatorPanel {
            version: account.version,
            created: When::minute(account.created_at, locale),
        }),
    };
    Ok(crate::frame::show(&page))
}

impl BalanceCard {
    fn new(account: &Account, is_new: bool, reader: Reader) -> Self {
        let locale = reader.locale;
        let t = OverviewWords(locale);
        let shown = |amount: &str| figures::rounded(amount, &account.currency, locale);
        let billing = account_view::billing_model(account);
        let is_complete = billing == BillingModel::PostUsage;
        let is_draining = is_complete && figures::is_positive(&account.available);

        let (status, sentence) = account_view::status(&account.status, billing, locale);
        // Funds that never were are not used up.
        let tag = if is_new { Tag { text: t.no_funds(), ..status } } else { status };
        let sentence = match () {
            () if is_new => Some(t.no_funds_yet()),
            () if is_draining => Some(t.these_funds_first()),
            // The notice on top says it.
            () if account.status == DEPLETED => None,
            () => Some(sentence),
        };

        let invoiced = t.to_be_invoiced(month(&account.post_usage.month, locale));
        let to_be_invoiced = figures::invoiced(&account.post_usage.amount, &account.currency, locale);
        let mut facts = Vec::new();
        if is_draining {
            facts.push((invoiced.clone(), to_be_invoiced.clone()));
        }
        if figures::is_positive(&account.held) || !is_complete {
            facts.push((t.reserved().to_owned(), shown(&account.held)));
        }
        if figures::is_positive(&account.owed) {
            let label = if is_complete { t.owed_on_invoice() } else { t.owed() };
            facts.push((label, figures::amount(&account.owed, &account.currency, locale)));
        }
        let expiry = account.next_expiry.as_ref().and_then(|next| {
            let days = figures::days_until(reader.now, next.expires_at.into())?;
            Some(Expiry {
                amount: shown(&next.amount),
                date: When::day(next.expires_at, locale),
                in_days: glossary::in_days(days, locale),
            })
        });
        let may_buy = reader.may_change && billing == BillingModel::Prepaid;
        let (heading, amount) = if is_complete && !is_draining {
            (invoiced, to_be_invoiced)
        } else {
            (t.available_balance().to_owned(), shown(&account.available))
        };
        Self {
            heading,
            amount,
            tag,
            sentence,
            facts,
            expiry,
            may_buy,
            offers_auto_recharge: may_buy && is_new && !account.auto_recharge.enabled,
        }
    }
}

fn month(name: &str, locale: Locale) -> String {
    Month::parse(name).map_or_else(|| name.to_owned(), |month| wording::month(month, locale))
}

impl SettingsCard {
    /// `open` is the amount of the recharge that has no outcome yet.
    fn new(account: &Account, open: Option<&str>, locale: Locale) -> Self {
        let t = OverviewWords(locale);
        let is_complete = account_view::is_post_usage(account);
        let billing = match account_view::billing_model(account) {
            BillingModel::Prepaid => None,
            BillingModel::Switching => Some(t.switch_waits()),
            BillingModel::PostUsage => Some(t.post_usage_billing().to_owned()),
        };
        let card = |card: &contract::Card| {
            let shown = account_view::card(card, locale);
            t.card_until(shown, format!("{:02}", card.exp_month), card.exp_year)
        };
        let emails = &account.notification_emails;
        let more = emails.len().saturating_sub(NAMED_RECIPIENTS);
        Self {
            billing,
            auto_recharge: (!is_complete).then(|| auto_recharge(account, open, locale)),
            card: account.payment_method.as_ref().map_or_else(|| t.no_card(), card),
            backup: account.backup.as_ref().map(card),
            po_number: account.po_number.clone(),
            recipients: emails.iter().take(NAMED_RECIPIENTS).cloned().collect(),
            more_recipients: (more > 0).then(|| t.more_recipients(more)),
            may_switch: !is_complete,
        }
    }
}

/// The state of auto-recharge. What holds it back is said by the notice on top, so what it is set to do is said here.
fn auto_recharge(account: &Account, open: Option<&str>, locale: Locale) -> (Tag, String) {
    let (tag, sentence) = account_view::recharge_state_with(account, open, locale);
    let recharge = &account.auto_recharge;
    let money = |amount: &Option<String>| figures::money(amount.as_deref()?, &account.currency);
    let is_held_back =
        ["waiting", "needsAction", "limited", "paused", "stopped"].contains(&recharge.state.as_str());
    match (money(&recharge.recharge_amount), money(&recharge.trigger_amount)) {
        (Some(amount), Some(trigger)) if is_held_back => {
            let set = RechargeState {
                state: "armed",
                amount: Some(amount),
                trigger: Some(trigger),
                ..RechargeState::default()
            };
            (tag, set.sentence(locale))
        }
        _ => (tag, sentence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::concerns::tests::account;
    use serde_json::{Value, json};

    fn reader(may_change: bool) -> Reader {
        Reader { locale: Locale::En, now: "2026-11-28T12:00:00Z".parse().unwrap(), may_change }
    }

    fn card(members: &Value) -> BalanceCard {
        BalanceCard::new(&account(members), false, reader(true))
    }

    #[test]
    fn the_available_balance_is_shown_and_what_is_owed_only_if_it_is() {
        let fine = card(&json!({}));
        assert_eq!((fine.amount.as_str(), fine.tag.text.as_str()), ("EUR\u{a0}145.50", "Active"));
        assert_eq!(fine.facts, [("Reserved for calls in progress".to_owned(), "EUR\u{a0}0.00".to_owned())]);
        assert!(fine.may_buy && !fine.offers_auto_recharge);
        let owing = card(
            &json!({"status": "depleted", "balance": "-3.2000", "available": "-3.2000", "owed": "3.2000"}),
        );
        assert_eq!((owing.amount.as_str(), owing.sentence), ("EUR\u{a0}\u{2212}3.20", None));
        assert_eq!(owing.facts[1].1, "EUR\u{a0}3.20");
    }

    #[test]
    fn a_new_account_is_told_what_funds_are_for() {
        let empty = account(&json!({"status": "depleted", "balance": "0.0000", "available": "0.0000"}));
        let new = BalanceCard::new(&empty, true, reader(true));
        assert!(
            new.offers_auto_recharge
                && new.sentence.is_some_and(|said| said.starts_with("You have not added funds yet."))
        );
        assert!(!BalanceCard::new(&empty, true, reader(false)).may_buy);
    }

    #[test]
    fn after_the_switch_the_invoice_takes_the_place_of_a_balance_that_is_used_up() {
        let members = |available: &str| {
            json!({"billingModel": "postUsage", "switch": "complete", "available": available,
            "postUsage": {"month": "2026-11", "amount": "12.3456"}})
        };
        let done = card(&members("0.0000"));
        assert_eq!(done.heading, "To be invoiced for November 2026");
        assert_eq!((done.amount.as_str(), done.may_buy), ("EUR\u{a0}12.35", false));
        let draining = card(&members("40.0000"));
        assert_eq!(
            (draining.heading.as_str(), draining.amount.as_str()),
            ("Available balance", "EUR\u{a0}40.00")
        );
        assert!(draining.facts.iter().any(|(_, amount)| amount == "EUR\u{a0}12.35"));
        let waiting = card(&json!({"billingModel": "postUsage", "switch": "pending"}));
        assert!(!waiting.may_buy && waiting.tag.text == "Active");
    }

    #[test]
    fn beside_the_state_that_the_notice_explains_stands_what_is_set() {
        let state = |state: &str| {
            let recharge =
                json!({"enabled": true, "state": state, "rechargeAmount": "100", "triggerAmount": "50"});
            auto_recharge(&account(&json!({"autoRecharge": recharge})), Some("200"), Locale::En)
        };
        let (tag, sentence) = state("stopped");
        assert_eq!(tag.text, "Stopped");
        assert_eq!(sentence, "Adds EUR\u{a0}100.00 when the balance reaches EUR\u{a0}50.00.");
        assert_eq!(state("charging").1, "Visa ending in 4242 is being charged EUR\u{a0}200.00.");
    }

    #[test]
    fn a_few_recipients_are_named() {
        let emails: Vec<_> = (1..=5).map(|number| format!("{number}@example.com")).collect();
        let settings = SettingsCard::new(&account(&json!({"notificationEmails": emails})), None, Locale::En);
        assert_eq!((settings.recipients.len(), settings.more_recipients.as_deref()), (3, Some("and 2 more")));
        assert_eq!(settings.card, "Visa ending in 4242, expires 04/2030");
    }
}

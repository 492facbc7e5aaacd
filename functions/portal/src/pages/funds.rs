//! The funds, and when they expire.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::get;
use contract::{Account, Lot, Lots, Purchases};
use domain::time::LATE_RECORDS;
use domain::{BillingModel, Locale, PaymentKind};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use wording::glossary;

use crate::Portal;
use crate::account_view;
use crate::failure::Failure;
use crate::figures::{self, When};
use crate::frame::{Frame, Place};
use crate::session::Visit;
use crate::words::FundsWords;

/// A page has so many funds.
const A_PAGE: usize = 50;

/// The receipts of so many of the newest purchases are named.
const RECEIPTS: &str = "100";

/// Funds that expire in so many days are marked.
const SOON_DAYS: i64 = 30;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/accounts/{id}/funds", get(show))
}

#[derive(Deserialize)]
struct Asked {
    /// How many funds to leave out that expire sooner.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "funds.html")]
struct Page {
    frame: Frame,
    t: FundsWords,
    id: String,
    may_buy: bool,
    funds: Vec<Row>,
    expired: Vec<Row>,
    /// How many more expired funds there are, if not all are shown.
    more_expired: Option<String>,
    /// Which of how many funds are shown, where not all are.
    shown: Option<String>,
    /// Labels and addresses of the funds before and after.
    more: Vec<(String, String)>,
    sum: Vec<Line>,
}

/// Funds that arrived at once.
struct Row {
    purchased: When,
    source: String,
    /// The page of the purchase, if they were bought.
    purchase: Option<String>,
    amount: String,
    /// The amount and the rest as numbers, for the meter.
    meter: (String, String),
    remaining: String,
    expires: When,
    in_days: String,
    is_soon: bool,
    /// Until when expired funds are used for calls that ended before.
    used_until: When,
}

/// A line of the sum.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    label: String,
    amount: String,
    /// Whether it is a part of the line before, and not of the sum.
    is_part: bool,
    is_total: bool,
}

async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let (api, locale) = (visit.api(), visit.locale);
    let lots = api.get(&["accounts", &id, "lots"]);
    let purchases = api.get(&["accounts", &id, "purchases"]).query("limit", RECEIPTS);
    let (account, lots, purchases) = tokio::join!(
        Box::pin(api.account(&id)),
        Box::pin(lots.answer::<Lots>()),
        Box::pin(purchases.answer::<Purchases>()),
    );
    let (account, lots) = (account?, lots?.lots);
    // Without them, funds are shown without the numbers of their receipts.
    let purchases = purchases.map(|page| page.purchases).unwrap_or_default();
    let receipts: BTreeMap<_, _> = purchases
        .into_iter()
        .filter_map(|purchase| Some((purchase.purchase_id, purchase.receipt_number?)))
        .collect();

    let t = FundsWords(locale);
    let (expired, usable): (Vec<_>, Vec<_>) =
        lots.iter().partition(|lot| Timestamp::from(lot.expires_at) <= visit.now);
    let row = |lot: &&Lot| Row::new(lot, &account, receipts.get(&lot.lot_id).copied(), visit.now, locale);
    let slice = Slice::of(usable.len(), &asked.after);
    let path = format!("/accounts/{id}/funds");
    let page = Page {
        frame: visit.frame_of(&account, t.title(), Place::Funds),
        t,
        may_buy: visit.may_change() && account_view::billing_model(&account) == BillingModel::Prepaid,
        funds: usable.iter().skip(slice.first).take(A_PAGE).map(row).collect(),
        expired: expired.iter().take(A_PAGE).map(row).collect(),
        more_expired: (expired.len() > A_PAGE).then(|| t.more_expired(expired.len() - A_PAGE)),
        shown: slice.is_part().then(|| t.shown(slice.first + 1, slice.end, slice.count)),
        more: slice.links(t, &path),
        sum: sum(&account, &expired, locale),
        id,
    };
    Ok(crate::frame::show(&page))
}

/// The part of the funds that a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slice {
    first: usize,
    end: usize,
    count: usize,
}

impl Slice {
    fn of(count: usize, after: &str) -> Self {
        let first = after.parse().ok().filter(|first| *first < count).unwrap_or(0);
        Self { first, end: count.min(first + A_PAGE), count }
    }

    fn is_part(self) -> bool {
        self.end - self.first < self.count
    }

    fn links(self, t: FundsWords, path: &str) -> Vec<(String, String)> {
        let before = (self.first > 0).then(|| (t.sooner(), self.first.saturating_sub(A_PAGE)));
        let after = (self.end < self.count).then(|| (t.later(), self.end));
        let links = before.into_iter().chain(after);
        links.map(|(label, after)| (label, format!("{path}?after={after}"))).collect()
    }
}

/// The kind of payment that added the funds, by the beginning of their id.
fn kind_of(lot: &Lot, locale: Locale) -> String {
    let begins = |kind: &PaymentKind| {
        lot.lot_id.strip_prefix(kind.id_prefix()).is_some_and(|rest| rest.starts_with('_'))
    };
    let kinds = [PaymentKind::Purchase, PaymentKind::Recharge, PaymentKind::Adjustment];
    let kind = kinds.into_iter().find(begins).map_or("reversal", PaymentKind::as_str);
    glossary::transaction_kind(kind, locale).into_owned()
}

impl Row {
    fn new(lot: &Lot, account: &Account, receipt: Option<u64>, now: Timestamp, locale: Locale) -> Self {
        let t = FundsWords(locale);
        let shown = |amount: &str| figures::rounded(amount, &account.currency, locale);
        let kind = kind_of(lot, locale);
        let days = figures::days_until(now, lot.expires_at.into()).unwrap_or_default();
        let purchase = lot.purchase_id.as_ref();
        Self {
            purchased: When::day(lot.purchased_at, locale),
            source: match receipt {
                Some(number) => t.receipt(kind, number),
                None => kind,
            },
            purchase: purchase
                .map(|purchase| format!("/accounts/{}/purchases/{purchase}", account.account_id)),
            amount: shown(&lot.amount),
            meter: (lot.amount.clone(), lot.remaining.clone()),
            remaining: t.of(shown(&lot.remaining), shown(&lot.amount)),
            expires: When::day(lot.expires_at, locale),
            in_days: glossary::in_days(days, locale),
            is_soon: days <= SOON_DAYS,
            used_until: When::minute(Timestamp::from(lot.expires_at) + LATE_RECORDS, locale),
        }
    }
}

/// How the balance is made up: the unspent funds less the owed amount.
fn sum(account: &Account, expired: &[&Lot], locale: Locale) -> Vec<Line> {
    let t = FundsWords(locale);
    let number = |amount: &str| amount.parse::<Decimal>().unwrap_or_default();
    let (balance, owed) = (number(&account.balance), number(&account.owed));
    let shown = |amount: Decimal| figures::amount(&amount.to_string(), &account.currency, locale);
    let line = |label: String, amount| Line { label, amount: shown(amount), is_part: false, is_total: false };
    let mut lines = vec![line(t.unspent(), balance + owed)];
    if !expired.is_empty() {
        let amount = expired.iter().map(|lot| number(&lot.remaining)).sum();
        lines.push(Line { is_part: true, ..line(t.part_expired(), amount) });
    }
    lines.push(line(t.owed().to_owned(), -owed));
    lines.push(Line { is_total: true, ..line(t.balance().to_owned(), balance) });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::concerns::tests::account;
    use serde_json::json;

    fn lot(id: &str, expires_at: &str) -> Lot {
        let lot = json!({"lotId": id, "purchasedAt": "2026-01-01T09:00:00.000Z", "expiresAt": expires_at,
            "amount": "100.0000", "remaining": "42.1050", "purchaseId": id.starts_with("pur_").then_some(id)});
        serde_json::from_value(lot).unwrap()
    }

    #[test]
    fn the_sum_adds_up_whatever_is_owed() {
        let account = account(&json!({"balance": "38.9050", "owed": "3.2000"}));
        let lot = lot("pur_1", "2026-11-27T00:00:00.000Z");
        let lines = sum(&account, &[&lot], Locale::En);
        let amounts: Vec<_> = lines.iter().map(|line| line.amount.replace('\u{a0}', " ")).collect();
        assert_eq!(amounts, ["EUR 42.1050", "EUR 42.1050", "EUR \u{2212}3.20", "EUR 38.9050"]);
        assert!(lines[1].is_part && lines[3].is_total);
    }

    #[test]
    fn funds_say_where_they_come_from() {
        for (id, expected) in
            [("pur_1", "Purchase"), ("rch_1", "Recharge"), ("adj_1", "Adjustment"), ("rev_1", "Reversal")]
        {
            assert_eq!(kind_of(&lot(id, "2027-01-01T00:00:00.000Z"), Locale::En), expected);
        }
    }

    #[test]
    fn funds_are_marked_thirty_days_before_they_expire() {
        let now = "2026-11-28T12:00:00Z".parse().unwrap();
        for (expires_at, is_soon) in [("2026-12-28T12:00:00.000Z", true), ("2026-12-28T12:00:01.000Z", false)]
        {
            let row = Row::new(&lot("pur_1", expires_at), &account(&json!({})), Some(7), now, Locale::En);
            assert_eq!((row.is_soon, row.source.as_str()), (is_soon, "Purchase, receipt 7"));
            assert_eq!(row.remaining, "EUR\u{a0}42.10 of EUR\u{a0}100.00");
        }
    }

    #[test]
    fn a_page_shows_a_part_of_many_funds() {
        let t = FundsWords(Locale::En);
        assert_eq!(Slice::of(50, ""), Slice { first: 0, end: 50, count: 50 });
        assert!(!Slice::of(50, "").is_part() && Slice::of(0, "7").links(t, "/f").is_empty());
        let addresses = |after: &str| {
            Slice::of(120, after).links(t, "/f").into_iter().map(|(_, address)| address).collect::<Vec<_>>()
        };
        assert_eq!(addresses(""), ["/f?after=50"]);
        assert_eq!(addresses("50"), ["/f?after=0", "/f?after=100"]);
        assert_eq!(addresses("100"), ["/f?after=50"]);
        assert_eq!(addresses("nonsense"), ["/f?after=50"]);
    }
}

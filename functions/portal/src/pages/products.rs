//! "Your products": where a person finds the product, as in the admin centre that this one follows.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contract::{Account, CallerAccount, Pool};
use domain::time::Month;
use domain::{BillingModel, Locale};
use futures_util::future::join_all;

use crate::Portal;
use crate::account_view::{self, DEPLETED, Tag};
use crate::failure::Failure;
use crate::figures;
use crate::frame::{Frame, Place};
use crate::session::Visit;
use crate::words::ProductsWords;

/// The plans of so many accounts are shown.
const READ_ACCOUNTS: usize = 10;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/products", get(show))
}

#[derive(Template)]
#[template(path = "products.html")]
struct Page {
    frame: Frame,
    t: ProductsWords,
    accounts: Vec<Row>,
    plans: Vec<Plan>,
    /// Whether an account could not be read, whose plans are missing therefore.
    is_incomplete: bool,
    /// Said where there are more accounts than are read.
    first_accounts: Option<String>,
}

/// An account that the person reaches.
struct Row {
    id: String,
    name: String,
    tag: Tag,
    /// The state of auto-recharge, if it is held back.
    recharge: Option<Tag>,
    /// Where something can be done about it.
    act: Option<String>,
    available: String,
}

/// A plan with its minutes.
struct Plan {
    organization: String,
    plan: String,
    country: String,
    licences: u32,
    used: u64,
    minutes: u64,
    sentence: String,
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    if visit.is_operator() {
        return Ok(Redirect::to("/operator/accounts").into_response());
    }
    let caller: contract::Caller = visit.api().get(&["caller"]).answer().await?;
    let (api, locale) = (visit.api(), visit.locale);
    let read = caller.accounts.iter().take(READ_ACCOUNTS).map(|account| api.account(&account.account_id));
    let read: Vec<_> = Box::pin(join_all(read)).await.into_iter().map(Result::ok).collect();

    let t = ProductsWords(locale);
    let known = read.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let rows = caller.accounts.iter().zip(known);
    let rows = rows.map(|(account, known)| Row::new(account, known, visit.may_change(), locale));
    let page = Page {
        frame: visit.frame(t.title(), Place::Products),
        t,
        accounts: rows.collect(),
        plans: read.iter().flatten().flat_map(|account| plans_of(account, locale)).collect(),
        is_incomplete: read.iter().any(Option::is_none),
        first_accounts: (caller.accounts.len() > READ_ACCOUNTS).then(|| t.of_first_accounts(READ_ACCOUNTS)),
    };
    Ok(crate::frame::show(&page))
}

impl Row {
    /// `known` is the whole account, if it was read.
    fn new(account: &CallerAccount, known: Option<&Account>, may_change: bool, locale: Locale) -> Self {
        let billing = known.map_or(BillingModel::Prepaid, account_view::billing_model);
        let needs_funds = account.status == DEPLETED && billing == BillingModel::Prepaid;
        let path = needs_funds.then_some("/funds/add");
        let (recharge, resolve) = match known.map(|known| (known, known.auto_recharge.state.as_str())) {
            // The product's page says what waits, and leads to the payment.
            Some((known, "needsAction")) => (Some(known), Some("")),
            Some((known, "waiting" | "limited" | "paused" | "stopped")) => {
                (Some(known), Some("/auto-recharge"))
            }
            _ => (None, None),
        };
        let act = resolve.or(path).filter(|_| may_change);
        Self {
            available: figures::rounded(&account.available, &account.currency, locale),
            tag: account_view::status(&account.status, billing, locale).0,
            recharge: recharge.map(|known| account_view::recharge_state(known, locale).0),
            act: act.map(|path| format!("/accounts/{}{path}", account.account_id)),
            id: account.account_id.clone(),
            name: account.name.clone(),
        }
    }
}

fn plans_of(account: &Account, locale: Locale) -> Vec<Plan> {
    let plan = |pool: &Pool| {
        let month = pool.months.first()?;
        let name = Month::parse(&month.month)
            .map_or_else(|| month.month.clone(), |name| wording::month(name, locale));
        let count = |count| wording::count(count, locale);
        Some(Plan {
            organization: account.name.clone(),
            plan: pool.plan.clone(),
            country: wording::country(&pool.country, locale).to_owned(),
            licences: pool.licences,
            used: month.used,
            minutes: month.minutes,
            sentence: ProductsWords(locale).minutes_used(count(month.used), count(month.minutes), name),
        })
    };
    account.pools.iter().filter_map(plan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::concerns::tests::account;
    use serde_json::{Value, json};

    fn row(members: &Value, may_change: bool) -> Row {
        let known = account(members);
        let listed = CallerAccount {
            account_id: known.account_id.clone(),
            name: known.name.clone(),
            currency: known.currency.clone(),
            status: known.status.clone(),
            available: known.available.clone(),
        };
        Row::new(&listed, Some(&known), may_change, Locale::En)
    }

    #[test]
    fn what_needs_somebody_is_told_in_the_list() {
        let recharge = |state: &str| json!({"autoRecharge": {"enabled": true, "state": state}});
        for (members, tag, recharge, act) in [
            (json!({}), "Active", None, None),
            (json!({"status": "depleted"}), "Depleted", None, Some("/accounts/contoso/funds/add")),
            (recharge("armed"), "Active", None, None),
            (recharge("stopped"), "Active", Some("Stopped"), Some("/accounts/contoso/auto-recharge")),
            (recharge("waiting"), "Active", Some("Waiting"), Some("/accounts/contoso/auto-recharge")),
            (recharge("needsAction"), "Active", Some("Needs you"), Some("/accounts/contoso")),
            (json!({"billingModel": "postUsage", "switch": "complete"}), "Post-usage", None, None),
            (
                json!({"billingModel": "postUsage", "switch": "pending", "status": "depleted"}),
                "Depleted",
                None,
                None,
            ),
        ] {
            let shown = row(&members, true);
            let text = shown.recharge.as_ref().map(|tag| tag.text.as_str());
            assert_eq!((shown.tag.text.as_str(), text, shown.act.as_deref()), (tag, recharge, act));
            assert_eq!(row(&members, false).act, None);
        }
    }

    #[test]
    fn plans_say_how_much_of_this_month_is_used() {
        let pool = json!({"poolId": "MCOPSTN1/FR", "plan": "MCOPSTN1", "country": "FR", "minutesPerLicence": 1200,
            "licences": 1, "services": [], "countries": [],
            "months": [{"month": "2026-11", "minutes": 1200, "used": 512}, {"month": "2026-10", "minutes": 0, "used": 0}]});
        let plans = plans_of(&account(&json!({"pools": [pool]})), Locale::En);
        assert_eq!(plans[0].sentence, "512 of 1,200 minutes used in November 2026 (UTC)");
        assert_eq!((plans[0].used, plans[0].minutes), (512, 1_200));
    }
}

//! "Your products": where a person finds the product, as in the admin centre that this one follows.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::Portal;
use crate::failure::Failure;
use crate::figures;
use crate::frame::{Frame, Place};
use crate::session::Visit;
use crate::words::ProductsWords;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/products", get(show))
}

#[derive(Template)]
#[template(path = "products.html")]
struct Page {
    frame: Frame,
    t: ProductsWords,
    accounts: Vec<Row>,
}

/// An account that the person reaches.
struct Row {
    id: String,
    name: String,
    is_depleted: bool,
    status: String,
    available: String,
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    if visit.is_operator() {
        return Ok(Redirect::to("/operator/accounts").into_response());
    }
    let caller: contract::Caller = visit.api().get(&["caller"]).answer().await?;
    let t = ProductsWords(visit.locale);
    let row = |account: contract::CallerAccount| Row {
        available: figures::rounded(&account.available, &account.currency, visit.locale),
        is_depleted: account.status == "depleted",
        status: if account.status == "depleted" { t.depleted() } else { t.active() },
        id: account.account_id,
        name: account.name,
    };
    let page = Page {
        frame: visit.frame(t.title(), Place::Products),
        t,
        accounts: caller.accounts.into_iter().map(row).collect(),
    };
    Ok(crate::frame::show(&page))
}

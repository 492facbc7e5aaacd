//! The pages, one file each. Each reads its content from the API, with the person's token.

mod add_funds;
mod auto_recharge;
mod chart;
mod concerns;
mod funds;
mod invoice;
mod limits;
mod notifications;
mod operator;
mod overview;
mod payment_method;
mod plans;
mod post_usage;
mod products;
mod purchase;
mod rates;
mod receipts;
mod refund;
mod settings;
mod transactions;
mod usage;

use std::sync::Arc;

use axum::Router;

use crate::Portal;

/// The routes of every page.
pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .merge(products::router())
        .merge(overview::router())
        .merge(funds::router())
        .merge(add_funds::router())
        .merge(purchase::router())
        .merge(refund::router())
        .merge(payment_method::router())
        .merge(receipts::router())
        .merge(auto_recharge::router())
        .merge(notifications::router())
        .merge(limits::router())
        .merge(post_usage::router())
        .merge(transactions::router())
        .merge(usage::router())
        .merge(rates::router())
        .merge(operator::router())
        .merge(invoice::router())
        .merge(plans::router())
}

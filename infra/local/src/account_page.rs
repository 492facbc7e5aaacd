//! An account's page: funds, auto-recharge, cards, receipts, invoices. Until there is a portal, links in mails lead here. All
//! of it is read and changed through the API's own handlers, as the operator; it works without scripting.

use anyhow::ensure;
use api::ApiGatewayV2httpResponse;
use askama::Template;
use aws_lambda_events::encodings::Body;
use axum::Router;
use axum::extract::{Form, Path, Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Machine;
use crate::account_view::{
    AUTO_RECHARGE, CardsForm, FUNDS, Outcome, PAYMENT_METHOD, Page, PurchaseForm, RECIPIENTS, RecipientsForm,
    SettingsForm,
};
use crate::demo::Operator;
use crate::gateway::respond;
use crate::page::broken;

/// The page and its forms.
pub fn router(machine: &Machine) -> Router {
    Router::new()
        .route("/accounts/{id}", get(show))
        .route("/accounts/{id}/purchases", post(buy))
        .route("/accounts/{id}/auto-recharge", post(set_auto_recharge))
        .route("/accounts/{id}/auto-recharge/resume", post(resume))
        .route("/accounts/{id}/payment-method", post(set_cards))
        .route("/accounts/{id}/recipients", post(set_recipients))
        .route("/accounts/{id}/receipts/{purchase}", get(receipt))
        .route("/accounts/{id}/invoices/{invoice}", get(invoice))
        .route("/accounts/{id}/invoices/{invoice}/calls", get(invoiced_calls))
        .with_state(machine.clone())
}

/// The query of the page's address.
#[derive(Deserialize)]
struct Arrival {
    #[serde(default)]
    done: String,
}

async fn show(machine: State<Machine>, Path(id): Path<String>, arrival: Query<Arrival>) -> Response {
    let outcome = Outcome::of_done(&arrival.done);
    Box::pin(render(&machine, &id, StatusCode::OK, |page| page.outcome = outcome)).await
}

async fn buy(machine: State<Machine>, Path(id): Path<String>, Form(form): Form<PurchaseForm>) -> Response {
    let Some(amount) = typed_amount(&form.amount) else {
        let again = |page: &mut Page| page.purchase = form;
        return Box::pin(refuse(&machine, &id, FUNDS, &["amount"], again)).await;
    };
    let body = json!({ "amount": amount });
    let route = "POST /v1/accounts/{id}/purchases";
    let answer = ask(&machine, &id, route, &form.key, body);
    let (status, answer) = match Box::pin(answer).await {
        Ok(answer) => (status_of(&answer), answer),
        Err(problem) => return broken(&problem),
    };
    let done = if status == StatusCode::CREATED { "bought" } else { "pending" };
    Box::pin(conclude(&machine, &id, &answer, FUNDS, done, |page| {
        page.purchase = form.again(status, &page.purchase.key);
    }))
    .await
}

async fn set_auto_recharge(
    machine: State<Machine>,
    Path(id): Path<String>,
    Form(form): Form<SettingsForm>,
) -> Response {
    let mut body = json!({ "enabled": form.enabled.is_some() });
    let mut wrong = Vec::new();
    for (field, amount) in [
        ("triggerAmount", &form.trigger_amount),
        ("rechargeAmount", &form.recharge_amount),
        ("monthlyLimit", &form.monthly_limit),
    ] {
        match typed_amount(amount) {
            Some(amount) => body[field] = amount.into(),
            None if amount.trim().is_empty() => {}
            None => wrong.push(field),
        }
    }
    if !wrong.is_empty() {
        let entered = |page: &mut Page| page.settings = form;
        return Box::pin(refuse(&machine, &id, AUTO_RECHARGE, &wrong, entered)).await;
    }
    let route = "PUT /v1/accounts/{id}/auto-recharge";
    let answer = ask(&machine, &id, route, "", body);
    match Box::pin(answer).await {
        Ok(answer) => {
            let entered = |page: &mut Page| page.settings = form;
            Box::pin(conclude(&machine, &id, &answer, AUTO_RECHARGE, "set", entered)).await
        }
        Err(problem) => broken(&problem),
    }
}

async fn resume(machine: State<Machine>, Path(id): Path<String>) -> Response {
    let route = "POST /v1/accounts/{id}/auto-recharge/resume";
    let answer = ask(&machine, &id, route, "", Value::Null);
    match Box::pin(answer).await {
        Ok(answer) => Box::pin(conclude(&machine, &id, &answer, AUTO_RECHARGE, "resumed", |_| {})).await,
        Err(problem) => broken(&problem),
    }
}

async fn set_cards(machine: State<Machine>, Path(id): Path<String>, Form(form): Form<CardsForm>) -> Response {
    let mut body = json!({ "paymentMethod": form.payment_method });
    if !form.backup.is_empty() {
        body["backup"] = form.backup.clone().into();
    }
    let route = "PUT /v1/accounts/{id}/payment-method";
    let answer = ask(&machine, &id, route, "", body);
    match Box::pin(answer).await {
        Ok(answer) => {
            let entered = |page: &mut Page| page.cards = form;
            Box::pin(conclude(&machine, &id, &answer, PAYMENT_METHOD, "saved", entered)).await
        }
        Err(problem) => broken(&problem),
    }
}

async fn set_recipients(
    machine: State<Machine>,
    Path(id): Path<String>,
    Form(form): Form<RecipientsForm>,
) -> Response {
    let body = json!({ "notificationEmails": form.addresses() });
    let answer = ask(&machine, &id, "PATCH /v1/accounts/{id}", "", body);
    match Box::pin(answer).await {
        Ok(answer) => {
            let entered = |page: &mut Page| page.recipients = form;
            Box::pin(conclude(&machine, &id, &answer, RECIPIENTS, "told", entered)).await
        }
        Err(problem) => broken(&problem),
    }
}

/// An amount as people type it, in the form that the API takes. One comma with one or two digits after it can only be a
/// decimal comma. `1,000` is refused, since it is a thousand to some people and one to others.
fn typed_amount(text: &str) -> Option<String> {
    let text = text.trim();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (separator, (whole, decimals)) = match (text.split_once('.'), text.split_once(',')) {
        (None, None) => return is_number(text).then(|| text.to_owned()),
        (Some(parts), None) => ('.', parts),
        (None, Some(parts)) => (',', parts),
        (Some(_), Some(_)) => return None,
    };
    let is_plain = is_number(whole) && is_number(decimals) && (separator == '.' || decimals.len() <= 2);
    is_plain.then(|| format!("{whole}.{decimals}"))
}

/// The page, with these fields marked since they hold no amount. The API is not called.
async fn refuse(
    machine: &Machine,
    id: &str,
    part: &'static str,
    fields: &[&str],
    entered: impl FnOnce(&mut Page),
) -> Response {
    let detail = "expected an amount such as 1000.50, without a separator of thousands";
    let errors: Vec<_> = fields.iter().map(|field| json!({ "field": field, "detail": detail })).collect();
    let outcome = Outcome::of_problem(part, &json!({ "errors": errors }));
    let with_outcome = |page: &mut Page| {
        entered(page);
        page.outcome = Some(outcome);
    };
    render(machine, id, StatusCode::UNPROCESSABLE_ENTITY, with_outcome).await
}

/// The receipt's PDF, as the API sends it.
async fn receipt(machine: State<Machine>, Path((id, purchase)): Path<(String, String)>) -> Response {
    let path = json!({ "id": id, "purchaseId": purchase });
    let route = "GET /v1/accounts/{id}/purchases/{purchaseId}/receipt";
    let operator = operator(&machine, &id);
    let answer = operator.answer(route, path, "", Value::Null);
    match Box::pin(answer).await {
        Ok(answer) => respond(answer),
        Err(problem) => broken(&problem),
    }
}

/// The invoice's PDF, as the API sends it.
async fn invoice(machine: State<Machine>, Path((id, invoice)): Path<(String, String)>) -> Response {
    Box::pin(invoice_as(&machine, &id, &invoice, "", "application/pdf")).await
}

/// The invoice's CSV, as the API sends it.
async fn invoiced_calls(
    machine: State<Machine>,
    Path((id, invoice)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    Box::pin(invoice_as(&machine, &id, &invoice, &query.unwrap_or_default(), "text/csv")).await
}

async fn invoice_as(machine: &Machine, id: &str, invoice: &str, query: &str, content_type: &str) -> Response {
    let path = json!({ "id": id, "invoiceId": invoice });
    let route = format!("GET /v1/accounts/{{id}}/invoices/{{invoiceId}}?{query}");
    match operator(machine, id).document(&route, path, content_type).await {
        Ok(answer) => respond(answer),
        Err(problem) => broken(&problem),
    }
}

fn operator<'a>(machine: &'a Machine, id: &'a str) -> Operator<'a> {
    Operator { machine, at: machine.clock.now(), account: id }
}

/// A function's answer about the account.
async fn ask(
    machine: &Machine,
    id: &str,
    route: &str,
    key: &str,
    body: Value,
) -> anyhow::Result<ApiGatewayV2httpResponse> {
    operator(machine, id).answer(route, path_of(id), key, body).await
}

fn path_of(id: &str) -> Value {
    json!({ "id": id })
}

fn status_of(answer: &ApiGatewayV2httpResponse) -> StatusCode {
    let status = u16::try_from(answer.status_code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn body_of(answer: &ApiGatewayV2httpResponse) -> anyhow::Result<Value> {
    let Some(Body::Text(body)) = &answer.body else { return Ok(Value::Null) };
    Ok(serde_json::from_str(body)?)
}

/// The response to a form. After a success it redirects to the page, so that reloading the page does not send the form
/// again. Otherwise it is the page with the errors beside the values that were entered.
async fn conclude(
    machine: &Machine,
    id: &str,
    answer: &ApiGatewayV2httpResponse,
    part: &'static str,
    done: &str,
    entered: impl FnOnce(&mut Page),
) -> Response {
    let status = status_of(answer);
    if status.is_success() {
        return Redirect::to(&format!("/accounts/{id}?done={done}#{part}")).into_response();
    }
    match body_of(answer) {
        Ok(problem) => {
            let with_outcome = |page: &mut Page| {
                entered(page);
                page.outcome = Some(Outcome::of_problem(part, &problem));
            };
            render(machine, id, status, with_outcome).await
        }
        Err(problem) => broken(&problem),
    }
}

/// The page, with the changes that a form's outcome makes.
async fn render(machine: &Machine, id: &str, status: StatusCode, change: impl FnOnce(&mut Page)) -> Response {
    let page = match read(machine, id).await {
        Ok(Some(mut page)) => {
            change(&mut page);
            page.render().map_err(anyhow::Error::from)
        }
        Ok(None) => return (StatusCode::NOT_FOUND, "There is no such account.").into_response(),
        Err(problem) => Err(problem),
    };
    match page {
        Ok(page) => (status, Html(page)).into_response(),
        Err(problem) => broken(&problem),
    }
}

async fn read(machine: &Machine, id: &str) -> anyhow::Result<Option<Page>> {
    let operator = operator(machine, id);
    let route = "GET /v1/accounts/{id}";
    let answer = operator.answer(route, path_of(id), "", Value::Null).await?;
    if status_of(&answer) == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let account = body_of(&answer)?;
    ensure!(status_of(&answer).is_success(), "{route} answered {}: {account}", answer.status_code);
    let route = "GET /v1/accounts/{id}/purchases";
    let purchases = operator.call(route, "", Value::Null).await?;
    let invoices = operator.call("GET /v1/accounts/{id}/invoices", "", Value::Null).await?;
    Page::of(&account, &purchases, &invoices, operator.at, machine.clock.set_to().is_some()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_a_point_where_it_can_be_nothing_else() {
        for (typed, amount) in [
            ("100", "100"),
            (" 100.50 ", "100.50"),
            ("100,50", "100.50"),
            ("0,5", "0.5"),
            ("1000.125", "1000.125"),
        ] {
            assert_eq!(typed_amount(typed).as_deref(), Some(amount), "{typed}");
        }
        for typed in
            ["", "1,000", "1.000,50", "1,000.50", "1 000", ",50", "50,", "1,2,3", "-5", "+5", "1e3", "50 €"]
        {
            assert_eq!(typed_amount(typed), None, "{typed}");
        }
    }
}

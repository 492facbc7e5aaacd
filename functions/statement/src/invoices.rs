//! Invoices, one as JSON, CSV or PDF (S8). What an invoice says was fixed when it was issued; its calls are the entries that were posted
//! in its month, which never change.

use api::{Problem, Reply, Request};
use contract::Transaction;
use domain::statement::Lines;
use domain::time::{Days, day_before, day_of};
use domain::{Account, EntryKind, Invoice, PaymentId};
use jiff::Timestamp;
use receipts::invoice::Paper;
use store::list::{Cursor, Posted, PostedPlace};
use tokio::time::Instant;

use crate::balances::now_of;
use crate::receipt::Pdf;
use crate::statement::opening;
use crate::sums::{self, ENTRIES_A_PAGE, NoSums};
use crate::{Ports, READERS, csv};

/// A page of an invoice's CSV ends after about this many bytes: the entries that are read at once may add 1.5 MB, and JSON's escapes a
/// third, and a function may answer with 6 MB.
pub const CSV_BYTES: usize = 2_500_000;

/// List invoices
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/invoices",
    operation_id = "listInvoices",
    tag = "Invoices",
    params(
        ("id" = String, Path, description = "The account"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 100, description = "50 by default"),
    ),
    responses(
        (status = 200, description = "A page, newest first", body = contract::Invoices),
        (status = 422, description = "A parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let (cursor, limit) = request.page()?;
    ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let page = ports.store.invoices(&id, cursor.as_ref(), limit).await?;
    let invoices = page.items.iter().map(|invoice| contract::Invoice::show(invoice, request.now())).collect();
    let next = page.next.map(|next| next.encoded());
    Ok(Reply::json(200, &contract::Invoices { invoices, next }))
}

/// Read an invoice
///
/// The answer is JSON. With `Accept: application/pdf` it is a PDF in the account's language: how the amount comes about, and the calls
/// of the month by service and destination. With `Accept: text/csv` it is CSV in UTF-8 with a byte order mark: the calls that the
/// invoice asks for, the operator's corrections, calls taken back, and what was owed at a switch. The column `postUsage`, summed up
/// over all pages, is `charges`. For moments after the invoice was issued, a record that came late may be missing. The header `Link`
/// leads to the next page, whose query has `cursor`; a page may be short.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/invoices/{invoiceId}",
    operation_id = "getInvoice",
    tag = "Invoices",
    params(
        ("id" = String, Path, description = "The account"),
        ("invoiceId" = String, Path, description = "The invoice"),
        ("cursor" = Option<String>, Query, description = "Of CSV, where the page begins: from the `Link` of the page before"),
    ),
    responses(
        (status = 200, description = "The invoice; with CSV and PDF, `Content-Disposition` names the file", content(
            (contract::Invoice = "application/json"),
            (String = "text/csv"),
            (inline(Pdf) = "application/pdf"),
        ), headers(("Link" = String, description = "Of CSV: the next page, if there is one"))),
        (status = 404, description = "There is no such invoice", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Of PDF: not all days of the month could be summed up in the time of a request. Send the same request again after `Retry-After` seconds; it goes on with the days that are left", body = contract::ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))),
    )
)]
pub async fn show(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let none = || Problem::NotFound("invoice");
    let (cursor, _) = request.page()?;
    ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let invoice_id = request.path("invoiceId").and_then(|id| PaymentId::parse(id).ok()).ok_or_else(none)?;
    let invoice = ports.store.invoice(&id, &invoice_id).await?.ok_or_else(none)?;
    // The account is read after the invoice, so that it has all entries of the invoice's month.
    let (account, profile) = ports.store.account_with_profile(&id).await?.ok_or(Problem::NoAccount)?;
    let accept = request.header("accept").unwrap_or_default();
    if accept.starts_with("text/csv") {
        calls(ports, &invoice, cursor).await
    } else if accept.starts_with("application/pdf") {
        let now = now_of(request, &account);
        let lines = lines(ports, &account, &invoice, now).await?;
        let paper = Paper { invoice: &invoice, lines: lines.as_ref(), locale: profile.locale };
        Ok(Reply::pdf(paper.pdf(), &file_name(&invoice, "pdf")))
    } else {
        Ok(Reply::json(200, &contract::Invoice::show(&invoice, request.now())))
    }
}

fn posted_in_its_month(invoice: &Invoice) -> Posted {
    let month = invoice.closed.month;
    Posted::between(month.start(), month.end()).expect("a month has some length")
}

/// What was posted in the month; `None` if that is more than a document has room for.
async fn lines(
    ports: &Ports,
    account: &Account,
    invoice: &Invoice,
    now: Timestamp,
) -> Result<Option<Lines>, Problem> {
    let until = ports.until();
    let month = invoice.closed.month;
    let first = day_of(month.start()).max(day_of(account.created_at));
    let days =
        Days::between(first, day_before(day_of(month.end()))).expect("an account exists when it is charged");
    let opening = opening(ports, account, first).await?;
    let left_before = opening.post_usage.amount;
    let period = sums::Period { account, days, opening, now, until };
    let lines = match sums::of_period(&ports.store, period).await {
        Ok(lines) => lines,
        Err(NoSums::TooMany(_)) => return Ok(None),
        Err(NoSums::Problem(problem)) => return Err(problem),
    };
    // What was left to invoices before the month and what the month added is what the invoice asks for and carries over.
    let left = left_before + lines.sum(|_| true).post_usage;
    if left == invoice.closed.amount + invoice.closed.carried_over {
        return Ok(Some(lines));
    }
    Err(Problem::Unavailable(format!(
        "the entries of invoice {} of {} come to {left}",
        invoice.id(),
        account.id
    )))
}

/// A page of the entries that the invoice asks for.
async fn calls(ports: &Ports, invoice: &Invoice, cursor: Option<Cursor>) -> Result<Reply, Problem> {
    let (account, posted) = (&invoice.account, posted_in_its_month(invoice));
    let place = cursor.map(|cursor| PostedPlace::of(account, &cursor).ok_or_else(Problem::cursor));
    let mut place = place.transpose()?.unwrap_or_default();
    let until = ports.until();
    let mut rows = Vec::new();
    let next = loop {
        let (page, next) = ports.store.posted(account, posted, place, ENTRIES_A_PAGE).await?;
        let asked = page.iter().filter(|entry| !entry.post_usage.is_zero());
        let asked = asked.filter(|entry| entry.details.kind() != EntryKind::Invoice);
        rows.extend(asked.map(|entry| (Transaction::from(entry), entry.post_usage)));
        match next {
            None => break None,
            Some(next) if csv::size_of(&rows) >= ports.csv_bytes || Instant::now() >= until => {
                break Some(next.cursor().encoded());
            }
            Some(next) => place = next,
        }
    };
    let name = format!("attachment; filename=\"{}\"", file_name(invoice, "csv"));
    let reply = csv::invoice(&rows)?.with_header("content-disposition", &name);
    Ok(match next {
        Some(next) => reply.with_header("link", &format!("<?cursor={next}>; rel=\"next\"")),
        None => reply,
    })
}

/// A name such as `invoice-CONTOSO-0007.pdf`.
fn file_name(invoice: &Invoice, extension: &str) -> String {
    let id = invoice.account.as_str().to_ascii_uppercase();
    format!("invoice-{id}-{:04}.{extension}", invoice.closed.number)
}

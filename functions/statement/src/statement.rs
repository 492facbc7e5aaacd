//! The statement of a period (T2, T3).

use api::{Problem, Reply, Request};
use domain::Account;
use domain::account::DayEnd;
use domain::statement::Statement;
use domain::time::{Days, day_before, day_of};
use jiff::Timestamp;
use jiff::civil::Date;
use receipts::statement::Paper;

use crate::balances::{end_of, exists, is_over_or_today, now_of, period};
use crate::receipt::Pdf;
use crate::sums::{self, NoSums};
use crate::{Ports, READERS, csv};

/// Read a statement
///
/// The statement says how the opening balance became the closing balance: the entries of each kind that were posted in the
/// period, and of calls also their services and destinations. It adds up to the last decimal. Days are in UTC.
///
/// The answer is JSON. With `Accept: text/csv` it is CSV in UTF-8 with a byte order mark: the opening balance, the lines, the
/// closing balance and the lots. The column `amount`, summed up from the opening balance to the last line, is the closing
/// balance. With `Accept: application/pdf` it is a PDF in the account's language.
///
/// For operator, admin and viewer.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/statement",
    operation_id = "getStatement",
    tag = "Statements",
    params(
        ("id" = String, Path, description = "The account"),
        ("from" = Date, Query, description = "The first day"),
        ("to" = Date, Query, description = "The last day, at most today and 399 days after the first"),
    ),
    responses(
        (status = 200, description = "The statement; with CSV and PDF, `Content-Disposition` names the file", content(
            (contract::Statement = "application/json"),
            (String = "text/csv"),
            (inline(Pdf) = "application/pdf"),
        )),
        (status = 413, description = "The period has more than 3,000 lines", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not all days of the period could be summed up in the time of a request. Send the same request again after `Retry-After` seconds; it goes on with the days that are left", body = contract::ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))),
    )
)]
pub async fn show(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&READERS)?;
    let days = period(request)?;
    let (account, profile) = ports.store.account_with_profile(&id).await?.ok_or(Problem::NoAccount)?;
    let now = now_of(request, &account);
    is_over_or_today("to", days.last(), now)?;
    exists("to", days.last(), &account)?;
    let statement = statement(ports, &account, days, now).await?;
    let shown = contract::Statement::show(&account, &profile, days, &statement, now);
    let accept = request.header("accept").unwrap_or_default();
    if accept.starts_with("text/csv") {
        let name = format!("attachment; filename=\"{}\"", file_name(&account, days, "csv"));
        Ok(csv::statement(&shown)?.with_header("content-disposition", &name))
    } else if accept.starts_with("application/pdf") {
        let paper = Paper { account: &account, profile: &profile, days, statement: &statement, now };
        Ok(Reply::pdf(paper.pdf(), &file_name(&account, days, "pdf")))
    } else {
        Ok(Reply::json(200, &shown))
    }
}

/// The statement of these days. The account is read before its entries, and entries of later commits are left out.
async fn statement(
    ports: &Ports,
    account: &Account,
    days: Days,
    now: Timestamp,
) -> Result<Statement, Problem> {
    let until = ports.until();
    let opening = opening(ports, account, days.first()).await?;
    let closing = end_of(ports, account, days.last(), "to").await?;
    let period = sums::Period { account, days, opening: opening.clone(), now, until };
    let lines = sums::of_period(&ports.store, period).await.map_err(|problem| match problem {
        NoSums::TooMany(problem) => Problem::TooLarge(format!("{problem}; ask for a shorter period")),
        NoSums::Problem(problem) => problem,
    })?;
    Statement::new(opening, lines, closing).map_err(|problem| {
        Problem::Unavailable(format!(
            "the statement of {} for {days:?} does not add up: {problem}",
            account.id
        ))
    })
}

/// The account before this day.
pub(crate) async fn opening(ports: &Ports, account: &Account, day: Date) -> Result<DayEnd, Problem> {
    if day <= day_of(account.created_at) {
        return Ok(DayEnd::before_creation(account));
    }
    end_of(ports, account, day_before(day), "from").await
}

/// A name such as `statement-CONTOSO-2026-11-01-2026-11-30.pdf`.
fn file_name(account: &Account, days: Days, extension: &str) -> String {
    let id = account.id.as_str().to_ascii_uppercase();
    format!("statement-{id}-{}-{}.{extension}", days.first(), days.last())
}

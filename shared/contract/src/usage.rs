//! Usage reports as answers show them.

use domain::usage_report::Figures;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::instant::Instant;

/// What the calls of a period came to, by one dimension. Days are in UTC, and a call belongs to the day of its start.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    /// The instant of the account's last change when the report was made. Every change up to it is counted; one that came while
    /// the report was made may be counted as well.
    pub as_of: Instant,
    /// The first day of the period.
    pub from: Date,
    /// The day after the last day of the period.
    pub to: Date,
    /// The dimension.
    #[schema(example = "destination")]
    pub group_by: String,
    /// The currency's code in ISO 4217.
    pub currency: String,
    /// The groups with the greatest charges, greatest first.
    pub groups: Vec<UsageGroup>,
    /// The figures of all further groups together, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<UsageFigures>,
    /// The figures of all calls that are counted.
    pub total: UsageFigures,
    /// The days of the period that are not counted, because they could not be totalled in the time of a request. Send the same
    /// request again after `Retry-After` seconds: it goes on with these days.
    pub pending: Vec<Date>,
}

/// Calls that have a user, a destination or another dimension in common.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageGroup {
    /// The user, the destination, the code of the country (ISO 3166-1 alpha-2), the service, the plan, the cost centre, or the
    /// day. It is left out for calls that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "France")]
    pub key: Option<String>,
    /// The figures of the calls.
    #[serde(flatten)]
    pub figures: UsageFigures,
}

/// What calls came to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageFigures {
    /// The number of calls. A reversed call does not count, and one without a rate does.
    pub calls: u64,
    /// Their durations in minutes, rounded to two decimals.
    #[schema(example = "61.05")]
    pub minutes: String,
    /// Their billed durations in minutes, rounded to two decimals: each duration is rounded up to the increments of its rate. A
    /// record that came with its charge has its duration as billed, and one without a rate has none.
    #[schema(example = "64.00")]
    pub billed_minutes: String,
    /// The minutes that pools gave.
    pub included_minutes: u64,
    /// Their charges, however they were paid.
    pub charge: String,
}

impl UsageGroup {
    /// The answer for a group.
    pub fn of(key: Option<&str>, figures: &Figures) -> Self {
        Self { key: key.map(str::to_owned), figures: figures.into() }
    }
}

impl From<&Figures> for UsageFigures {
    fn from(figures: &Figures) -> Self {
        Self {
            calls: figures.calls,
            minutes: minutes(figures.seconds),
            billed_minutes: minutes(figures.billed_seconds),
            included_minutes: figures.included_minutes,
            charge: figures.charge.to_string(),
        }
    }
}

/// Seconds as minutes with two decimals, rounded half up.
fn minutes(seconds: u64) -> String {
    let hundredths = (u128::from(seconds) * 100 + 30) / 60;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_have_two_decimals_and_are_rounded_half_up() {
        for (seconds, shown) in [
            (0, "0.00"),
            (1, "0.02"),
            (3, "0.05"),
            (61, "1.02"),
            (3_663, "61.05"),
            (u64::MAX, "307445734561825860.25"),
        ] {
            assert_eq!(minutes(seconds), shown, "{seconds}");
        }
    }
}

//! The chart of balance and spending: a month by day, once for wide screens, and its last fortnight for narrow ones.
//!
//! It is written as SVG with whole numbers as coordinates. Shapes and labels carry the meaning, and the style sheet only the colours,
//! so that it reads the same in the dark, in print and without colours.

use std::fmt::Write;

use askama::Template;
use contract::{Account, Balances, DayBalance};
use domain::time::{Month, day_before, day_of};
use domain::{Currency, Locale, Money};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use wording::glossary;

use crate::account_view;
use crate::api::{ApiError, Client};
use crate::figures;
use crate::words::{ChartWords, FrameWords};

/// A month that a chart shows, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    month: Month,
    first: Date,
    last: Date,
    is_over: bool,
}

impl Period {
    /// The month that was asked for, or the present one.
    pub(super) fn of(asked: Option<&str>, now: Timestamp) -> Self {
        let present = Month::of(now);
        let asked = asked.and_then(Month::parse).filter(|month| *month <= present);
        let month = asked.unwrap_or(present);
        let is_over = month < present;
        let last = if is_over { day_before(day_of(month.end())) } else { day_of(now) };
        Self { month, first: day_of(month.start()), last, is_over }
    }

    /// Reads the balances of the month. There are none of a month before the account.
    pub(super) async fn read(self, api: Client<'_>, account: &str) -> Result<Balances, ApiError> {
        let call = api.get(&["accounts", account, "balances"]);
        let call = call.query("from", &self.first.to_string()).query("to", &self.last.to_string());
        match call.answer().await {
            Err(error) if error.status() == Some(422) => Ok(Balances { days: Vec::new() }),
            answer => answer,
        }
    }

    fn days(self) -> i64 {
        days_between(self.first, day_of(self.month.end()))
    }
}

fn days_between(first: Date, after: Date) -> i64 {
    i64::from((after - first).get_days())
}

/// The part of a page that the chart stands in.
#[derive(Template)]
#[template(path = "chart.html")]
pub(super) struct ChartCard {
    frame: FrameWords,
    t: ChartWords,
    title: String,
    /// Labels and addresses of the month before and after.
    months: Vec<(String, String)>,
    body: Body,
}

enum Body {
    Drawn(Box<Drawn>),
    /// There is nothing to draw, and this is why.
    Nothing(String),
    /// The balances could not be read. The address tries again.
    NotLoaded(String),
}

/// A chart with all that stands beneath it.
struct Drawn {
    drawings: [Drawing; 2],
    legend: Vec<(&'static str, String)>,
    sentence: String,
    caption: String,
    rows: Vec<Row>,
    has_changes: bool,
}

/// A day in the table.
struct Row {
    date: Date,
    balance: String,
    spent: String,
    changes: String,
}

impl ChartCard {
    /// The chart of this account. `is_new` says that it never had funds.
    pub(super) fn new(
        account: &Account,
        period: Period,
        balances: Option<Balances>,
        is_new: bool,
        locale: Locale,
    ) -> Self {
        let t = ChartWords(locale);
        let month = wording::month(period.month, locale);
        let address = |month: Month| format!("/accounts/{}?month={month}#chart", account.account_id);
        let body = match balances {
            None => Body::NotLoaded(address(period.month)),
            Some(_) if is_new => Body::Nothing(t.not_bought()),
            Some(balances) => match Series::read(&balances.days, account, period, locale) {
                Some(series) => Body::Drawn(Box::new(series.draw(t, account, &month))),
                None if account_view::is_post_usage(account) && !period.is_over => {
                    Body::Nothing(t.funds_used_up())
                }
                None => Body::Nothing(t.nothing(&month)),
            },
        };
        let mut months = Vec::new();
        if !is_new && period.month > Month::of(account.created_at.into()) {
            let before = period.month.previous();
            months.push((t.month_before(wording::month(before, locale)), address(before)));
        }
        if period.is_over {
            let after = Month::of(period.month.end());
            months.push((t.month_after(wording::month(after, locale)), address(after)));
        }
        Self { frame: FrameWords(locale), t, title: t.title(&month), months, body }
    }

    fn drawn(&self) -> Option<&Drawn> {
        match &self.body {
            Body::Drawn(drawn) => Some(drawn),
            Body::Nothing(_) | Body::NotLoaded(_) => None,
        }
    }

    fn nothing(&self) -> Option<&str> {
        match &self.body {
            Body::Nothing(why) => Some(why),
            Body::Drawn(_) | Body::NotLoaded(_) => None,
        }
    }

    fn again(&self) -> Option<&str> {
        match &self.body {
            Body::NotLoaded(address) => Some(address),
            Body::Drawn(_) | Body::Nothing(_) => None,
        }
    }
}

/// A day as numbers.
#[derive(Clone, Copy, Debug)]
struct Day {
    date: Date,
    balance: Decimal,
    spent: Decimal,
    added: Decimal,
    expired: Decimal,
    other: Decimal,
}

impl Day {
    fn read(day: &DayBalance) -> Option<Self> {
        let movement = |amount: &Option<String>| match amount {
            Some(amount) => amount.parse().ok(),
            None => Some(Decimal::ZERO),
        };
        Some(Self {
            date: day.date,
            balance: day.balance.parse().ok()?,
            spent: movement(&day.spent)?,
            added: movement(&day.added)?,
            expired: movement(&day.expired)?,
            other: movement(&day.other)?,
        })
    }

    fn is_quiet(&self) -> bool {
        [self.balance, self.spent, self.added, self.expired, self.other].iter().all(Decimal::is_zero)
    }
}

/// The days of a period.
struct Series {
    days: Vec<Day>,
    period: Period,
    trigger: Option<Decimal>,
    currency: Currency,
    locale: Locale,
}

impl Series {
    /// None if the days hold nothing to show.
    fn read(days: &[DayBalance], account: &Account, period: Period, locale: Locale) -> Option<Self> {
        let currency = Currency::parse(&account.currency).ok()?;
        let days: Vec<_> = days.iter().map(Day::read).collect::<Option<_>>()?;
        if days.iter().all(Day::is_quiet) {
            return None;
        }
        // The trigger amount of a past month is not known.
        let is_set = account.auto_recharge.enabled && !period.is_over;
        let trigger = account.auto_recharge.trigger_amount.as_deref().filter(|_| is_set);
        let trigger = trigger.and_then(|amount| amount.parse().ok());
        Some(Self { days, period, trigger, currency, locale })
    }

    fn draw(&self, t: ChartWords, account: &Account, month: &str) -> Drawn {
        let fortnight = &self.days[self.days.len().saturating_sub(NARROW_DAYS)..];
        let narrow_count = i64::try_from(NARROW_DAYS).unwrap_or(i64::MAX);
        let narrow_first = self.period.last.saturating_sub(jiff::Span::new().days(narrow_count - 1));
        let narrow_first = narrow_first.max(self.period.first);
        let wide = Frame { id: "chart-wide", class: "wide-only", width: 720, every: 7 };
        let narrow = Frame { id: "chart-narrow", class: "narrow-only", width: 360, every: 3 };
        let drawings = [
            self.drawing(t, &wide, &self.days, self.period.first, self.period.days()),
            self.drawing(t, &narrow, fortnight, narrow_first, narrow_count),
        ];
        let mut legend = Vec::new();
        if self.days.iter().any(|day| day.added > Decimal::ZERO) {
            legend.push(("▲", t.added()));
        }
        if self.days.iter().any(|day| day.expired > Decimal::ZERO) {
            legend.push(("✕", t.expired()));
        }
        if let Some(trigger) = self.trigger {
            legend.push(("╌", t.trigger(self.amount(trigger))));
        }
        Drawn {
            drawings,
            legend,
            sentence: self.sentence(t, account, month),
            caption: t.table_caption(month, self.currency.code()),
            rows: self.days.iter().map(|day| self.row(t, day)).collect(),
            has_changes: self.days.iter().any(|day| !self.changes(t, day).is_empty()),
        }
    }

    fn money(&self, amount: Decimal, rounding: RoundingStrategy) -> Option<Money> {
        let rounded = amount.round_dp_with_strategy(self.currency.minor_digits(), rounding);
        Money::in_minor_units(rounded, self.currency).ok()
    }

    /// With the currency, to the nearest minor unit.
    fn amount(&self, amount: Decimal) -> String {
        let money = self.money(amount, RoundingStrategy::MidpointAwayFromZero);
        let text = money.map_or_else(|| amount.to_string(), |money| wording::amount(money, self.locale));
        figures::with_minus(&text)
    }

    /// A balance, of which a fraction of a minor unit is left out.
    fn balance(&self, balance: Decimal) -> String {
        figures::rounded(&balance.to_string(), self.currency.code(), self.locale)
    }

    fn number(&self, amount: Decimal, rounding: RoundingStrategy) -> String {
        let money = self.money(amount, rounding);
        let text = money.map_or_else(|| amount.to_string(), |money| wording::number(money, self.locale));
        figures::with_minus(&text)
    }

    /// A number on an axis or at a mark: without decimals if it is whole.
    fn short(&self, amount: Decimal) -> String {
        match u64::try_from(amount.abs()) {
            Ok(whole) if amount.fract().is_zero() => {
                let minus = if amount < Decimal::ZERO { "\u{2212}" } else { "" };
                format!("{minus}{}", wording::count(whole, self.locale))
            }
            _ => self.number(amount, RoundingStrategy::MidpointAwayFromZero),
        }
    }

    fn total(&self, part: fn(&Day) -> Decimal) -> Decimal {
        self.days.iter().map(part).sum()
    }

    /// The sum that was spent, and how long the rest lasts at this pace.
    fn sentence(&self, t: ChartWords, account: &Account, month: &str) -> String {
        let spent = self.total(|day| day.spent);
        let is_invoiced = account_view::is_post_usage(account);
        let count = i64::try_from(self.days.len()).unwrap_or(i64::MAX);
        let days = glossary::days(count, self.locale);
        match (self.period.is_over, is_invoiced) {
            // Charges on the invoice are spending, too, but not of funds.
            (true, true) => return t.drawn_in(self.amount(spent), month),
            (true, false) => return t.spent_in(self.amount(spent), month),
            (false, true) => return t.drawn_so_far(self.amount(spent), days),
            (false, false) => {}
        }
        let available: Decimal = account.available.parse().unwrap_or_default();
        match days_left(available, spent, count) {
            Some(left) => {
                let left = about(t, left, self.locale);
                t.spent_and_pace(self.amount(spent), days, self.balance(available), left)
            }
            None => t.spent_so_far(self.amount(spent), days),
        }
    }

    fn changes(&self, t: ChartWords, day: &Day) -> String {
        let number = |amount| self.number(amount, RoundingStrategy::MidpointAwayFromZero);
        let mut changes = Vec::new();
        if !day.added.is_zero() {
            changes.push(t.change_added(format!("+{}", number(day.added))));
        }
        if !day.expired.is_zero() {
            changes.push(t.change_expired(number(-day.expired)));
        }
        if !day.other.is_zero() {
            let sign = if day.other > Decimal::ZERO { "+" } else { "" };
            changes.push(t.change_other(format!("{sign}{}", number(day.other))));
        }
        changes.join(", ")
    }

    fn row(&self, t: ChartWords, day: &Day) -> Row {
        Row {
            date: day.date,
            balance: self.number(day.balance, RoundingStrategy::ToNegativeInfinity),
            spent: self.number(day.spent, RoundingStrategy::MidpointAwayFromZero),
            changes: self.changes(t, day),
        }
    }

    /// The numbers of the drawing in words.
    fn description(&self, t: ChartWords, days: &[Day]) -> String {
        let day = |day: &Day| wording::day(day.date, self.locale);
        let total = |part: fn(&Day) -> Decimal| self.amount(days.iter().map(part).sum());
        let movements =
            t.describe_movements(total(|day| day.spent), total(|day| day.added), total(|day| day.expired));
        match days {
            [] => movements,
            [only] => format!("{} {movements}", t.describe_one(self.balance(only.balance), day(only))),
            [first, .., last] => {
                let (from, to) = (self.balance(first.balance), self.balance(last.balance));
                let balances = || days.iter().map(|day| day.balance);
                let (lowest, highest) = (balances().min(), balances().max());
                let shown = |balance: Option<Decimal>| self.balance(balance.unwrap_or_default());
                let ends = t.describe_balance(from, day(first), to, day(last));
                format!("{ends} {} {movements}", t.describe_extremes(shown(lowest), shown(highest)))
            }
        }
    }
}

/// The days that the rest lasts at the pace so far. None where there is no pace to speak of.
fn days_left(available: Decimal, spent: Decimal, days: i64) -> Option<i64> {
    const FEWEST_DAYS: i64 = 3;
    if days < FEWEST_DAYS || spent <= Decimal::ZERO || available <= Decimal::ZERO {
        return None;
    }
    let left = available.checked_mul(Decimal::from(days))?.checked_div(spent)?;
    Some(i64::try_from(left.trunc()).unwrap_or(i64::MAX))
}

/// So many days, in the unit that people would say.
fn about(t: ChartWords, days: i64, locale: Locale) -> String {
    match days {
        ..=0 => t.less_than_a_day(),
        1..=13 => t.about_days(glossary::days(days, locale)),
        14..=59 => t.about_weeks((days + 3) / 7),
        60..=730 => t.about_months((days + 15) / 30),
        _ => t.more_than_two_years(),
    }
}

/// A narrow screen has room for so many days.
const NARROW_DAYS: usize = 14;

/// The outer form of a drawing.
struct Frame {
    id: &'static str,
    class: &'static str,
    width: i64,
    /// The days between two labels of days.
    every: i64,
}

/// Letters are at most so wide, in a type of 13 pixels.
const LETTER_WIDTH: i64 = 8;
/// Labels nearer than this would touch.
const LINE_HEIGHT: i64 = 14;
/// Where marks stand: above the line, so that neither they nor their labels cross it.
const MARK_LABEL_Y: i64 = 34;
const MARK_Y: i64 = 43;
const MARKS_HEIGHT: i64 = 24;
const BALANCE_TITLE: i64 = 14;
/// The panel of the balance.
const BALANCE_TOP: i64 = 58;
const BALANCE_BOTTOM: i64 = 188;
/// The panel of spending.
const SPENDING_TITLE: i64 = 218;
const SPENDING_TOP: i64 = 232;
const SPENDING_BOTTOM: i64 = 292;
const DAYS_Y: i64 = 310;
const HEIGHT: i64 = 316;

/// A drawing, ready to be written.
struct Drawing {
    id: &'static str,
    class: &'static str,
    width: i64,
    /// Where it begins: there is no room for marks where there are none.
    top: i64,
    name: String,
    description: String,
    balance_title: String,
    spending_title: String,
    left: i64,
    right: i64,
    ticks: Vec<Tick>,
    line: String,
    area: String,
    trigger: Option<Tick>,
    marks: Vec<Mark>,
    bars: String,
    days: Vec<(i64, i8)>,
}

/// A number at an axis.
#[derive(Debug, PartialEq, Eq)]
struct Tick {
    y: i64,
    label: String,
}

/// Funds that came or were lost.
struct Mark {
    x: i64,
    /// Whether they came.
    is_added: bool,
    /// Left out where it would touch the one before.
    label: Option<String>,
}

impl Mark {
    fn path(&self) -> String {
        if self.is_added {
            format!("M{} {}h12l-6-10z", self.x - 6, MARK_Y + 5)
        } else {
            format!("M{} {}l10 10m0-10l-10 10", self.x - 5, MARK_Y - 5)
        }
    }
}

/// An axis from one value to another, and where they lie.
struct Axis {
    least: Decimal,
    most: Decimal,
    top: i64,
    bottom: i64,
}

impl Axis {
    fn y(&self, value: Decimal) -> i64 {
        let range = self.most - self.least;
        let height = Decimal::from(self.bottom - self.top);
        let above = (value.clamp(self.least, self.most) - self.least) * height / range;
        self.bottom - i64::try_from(above.round()).unwrap_or_default()
    }
}

/// A round number that is at least this one.
fn round_up(value: Decimal) -> Decimal {
    let mut unit = Decimal::ONE;
    while unit * Decimal::TEN <= value {
        unit *= Decimal::TEN;
    }
    while unit > value && !value.is_zero() {
        unit /= Decimal::TEN;
    }
    let steps = [1, 2, 4, 6, 8, 10].map(|step| unit * Decimal::from(step));
    steps.into_iter().find(|step| *step >= value).unwrap_or(value)
}

impl Series {
    fn drawing(&self, t: ChartWords, frame: &Frame, days: &[Day], first: Date, count: i64) -> Drawing {
        let balances = || days.iter().map(|day| day.balance).chain(self.trigger);
        let most = round_up(balances().max().unwrap_or_default().max(Decimal::ZERO));
        let least = balances().min().unwrap_or_default().min(Decimal::ZERO);
        let least = if least.is_zero() { least } else { -round_up(-least) };
        let balance = Axis { least, most, top: BALANCE_TOP, bottom: BALANCE_BOTTOM };
        let most_spent =
            round_up(days.iter().map(|day| day.spent).max().unwrap_or_default().max(Decimal::ZERO));
        let spending =
            Axis { least: Decimal::ZERO, most: most_spent, top: SPENDING_TOP, bottom: SPENDING_BOTTOM };
        let mut ticks = self.ticks(&balance, &[Decimal::ZERO, most, least, most / Decimal::TWO]);
        ticks.extend(self.ticks(&spending, &[Decimal::ZERO, most_spent]));
        let trigger = self.trigger.map(|amount| Tick { y: balance.y(amount), label: self.short(amount) });
        let width_of =
            |label: &String| i64::try_from(label.chars().count()).unwrap_or_default() * LETTER_WIDTH;
        let left = ticks.iter().map(|tick| width_of(&tick.label)).max().unwrap_or_default() + 8;
        let margin = trigger.iter().map(|tick| width_of(&tick.label) + 8).max().unwrap_or(4);
        let right = frame.width - margin;
        let x = |date: Date| left + (right - left) * days_between(first, date) / count;
        let after = |date: Date| left + (right - left) * (days_between(first, date) + 1) / count;

        let (mut line, mut bars) = (String::new(), String::new());
        for day in days {
            let (from, to, y) = (x(day.date), after(day.date), balance.y(day.balance));
            let step = if line.is_empty() { format!("M{from} {y}H{to}") } else { format!("V{y}H{to}") };
            line.push_str(&step);
            if day.spent > Decimal::ZERO {
                // A charge shows, however small it is.
                let (inset, top) = ((to - from) / 6, spending.y(day.spent).min(SPENDING_BOTTOM - 1));
                let (height, width) = (SPENDING_BOTTOM - top, to - from - 2 * inset);
                let _ = write!(bars, "M{} {SPENDING_BOTTOM}v-{height}h{width}v{height}z", from + inset);
            }
        }
        let zero = balance.y(Decimal::ZERO);
        let ends = days.first().zip(days.last()).map(|(first, last)| (x(first.date), after(last.date)));
        let area = ends.map(|(from, _)| format!("{line}V{zero}H{from}z")).unwrap_or_default();
        let labelled = |day: &i64| day % frame.every == 0 && *day < count;
        let days_shown = (0..count).filter(labelled).filter_map(|day| {
            let date = first.checked_add(jiff::Span::new().days(day)).ok()?;
            Some((i64::midpoint(x(date), after(date)), date.day()))
        });
        let marks = self.marks(days, frame.width, |date| i64::midpoint(x(date), after(date)));
        let names = ends.is_some().then(|| days.first().zip(days.last())).flatten();
        let in_currency = |what: &str| t.in_currency(what, self.currency.code());
        Drawing {
            id: frame.id,
            class: frame.class,
            width: frame.width,
            name: names.map_or_else(String::new, |(first, last)| {
                let day = |day: &Day| wording::day(day.date, self.locale);
                t.name(day(first), day(last))
            }),
            description: self.description(t, days),
            balance_title: in_currency(t.balance()),
            spending_title: in_currency(&t.spending()),
            left,
            right,
            ticks,
            area,
            line,
            trigger,
            top: if marks.is_empty() { MARKS_HEIGHT } else { 0 },
            marks,
            bars,
            days: days_shown.collect(),
        }
    }

    /// Numbers at an axis, the first ones first. One is left out where it would touch another, or has more decimals than the currency.
    fn ticks(&self, axis: &Axis, values: &[Decimal]) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = Vec::new();
        for value in values {
            let y = axis.y(*value);
            let fits = ticks.iter().all(|tick| (tick.y - y).abs() >= LINE_HEIGHT);
            if fits && value.normalize().scale() <= self.currency.minor_digits() {
                ticks.push(Tick { y, label: self.short(*value) });
            }
        }
        ticks
    }

    fn marks(&self, days: &[Day], width: i64, middle: impl Fn(Date) -> i64) -> Vec<Mark> {
        let mut marks = Vec::new();
        let mut free_from = 0;
        for day in days {
            let x = middle(day.date);
            let added = (day.added > Decimal::ZERO).then(|| (true, format!("+{}", self.short(day.added))));
            let lost = (day.expired > Decimal::ZERO).then(|| (false, self.short(-day.expired)));
            // Two marks of one day stand side by side.
            let apart = if added.is_some() && lost.is_some() { 8 } else { 0 };
            for (is_added, label) in added.into_iter().chain(lost) {
                let x = if is_added { x - apart } else { x + apart };
                let half = i64::try_from(label.chars().count()).unwrap_or_default() * LETTER_WIDTH / 2;
                let fits = x - half >= free_from && x + half <= width;
                if fits {
                    free_from = x + half + 4;
                }
                marks.push(Mark { x, is_added, label: fits.then_some(label) });
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::concerns::tests::account;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn november() -> Period {
        Period::of(None, at("2026-11-28T12:00:00Z"))
    }

    fn day(date: &str, balance: &str, spent: &str) -> DayBalance {
        let day = json!({"date": date, "balance": balance, "available": balance, "spent": spent,
            "added": "0.0000", "expired": "0.0000", "other": "0.0000"});
        serde_json::from_value(day).unwrap()
    }

    /// A day of each date of November so far.
    fn busy_month() -> Vec<DayBalance> {
        let mut days: Vec<_> = (1..=28)
            .map(|number| {
                let balance = Decimal::from(160 - number * 4) + Decimal::new(5_012, 4);
                day(&format!("2026-11-{number:02}"), &balance.to_string(), "4.0000")
            })
            .collect();
        days[9].added = Some("100.0000".to_owned());
        days[10].added = Some("50.0000".to_owned());
        days[20].expired = Some("42.1000".to_owned());
        days
    }

    fn series(days: &[DayBalance]) -> Series {
        let account = account(
            &json!({"autoRecharge": {"enabled": true, "state": "armed", "triggerAmount": "50.0000"}}),
        );
        Series::read(days, &account, november(), Locale::En).unwrap()
    }

    fn wide(series: &Series) -> Drawing {
        series
            .draw(ChartWords(Locale::En), &account(&json!({})), "November 2026")
            .drawings
            .into_iter()
            .next()
            .unwrap()
    }

    #[test]
    fn a_period_is_a_month_as_far_as_it_has_come() {
        let now = at("2026-11-28T12:00:00Z");
        for (asked, first, last) in [
            (None, "2026-11-01", "2026-11-28"),
            (Some("2026-10"), "2026-10-01", "2026-10-31"),
            (Some("2026-12"), "2026-11-01", "2026-11-28"),
            (Some("nonsense"), "2026-11-01", "2026-11-28"),
        ] {
            let period = Period::of(asked, now);
            assert_eq!((period.first.to_string(), period.last.to_string()), (first.into(), last.into()));
        }
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, expected) in [
            ("0", "1"),
            ("0.03", "0.04"),
            ("1", "1"),
            ("16.2", "20"),
            ("148", "200"),
            ("999", "1000"),
            ("5000", "6000"),
        ] {
            let value: Decimal = value.parse().unwrap();
            assert_eq!(round_up(value), expected.parse().unwrap(), "{value}");
        }
    }

    #[test]
    fn values_lie_on_whole_pixels_between_the_ends() {
        let axis = Axis { least: Decimal::from(-10), most: Decimal::from(90), top: 0, bottom: 100 };
        for (value, y) in [("-10", 100), ("0", 90), ("90", 0), ("44.6", 45), ("500", 0)] {
            assert_eq!(axis.y(value.parse().unwrap()), y, "{value}");
        }
    }

    #[test]
    fn the_line_steps_from_day_to_day_and_spending_stands_beneath() {
        let days =
            [day("2026-11-01", "100", "0"), day("2026-11-02", "50", "50"), day("2026-11-03", "50", "0.0001")];
        let drawing = wide(&series(&days));
        // Left: the labels 100, 50 and 0. Right: the trigger amount.
        assert_eq!((drawing.left, drawing.right), (32, 696));
        assert_eq!(drawing.top, MARKS_HEIGHT, "no funds came");
        assert_eq!(drawing.line, "M32 58H54V123H76V123H98");
        assert_eq!(drawing.area, "M32 58H54V123H76V123H98V188H32z");
        assert_eq!(drawing.bars, "M57 292v-50h16v50zM79 292v-1h16v1z");
        assert_eq!(drawing.trigger, Some(Tick { y: 123, label: "50".into() }));
        assert_eq!(drawing.days.iter().map(|(_, day)| *day).collect::<Vec<_>>(), [1, 8, 15, 22, 29]);
    }

    #[test]
    fn a_balance_below_zero_has_an_axis_of_its_own() {
        let drawing = wide(&series(&[day("2026-11-01", "-80", "0"), day("2026-11-02", "100", "0")]));
        let ticks: Vec<_> = drawing.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(ticks, ["0", "100", "\u{2212}80", "50", "0", "1"]);
    }

    #[test]
    fn labels_of_marks_do_not_touch() {
        let marks = wide(&series(&busy_month())).marks;
        let shown: Vec<_> = marks.iter().map(|mark| (mark.is_added, mark.label.as_deref())).collect();
        assert_eq!(shown, [(true, Some("+100")), (true, None), (false, Some("\u{2212}42.10"))]);
    }

    #[test]
    fn a_narrow_drawing_has_the_last_fortnight() {
        let drawn = series(&busy_month()).draw(ChartWords(Locale::En), &account(&json!({})), "November 2026");
        let [_, narrow] = &drawn.drawings;
        assert_eq!((drawn.drawings[0].top, narrow.top), (0, 0));
        assert_eq!(narrow.name, "Balance and spending from 15 November 2026 to 28 November 2026");
        assert!(narrow.description.contains("EUR\u{a0}56.00"), "{}", narrow.description);
    }

    #[test]
    fn a_month_that_is_over_is_drawn_to_its_end_and_without_the_trigger_amount() {
        let period = Period::of(Some("2026-10"), at("2026-11-28T12:00:00Z"));
        let account =
            account(&json!({"autoRecharge": {"enabled": true, "state": "armed", "triggerAmount": "50"}}));
        let days: Vec<_> = (25..=31).map(|number| day(&format!("2026-10-{number}"), "100", "1")).collect();
        let series = Series::read(&days, &account, period, Locale::En).unwrap();
        let drawn = series.draw(ChartWords(Locale::En), &account, "October 2026");
        for drawing in &drawn.drawings {
            assert_eq!(drawing.trigger, None);
            assert!(drawing.line.ends_with(&format!("H{}", drawing.right)), "{}", drawing.line);
        }
        let [_, narrow] = &drawn.drawings;
        assert_eq!(narrow.days.iter().map(|(_, day)| *day).collect::<Vec<_>>(), [18, 21, 24, 27, 30]);
    }

    #[test]
    fn the_pace_is_said_where_there_is_one() {
        for (available, spent, days, expected) in [
            ("100", "10", 2, None),
            ("100", "0", 20, None),
            ("0", "10", 20, None),
            ("100", "100", 10, Some(10)),
            ("9", "100", 10, Some(0)),
        ] {
            let (available, spent) = (available.parse().unwrap(), spent.parse().unwrap());
            assert_eq!(days_left(available, spent, days), expected);
        }
        let t = ChartWords(Locale::En);
        for (days, said) in [
            (0, "less than a day"),
            (1, "about 1 day"),
            (13, "about 13 days"),
            (20, "about 3 weeks"),
            (75, "about 3 months"),
            (731, "more than two years"),
        ] {
            assert_eq!(about(t, days, Locale::En), said);
        }
    }

    #[test]
    fn what_an_invoice_asks_for_is_not_said_to_be_spent_from_funds() {
        let series = series(&busy_month());
        let said = |members| series.sentence(ChartWords(Locale::En), &account(&members), "November 2026");
        assert_eq!(
            said(json!({})).replace('\u{a0}', " "),
            "You spent EUR 112.00 in 28 days. At this pace, EUR 145.50 last about 5 weeks."
        );
        let switched = json!({"billingModel": "postUsage", "switch": "complete"});
        assert_eq!(said(switched).replace('\u{a0}', " "), "Calls used EUR 112.00 of your funds in 28 days.");
    }

    #[test]
    fn nothing_is_drawn_of_days_without_a_balance() {
        let account = account(&json!({}));
        assert!(
            Series::read(&[day("2026-11-01", "0.0000", "0")], &account, november(), Locale::En).is_none()
        );
        assert!(Series::read(&[], &account, november(), Locale::En).is_none());
    }

    #[test]
    fn both_drawings_of_a_month_fit_into_the_budget() {
        let account = account(
            &json!({"autoRecharge": {"enabled": true, "state": "armed", "triggerAmount": "50.0000"}}),
        );
        for locale in Locale::ALL {
            let balances = Some(Balances { days: busy_month() });
            let chart = ChartCard::new(&account, november(), balances, false, locale);
            let html = chart.render().unwrap();
            let (drawings, table) = html.split_once("<details").unwrap();
            assert!(drawings.len() <= 8 * 1024, "{}", drawings.len());
            assert!(table.len() <= 8 * 1024, "{}", table.len());
            assert!(!html.contains("style="));
        }
    }
}

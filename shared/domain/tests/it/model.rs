//! A second, naive implementation of an account. It counts whole ledger units, searches the list of lots for the next one to
//! pay, and has a calendar of its own. It shares no code with the domain, so a mistake goes unnoticed only if it is made twice.

use std::collections::BTreeSet;

/// An amount in hundredths of the currency's minor unit, the unit of the ledger (T3).
pub(crate) type Units = i128;
/// An instant or a duration in milliseconds; instants count from 1970 (UTC).
pub(crate) type Ms = i64;

pub(crate) const SECOND: Ms = 1000;
pub(crate) const HOUR: Ms = 3600 * SECOND;
pub(crate) const DAY: Ms = 24 * HOUR;
const LATE: Ms = 72 * HOUR;

/// Funds that expire together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lot {
    pub id: String,
    pub purchased: Ms,
    pub expires: Ms,
    pub amount: Units,
    pub left: Units,
    /// Warnings, in days before the expiry, whose instant has passed and was noted.
    passed: BTreeSet<i64>,
}

impl Lot {
    fn pays_at(&self, instant: Ms) -> bool {
        self.left > 0 && instant < self.expires
    }

    /// Warnings whose instant has passed and is not noted yet.
    fn newly_passed(&self, now: Ms) -> Vec<i64> {
        [60, 30, 7]
            .into_iter()
            .filter(|days| self.expires - days * DAY <= now && !self.passed.contains(days))
            .collect()
    }

    fn to_book(&self, now: Ms) -> bool {
        self.left > 0 && self.expires + LATE <= now
    }
}

/// A journal entry as the model expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub key: String,
    pub at: Ms,
    pub amount: Units,
    pub balance: Units,
    pub draws: Vec<(String, Units)>,
    pub post_usage: Units,
}

/// An event as the model expects it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    Added { id: String, amount: Units, expires: Ms, receipt: Option<u64> },
    Declined { id: String, amount: Units },
    Depleted { available: Units },
    Expiring { lot: String, amount: Units, expires: Ms, days: i64 },
    Expired { lot: String, amount: Units, at: Ms },
    Issued { number: usize, amount: Units, due: Ms },
    Overdue { number: usize, days: i64 },
    Paid { number: usize },
    Voided { number: usize },
}

/// An invoice, as the model keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    due: Ms,
    told: Vec<i64>,
    ended: bool,
}

impl Claim {
    /// The reminders that are due, and were not given.
    fn newly_overdue(&self, now: Ms) -> Vec<i64> {
        let due = |days: &i64| self.due + days * DAY <= now && !self.told.contains(days);
        [14, 30].into_iter().filter(|days| !self.ended && due(days)).collect()
    }
}

/// The entries and events of one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commit {
    pub rows: Vec<Row>,
    pub told: Vec<Told>,
}

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    BelowMinimum,
    AboveMaximum,
    NotChargeable,
    PostUsage,
    Zero,
    Expiry,
    BeyondAvailable(Units),
}

/// What a call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    ToRate,
    Given(Units),
    /// A charge that is refused because of this field.
    Bad(&'static str),
}

/// A finished call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub id: String,
    pub start: Ms,
    pub seconds: i64,
    pub service: &'static str,
    /// Whether the record comes from a report, which does not distinguish `premium` from `userOut`.
    pub by_rates: bool,
    pub number: &'static str,
    pub charge: Charge,
    /// Whether it names another currency than the account's.
    pub in_other_currency: bool,
}

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Charged(Units),
    Unrated,
    Refused(String),
}

/// A published price, in millionths of the currency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Price {
    pub service: &'static str,
    pub prefix: &'static str,
    pub per_minute: i128,
    pub fee: i128,
    pub first: i64,
    pub next: i64,
    pub from: Ms,
}

/// The account of the model.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub prepaid: bool,
    /// Decimals of the minor unit.
    pub minor_digits: u32,
    pub minimum: Units,
    pub maximum: Units,
    pub prices: Vec<Price>,
    pub as_of: Ms,
    pub version: u64,
    /// In no order. Used and forfeited lots stay in the list, with nothing left.
    pub lots: Vec<Lot>,
    pub owed: Units,
    pub post_usage: Units,
    pub pending: Vec<String>,
    pub receipts: u64,
    pub invoices: Vec<Claim>,
    above_zero: bool,
}

impl Model {
    pub(crate) fn new(
        prepaid: bool,
        minor_digits: u32,
        limits: (Units, Units),
        prices: Vec<Price>,
        now: Ms,
    ) -> Self {
        Self {
            prepaid,
            minor_digits,
            minimum: limits.0,
            maximum: limits.1,
            prices,
            as_of: now,
            version: 1,
            lots: Vec::new(),
            owed: 0,
            post_usage: 0,
            pending: Vec::new(),
            receipts: 0,
            invoices: Vec::new(),
            above_zero: false,
        }
    }

    pub(crate) fn balance(&self) -> Units {
        self.lots.iter().map(|lot| lot.left).sum::<Units>() - self.owed
    }

    pub(crate) fn available(&self, now: Ms) -> Units {
        self.lots.iter().filter(|lot| lot.pays_at(now)).map(|lot| lot.left).sum::<Units>() - self.owed
    }

    /// The next expiry of usable funds.
    pub(crate) fn next_expiry(&self, now: Ms) -> Option<Ms> {
        self.lots.iter().filter(|lot| lot.pays_at(now)).map(|lot| lot.expires).min()
    }

    /// The instant of the next warning or booking.
    pub(crate) fn due_for_expiry(&self) -> Option<Ms> {
        let warnings =
            |lot: &Lot| lot.newly_passed(Ms::MAX).into_iter().map(|days| lot.expires - days * DAY).min();
        let due = |lot: &Lot| warnings(lot).unwrap_or(lot.expires + LATE);
        self.lots.iter().filter(|lot| lot.left > 0).map(due).min()
    }

    pub(crate) fn depleted(&self, now: Ms) -> bool {
        self.prepaid && self.available(now) <= 0
    }

    pub(crate) fn open(&mut self, clock: Ms, id: &str, amount: Units) -> Result<Commit, Refusal> {
        if !self.prepaid {
            return Err(Refusal::PostUsage);
        }
        if amount < self.minimum {
            return Err(Refusal::BelowMinimum);
        }
        if amount > self.maximum {
            return Err(Refusal::AboveMaximum);
        }
        if amount % 100 != 0 {
            return Err(Refusal::NotChargeable);
        }
        let commit = self.begin(clock);
        self.pending.push(id.into());
        Ok(self.end(commit))
    }

    pub(crate) fn succeed(&mut self, clock: Ms, id: &str, asked: Ms, amount: Units) -> Commit {
        let mut commit = self.begin(clock);
        self.pending.retain(|pending| pending != id);
        self.receipts += 1;
        let expires = a_year_after(asked);
        self.add(id, asked, expires, amount);
        commit.told.push(Told::Added { id: id.into(), amount, expires, receipt: Some(self.receipts) });
        self.row(&mut commit, asked, &format!("purchase#{id}"), amount, Vec::new(), 0);
        self.end(commit)
    }

    pub(crate) fn decline(&mut self, clock: Ms, id: &str, amount: Units) -> Commit {
        let mut commit = self.begin(clock);
        self.pending.retain(|pending| pending != id);
        commit.told.push(Told::Declined { id: id.into(), amount });
        self.end(commit)
    }

    /// The payment stays open, and no money moves.
    pub(crate) fn look_later(&mut self, clock: Ms) -> Commit {
        let commit = self.begin(clock);
        self.end(commit)
    }

    pub(crate) fn adjust(
        &mut self,
        clock: Ms,
        id: &str,
        amount: Units,
        expires: Option<Ms>,
        allow_negative: bool,
    ) -> Result<Commit, Refusal> {
        let now = clock.max(self.as_of);
        if amount == 0 {
            return Err(Refusal::Zero);
        }
        if expires.is_some_and(|expires| amount < 0 || expires <= now) {
            return Err(Refusal::Expiry);
        }
        if amount < 0 && !allow_negative && -amount > self.available(now) {
            return Err(Refusal::BeyondAvailable(self.available(now)));
        }
        let mut commit = self.begin(clock);
        let (mut draws, mut post_usage) = (Vec::new(), 0);
        if amount > 0 {
            let expires = expires.unwrap_or_else(|| a_year_after(now));
            self.add(id, now, expires, amount);
            commit.told.push(Told::Added { id: id.into(), amount, expires, receipt: None });
        } else {
            let (paid, rest) = self.pay(-amount, now);
            draws = paid;
            if self.prepaid {
                self.owed += rest;
            } else {
                self.post_usage += rest;
                post_usage = rest;
            }
        }
        self.row(&mut commit, now, &format!("adjustment#{id}"), amount + post_usage, draws, post_usage);
        Ok(self.end(commit))
    }

    pub(crate) fn debit(&mut self, clock: Ms, calls: &[Call]) -> (Option<Commit>, Vec<Outcome>) {
        let now = clock.max(self.as_of);
        let outcomes: Vec<_> = calls.iter().map(|call| self.cost(call, now)).collect();
        if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused(_))) {
            return (None, outcomes);
        }
        let mut commit = self.begin(clock);
        for (call, outcome) in calls.iter().zip(&outcomes) {
            let key = format!("usage#{}#1", call.id);
            match *outcome {
                Outcome::Charged(charge) => {
                    let (mut draws, mut rest) = self.pay(charge, draws_at(call, now));
                    if call.start + call.seconds * SECOND > now {
                        // It ends in the future: lots that are usable now pay the rest.
                        let (more, left) = self.pay(rest, now);
                        draws.extend(more);
                        rest = left;
                    }
                    let post_usage = if self.prepaid { 0 } else { rest };
                    self.owed += rest - post_usage;
                    self.post_usage += post_usage;
                    self.row(&mut commit, call.start, &key, post_usage - charge, draws, post_usage);
                }
                Outcome::Unrated => self.row(&mut commit, call.start, &key, 0, Vec::new(), 0),
                Outcome::Refused(_) => {}
            }
        }
        (Some(self.end(commit)), outcomes)
    }

    pub(crate) fn sweep(&mut self, clock: Ms) -> Option<Commit> {
        let now = clock.max(self.as_of);
        let due = |lot: &Lot| lot.to_book(now) || lot.left > 0 && !lot.newly_passed(now).is_empty();
        if !self.lots.iter().any(due) {
            return None;
        }
        let mut commit = self.begin(clock);
        let mut places: Vec<_> =
            (0..self.lots.len()).filter(|&place| self.lots[place].to_book(now)).collect();
        places.sort_by_key(|&place| (self.lots[place].expires, self.lots[place].id.clone()));
        for place in places {
            let Lot { id, expires, left, .. } = self.lots[place].clone();
            self.lots[place].left = 0;
            self.row(&mut commit, expires, &format!("expiry#{id}"), -left, Vec::new(), 0);
            commit.told.push(Told::Expired { lot: id, amount: left, at: expires });
        }
        for lot in self.lots.iter_mut().filter(|lot| lot.left > 0) {
            let passed = lot.newly_passed(now);
            let last = passed.iter().min().filter(|_| now < lot.expires);
            if let Some(&days) = last {
                let Lot { id, expires, left, .. } = lot.clone();
                commit.told.push(Told::Expiring { lot: id, amount: left, expires, days });
            }
            lot.passed.extend(passed);
        }
        Some(self.end(commit))
    }

    pub(crate) fn run_invoices(&mut self, clock: Ms) -> Option<Commit> {
        let now = clock.max(self.as_of);
        let closes = month_of(now) != month_of(self.as_of) && self.post_usage >= 50;
        let is_due = self.invoices.iter().any(|invoice| !invoice.newly_overdue(now).is_empty());
        if !closes && !is_due {
            return None;
        }
        let mut commit = self.begin(clock);
        for (place, invoice) in self.invoices.iter_mut().enumerate() {
            let overdue = invoice.newly_overdue(now);
            if let Some(&days) = overdue.iter().max() {
                commit.told.push(Told::Overdue { number: place + 1, days });
            }
            invoice.told.extend(overdue);
        }
        Some(self.end(commit))
    }

    /// Marks an invoice as paid or void, if it is open.
    pub(crate) fn end_invoice(&mut self, clock: Ms, place: usize, paid: bool) -> Option<Commit> {
        if self.invoices[place].ended {
            return None;
        }
        let mut commit = self.begin(clock);
        self.invoices[place].ended = true;
        let number = place + 1;
        commit.told.push(if paid { Told::Paid { number } } else { Told::Voided { number } });
        Some(self.end(commit))
    }

    /// Begins a commit: moves the account's time forward (T1) and closes the past month (S8).
    fn begin(&mut self, clock: Ms) -> Commit {
        let before = month_of(self.as_of);
        self.as_of = self.as_of.max(clock);
        self.version += 1;
        let mut commit = Commit::default();
        if month_of(self.as_of) != before {
            let invoiced = (self.post_usage + 50).div_euclid(100) * 100;
            self.post_usage -= invoiced;
            if invoiced != 0 {
                let (year, month) = before;
                let key = format!("invoice#{year:04}-{month:02}");
                self.row(&mut commit, end_of_month(before), &key, 0, Vec::new(), -invoiced);
                let due = (self.as_of + 30 * DAY).div_euclid(DAY) * DAY + DAY - 1;
                self.invoices.push(Claim { due, told: Vec::new(), ended: false });
                commit.told.push(Told::Issued { number: self.invoices.len(), amount: invoiced, due });
            }
        }
        commit
    }

    /// Ends a commit: adds the event of a crossing to zero or below (N3).
    fn end(&mut self, mut commit: Commit) -> Commit {
        let available = self.available(self.as_of);
        if self.above_zero && available <= 0 {
            commit.told.push(Told::Depleted { available });
        }
        // A minor unit is a hundred ledger units. Less than that does not arm the event again.
        self.above_zero = available >= 100 || self.above_zero && available > 0;
        commit
    }

    /// Adds funds, which repay the owed amount first (F7).
    fn add(&mut self, id: &str, purchased: Ms, expires: Ms, amount: Units) {
        let repaid = amount.min(self.owed);
        self.owed -= repaid;
        let mut lot =
            Lot { id: id.into(), purchased, expires, amount, left: amount - repaid, passed: BTreeSet::new() };
        lot.passed.extend(lot.newly_passed(self.as_of));
        self.lots.push(lot);
    }

    /// Pays from the usable lot with the earliest expiry, again and again (S1). Lots that expire together pay in the order of
    /// their ids.
    fn pay(&mut self, charge: Units, instant: Ms) -> (Vec<(String, Units)>, Units) {
        let mut rest = charge;
        let mut draws = Vec::new();
        while rest > 0 {
            let payers = self.lots.iter_mut().filter(|lot| lot.pays_at(instant));
            let Some(payer) = payers.min_by_key(|lot| (lot.expires, lot.id.clone())) else { break };
            let part = rest.min(payer.left);
            payer.left -= part;
            rest -= part;
            draws.push((payer.id.clone(), part));
        }
        (draws, rest)
    }

    fn row(
        &self,
        commit: &mut Commit,
        at: Ms,
        id: &str,
        amount: Units,
        draws: Vec<(String, Units)>,
        post_usage: Units,
    ) {
        let key = format!("{}#{id}", instant_text(at));
        commit.rows.push(Row { key, at, amount, balance: self.balance(), draws, post_usage });
    }

    /// The outcome of a call (T1, S5, S6, S9).
    fn cost(&self, call: &Call, now: Ms) -> Outcome {
        if call.start > now + 300 * SECOND {
            return Outcome::Refused("startedAt".into());
        }
        match call.charge {
            Charge::Bad(field) => return Outcome::Refused(field.into()),
            Charge::Given(charge) => return Outcome::Charged(charge),
            Charge::ToRate if call.seconds == 0 => return Outcome::Charged(0),
            Charge::ToRate => {}
        }
        let fits = |price: &&Price| {
            price.service == call.service
                && call.number[1..].starts_with(price.prefix)
                && price.from <= call.start
        };
        let best = self.prices.iter().filter(fits).max_by_key(|price| (price.prefix.len(), price.from));
        best.map_or(Outcome::Unrated, |price| {
            let mut billed = price.first;
            while billed < call.seconds {
                billed += price.next;
            }
            // `exact` counts sixtieths of a millionth of the currency, and so does `unit`, which is one ledger unit.
            let exact = price.fee * 60 + price.per_minute * i128::from(billed);
            let unit = 60 * 10_i128.pow(6 - self.minor_digits - 2);
            Outcome::Charged((2 * exact + unit) / (2 * unit))
        })
    }

    /// An amount as text, with every decimal of the ledger.
    pub(crate) fn text(&self, units: Units) -> String {
        let digits = self.minor_digits + 2;
        let one = 10_i128.pow(digits);
        let sign = if units < 0 { "-" } else { "" };
        let (whole, rest) = (units.abs() / one, units.abs() % one);
        format!("{sign}{whole}.{rest:0width$}", width = digits as usize)
    }
}

/// The instant at which lots must be usable: the end of the call, or now if its record is more than 72 h late (S10).
fn draws_at(call: &Call, now: Ms) -> Ms {
    let end = call.start + call.seconds * SECOND;
    if now - end > LATE { now } else { end }
}

/// The same day and time a year later; 28 February for a leap day (F1).
pub(crate) fn a_year_after(instant: Ms) -> Ms {
    let (year, month, day) = date_of(instant);
    let day = if (month, day) == (2, 29) { 28 } else { day };
    days_before(year + 1, month, day) * DAY + instant.rem_euclid(DAY)
}

fn month_of(instant: Ms) -> (i64, i64) {
    let (year, month, _) = date_of(instant);
    (year, month)
}

fn end_of_month((year, month): (i64, i64)) -> Ms {
    DAY * if month == 12 { days_before(year + 1, 1, 1) } else { days_before(year, month + 1, 1) }
}

fn instant_text(instant: Ms) -> String {
    let (year, month, day) = date_of(instant);
    let ms = instant.rem_euclid(DAY);
    let (hour, minute, second) = (ms / HOUR, ms / 60_000 % 60, ms / SECOND % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

/// Days from 1 January 1970 to a date after it.
pub(crate) fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(days_in_year).sum();
    let months: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    years + months + day - 1
}

fn date_of(instant: Ms) -> (i64, i64, i64) {
    let mut rest = instant.div_euclid(DAY);
    let mut year = 1970;
    while rest >= days_in_year(year) {
        rest -= days_in_year(year);
        year += 1;
    }
    let mut month = 1;
    while rest >= days_in_month(year, month) {
        rest -= days_in_month(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

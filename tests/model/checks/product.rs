//! The product's decisions, driven by the steps of the model. It stands in for the store: it keeps the journal, the holds and what users
//! have spent, finds rows by their keys, and gives every decision the rows, holds and pools that the store would read.

use std::collections::{BTreeMap, HashMap};

use domain::account::DayEnd;
use domain::adjustment::{self, AdjustmentRequest};
use domain::audit::{Audit, Finding};
use domain::authorization::{self, Authorization, Refusal, Request};
use domain::change::Change;
use domain::debit::{self, Terms};
use domain::hold::{HeldSums, Hold, HoldChange, HoldId, HoldKey, Holds, Leg};
use domain::journal::EntryDetails;
use domain::limits::{SpendingChange, UserSpending};
use domain::lot::LIFETIME_MONTHS;
use domain::movements::Movements;
use domain::pool::{IncludedMinutes, PoolTerms, minutes_used};
use domain::profile::{Author, Card, PaymentMethod};
use domain::purchase::{self, PurchaseLimits, PurchaseRequest};
use domain::rate::{Prefix, RateTableBuilder, RatingBasis};
use domain::recharge::{self, NewSettings, Policy};
use domain::reversal::{self, Target};
use domain::statement::{LineKind, Lines, Statement};
use domain::time::{day_of, plus_months};
use domain::usage::Number;
use domain::{
    Account, AccountId, BillingModel, CardPayment, Currency, Decision, Fingerprint, JournalEntry, JournalKey,
    Money, Payment, PaymentId, Profile, RateTable, RecordId, Service, UsageRecord, expiry, settings,
    settlement, unrated,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{
    Added, Answer, Billing, CallRequest, Charge, Forfeited, HoldName, Invoice, LiveHold, LotFunds, Month,
    NamedHold, NewLimits, OpenMonth, Pool, PoolUse, Rate, Rated, Record, RecordKey, ReleasedHolds, Reversal,
    Snapshot, Step, Taken,
};
use rust_decimal::Decimal;

/// An account of the product, with what the store keeps of it.
pub(crate) struct Product {
    account: Account,
    profile: Profile,
    rates: RateTable,
    policy: Policy,
    journal: BTreeMap<String, JournalEntry>,
    /// The ends of days, as the store keeps them.
    day_ends: Vec<DayEnd>,
    /// The account as it was after the last commit of each day.
    left: BTreeMap<Date, DayEnd>,
    payments: Vec<Payment>,
    /// Unrated records, in the order of their arrival, as long as they have their marker.
    unrated: Vec<UsageRecord>,
    invoices: Vec<Invoice>,
    /// Purchases, recharges and adjustments that were made, by id.
    made: HashMap<String, Step>,
    /// The model's names of lots that reversals and recharges added, by id.
    names: HashMap<String, String>,
    /// Holds, also those that have lapsed.
    holds: Holds,
    /// The ids of the holds that each leg has had, oldest first.
    hold_ids: HashMap<model::Leg, Vec<HoldId>>,
    /// What users have spent, and what is held for them, as the store adds it up.
    spending: BTreeMap<String, Spending>,
    /// What the store would have refused, and sums that are wrong.
    pub(crate) broken: Vec<String>,
}

/// The sums of one user.
#[derive(Default)]
struct Spending {
    /// By month, and by the instant since which the limit counts.
    spent: BTreeMap<(domain::time::Month, Timestamp), Money>,
    /// By the instant since which the limit counts, and by the lapse.
    held: BTreeMap<(Timestamp, Timestamp), Money>,
}

impl Product {
    pub(crate) fn open(currency: model::Currency, billing: Billing, now: Timestamp) -> Self {
        let billing = match billing {
            Billing::Prepaid => BillingModel::Prepaid,
            Billing::Switching => BillingModel::Switching,
            Billing::PostUsage => BillingModel::PostUsage,
        };
        let currency = Currency::parse(currency.code()).unwrap();
        // The model has neither limits of purchases nor of recharges in a day.
        let limits = PurchaseLimits::parse("EUR=0.01..1000000000,JPY=1..1000000000").unwrap();
        let account = Account::open(AccountId::parse("a").unwrap(), currency, billing, now);
        let opened = DayEnd::of(&account);
        Self {
            account,
            profile: Profile { payment_method: Some(saved_card()), ..Profile::default() },
            rates: RateTable::default(),
            policy: Policy { limits, a_day: u32::MAX },
            journal: BTreeMap::new(),
            day_ends: Vec::new(),
            left: BTreeMap::from([(opened.day, opened)]),
            payments: Vec::new(),
            unrated: Vec::new(),
            invoices: Vec::new(),
            made: HashMap::new(),
            names: HashMap::new(),
            holds: Holds::new(),
            hold_ids: HashMap::new(),
            spending: BTreeMap::new(),
            broken: Vec::new(),
        }
    }

    /// Does a step. Lots have the model's names in the answer.
    pub(crate) fn apply(&mut self, at: Timestamp, step: &Step) -> Answer {
        let mut answer = self.answer(at, step);
        match &mut answer {
            Answer::Taken(taken) => self.name_lots(&mut taken.lots),
            Answer::Accepted(charge) => self.name_lots(&mut charge.taken.lots),
            Answer::Rated(rated) => {
                for Rated { charge, .. } in rated {
                    self.name_lots(&mut charge.taken.lots);
                }
            }
            Answer::Reversed(reversal) => {
                self.name_lots(&mut reversal.returned);
                self.name_lots(&mut reversal.forfeited);
            }
            Answer::Swept(swept) => {
                for forfeited in swept {
                    forfeited.lot = self.lot_name(&forfeited.lot);
                }
            }
            _ => {}
        }
        answer
    }

    fn name_lots(&self, lots: &mut BTreeMap<String, Decimal>) {
        *lots = std::mem::take(lots).into_iter().map(|(lot, amount)| (self.lot_name(&lot), amount)).collect();
    }

    /// The name that the model gives a lot.
    fn lot_name(&self, id: &str) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    fn answer(&mut self, at: Timestamp, step: &Step) -> Answer {
        match step {
            Step::Buy { id, amount } => self.buy(at, id, *amount, step),
            Step::Recharge { id, amount } => self.recharge(at, id, *amount, step),
            Step::Adjust { id, amount, expires_at, allow_negative } => {
                let request = AdjustmentRequest {
                    id: PaymentId::parse(id).unwrap(),
                    fingerprint: Fingerprint::of([id.as_str()]),
                    amount: *amount,
                    reason: "test".into(),
                    author: "test".into(),
                    expires_at: *expires_at,
                    allow_negative: *allow_negative,
                };
                self.adjust(at, &request, step)
            }
            Step::SetAutoRecharge { trigger, amount } => {
                self.set_auto_recharge(at, Some((*trigger, *amount)))
            }
            Step::TurnOff => self.set_auto_recharge(at, None),
            Step::Switch => self.set(at, self.profile.clone(), Some(BillingModel::PostUsage)),
            Step::SaveCard => self.set_card(at, Some(saved_card())),
            Step::RemoveCard => self.set_card(at, None),
            Step::Call(record) => {
                let hold_id = record.hold.as_ref().map(|named| self.hold_id(named));
                self.call(at, &UsageRecord { hold_id, ..usage_record(record) })
            }
            Step::Reverse(key) => self.reverse(at, key),
            Step::SetPools(pools) => {
                let terms = pools.iter().map(pool_terms).collect();
                let decision = settings::set_pools(&self.account, &self.profile, at, terms, &author());
                self.commit(decision);
                Answer::Set
            }
            Step::Publish(rates) => {
                self.rates = published(rates);
                Answer::Set
            }
            Step::RateUnrated => self.rate_unrated(at),
            Step::Sweep => self.sweep(at),
            Step::Authorize(request) => self.authorize(at, request),
            Step::Extend { hold, max_seconds } => self.extend(at, hold, *max_seconds),
            Step::Release(which) => self.release(at, which),
            Step::SetLimits(new) => self.set_limits(at, new),
        }
    }

    /// Commits a decision as the store does: no key may exist, and required rows and markers must.
    fn commit<T>(&mut self, decision: Decision<T>) -> (Vec<JournalEntry>, T) {
        let Decision { change, answer } = decision;
        let Some(change) = change else { return (Vec::new(), answer) };
        self.commit_holds(&change);
        let Change { account, profile, entries, payment, closed, day_end, .. } = change;
        for entry in &entries {
            assert!(!self.journal.contains_key(entry.key.as_str()), "the store refuses {}", entry.key);
            if let Some(required) = &entry.requires {
                assert!(self.journal.contains_key(required.as_str()), "the store refuses {}", entry.key);
            }
            if let Some(unmarked) = &entry.unmarks {
                let place = self.unrated.iter().position(|record| record.key() == *unmarked);
                self.unrated.remove(place.expect("the store refuses a record without a marker"));
            }
            match &entry.details {
                EntryDetails::Unrated { record } => self.unrated.push(record.clone()),
                EntryDetails::Reversal(reversal) => {
                    let name = format!("rev:{}", key_of(&reversal.record));
                    self.names.extend(reversal.lot.iter().map(|lot| (lot.id.to_string(), name.clone())));
                }
                _ => {}
            }
            self.journal.insert(entry.key.to_string(), entry.clone());
        }
        if let Some(closed) = &closed {
            let month = Month::of(closed.month.start());
            self.invoices.push(Invoice { month, amount: closed.amount.amount() });
            // The store completes the invoice with the profile as the commit finds it.
            self.payments.push(domain::Invoice::of(&account.id, closed, &self.profile).into());
        }
        self.account = account;
        self.day_ends.extend(day_end);
        let left = DayEnd::of(&self.account);
        self.left.insert(left.day, left);
        self.profile = profile.unwrap_or_else(|| self.profile.clone());
        if let Some(payment) = payment {
            self.payments.retain(|other| other.id() != payment.id());
            self.payments.push(payment);
        }
        self.check_sums_of_holds();
        (entries, answer)
    }

    /// Writes holds and adds to what users have spent, on the conditions of the store.
    fn commit_holds(&mut self, change: &Change) {
        for written in &change.holds {
            let hold = written.hold();
            let before = self.holds.get(&hold.key());
            let version = before.map(|before| before.version);
            let refused = match written {
                HoldChange::New(new) => before.is_some_and(|before| before.lives_at(new.authorized_at)),
                HoldChange::Instead(_, before) => version != Some(*before),
                HoldChange::Gone(gone) => version != Some(gone.version),
            };
            if refused {
                self.broken.push(format!("the store refuses {written:?} where there is {before:?}"));
            }
            if matches!(written, HoldChange::Gone(_)) {
                self.holds.remove(&hold.key());
                continue;
            }
            if hold.version != change.account.version {
                self.broken.push(format!("{hold:?} has not the version of its commit"));
            }
            if matches!(written, HoldChange::New(_)) {
                let ids = self.hold_ids.entry(leg_of(&hold.leg)).or_default();
                if ids.contains(&hold.id()) {
                    self.broken.push(format!("two holds have the id {}", hold.id().as_str()));
                }
                ids.push(hold.id());
            }
            self.holds.insert(hold.key(), hold.clone());
        }
        for SpendingChange { user_id, spent, held, lapsed } in &change.spending {
            let sums = self.spending.entry(user_id.clone()).or_default();
            let zero = Money::zero(change.account.currency);
            for (month, since, amount) in spent {
                *sums.spent.entry((*month, *since)).or_insert(zero) += *amount;
            }
            for (lapses_at, since, amount) in held {
                *sums.held.entry((*since, *lapses_at)).or_insert(zero) += *amount;
            }
            for (lapses_at, since) in lapsed {
                let forgotten = sums.held.remove(&(*since, *lapses_at));
                if change.account.as_of < *lapses_at {
                    self.broken.push(format!("{forgotten:?} of {user_id} is forgotten before {lapses_at}"));
                }
            }
        }
    }

    /// The account has the sums of its live holds, and each user the sum of the holds that count at the user.
    fn check_sums_of_holds(&mut self) {
        let now = self.account.as_of;
        let live: Vec<&Hold> = self.holds.values().filter(|hold| hold.lives_at(now)).collect();
        // An extension to a time that is over lapses at once, and its sum is forgotten by the next commit.
        let sums = self.account.held.iter().filter(|sum| now < sum.lapses_at).cloned().collect();
        if HeldSums::from_stored(sums) != Some(HeldSums::of(live.iter().copied())) {
            self.broken.push(format!("{:?} are not the sums of {live:?}", self.account.held));
        }
        let since = self.account.limits.per_user_monthly.map(|limit| limit.since);
        for (user, sums) in self.spending.iter().filter(|_| since.is_some()) {
            let counts = |hold: &&&Hold| hold.user_id.as_ref() == Some(user) && hold.counts_since == since;
            let expected: Decimal = live.iter().filter(counts).map(|hold| hold.amount.amount()).sum();
            let of_limit = sums.held.iter().filter(|((of, lapse), _)| Some(*of) == since && now < *lapse);
            let held: Decimal = of_limit.map(|(_, held)| held.amount()).sum();
            if held != expected {
                self.broken.push(format!("{held} is held for {user}, but the holds are {live:?}"));
            }
        }
    }

    /// The answer to a step that was sent before under the same id, if it was.
    fn made_before(&self, id: &str, step: &Step) -> Option<Answer> {
        let before = self.made.get(id)?;
        Some(if before == step { Answer::Duplicate } else { Answer::Conflict })
    }

    fn buy(&mut self, at: Timestamp, id: &str, amount: Decimal, step: &Step) -> Answer {
        if let Some(answer) = self.made_before(id, step) {
            return answer;
        }
        let request = PurchaseRequest {
            id: PaymentId::parse(id).unwrap(),
            fingerprint: Fingerprint::of([id]),
            amount,
            method: None,
        };
        let opened = purchase::open(&self.account, &self.profile, at, &request, &self.policy.limits);
        let Ok(opened) = opened else { return Answer::Refused };
        let (_, payment) = self.commit(opened);
        self.settle(at, id, &payment, step)
    }

    /// Settles the recharge that the product wants, if it wants one of this amount. Otherwise the payment was open already, as a
    /// purchase is.
    fn recharge(&mut self, at: Timestamp, id: &str, amount: Decimal, step: &Step) -> Answer {
        if let Some(answer) = self.made_before(id, step) {
            return answer;
        }
        let wanted = recharge::look(&self.account, &self.profile, at, at, &self.policy);
        match &wanted.answer {
            Some(payment) if payment.amount.amount() == amount => {
                let (_, payment) = self.commit(wanted);
                let payment = payment.expect("it was looked at");
                self.names.insert(payment.id.to_string(), id.to_owned());
                self.settle(at, id, &payment, step)
            }
            _ => self.buy(at, id, amount, step),
        }
    }

    fn settle(&mut self, at: Timestamp, id: &str, payment: &CardPayment, step: &Step) -> Answer {
        let owed = self.account.owed;
        let charged = settlement::succeed(&self.account, at, payment, "pi_1").unwrap();
        self.commit(charged);
        self.made.insert(id.to_owned(), step.clone());
        Answer::Added(Added {
            repaid: (owed - self.account.owed).amount(),
            expires_at: plus_months(payment.created_at, LIFETIME_MONTHS),
        })
    }

    fn adjust(&mut self, at: Timestamp, request: &AdjustmentRequest, step: &Step) -> Answer {
        if let Some(answer) = self.made_before(request.id.as_str(), step) {
            return answer;
        }
        let owed = self.account.owed;
        let Ok(decision) = adjustment::decide(&self.account, at, request) else { return Answer::Refused };
        let (_, entry) = self.commit(decision);
        self.made.insert(request.id.to_string(), step.clone());
        match entry.details {
            EntryDetails::Adjustment { expires_at: Some(expires_at), .. } => {
                Answer::Added(Added { repaid: (owed - self.account.owed).amount(), expires_at })
            }
            _ => Answer::Taken(taken(&entry)),
        }
    }

    fn set_auto_recharge(&mut self, at: Timestamp, amounts: Option<(Decimal, Decimal)>) -> Answer {
        let new = NewSettings {
            enabled: amounts.is_some(),
            trigger: amounts.map(|(trigger, _)| trigger),
            amount: amounts.map(|(_, amount)| amount),
            monthly_limit: None,
            by: author(),
        };
        match recharge::configure(&self.account, &self.profile, at, &new, &self.policy.limits) {
            Ok(decision) => {
                self.commit(decision);
                Answer::Set
            }
            Err(_) => Answer::Refused,
        }
    }

    fn set_card(&mut self, at: Timestamp, payment_method: Option<PaymentMethod>) -> Answer {
        self.set(at, Profile { payment_method, ..self.profile.clone() }, None)
    }

    fn set(&mut self, at: Timestamp, profile: Profile, billing_model: Option<BillingModel>) -> Answer {
        let new = settings::NewSettings {
            profile,
            warning: None,
            billing_model,
            payment_term_days: self.account.payment_term_days,
            by: author(),
        };
        let decision = settings::change(&self.account, &self.profile, at, new);
        self.commit(decision.expect("nobody asks to move back"));
        Answer::Set
    }

    /// Sends a record as the debit function does.
    fn call(&mut self, at: Timestamp, record: &UsageRecord) -> Answer {
        let currency = self.account.currency;
        let row = self.journal.get(record.key().as_str());
        let checked = record.checked(currency, at.max(self.account.as_of));
        match (checked, row) {
            (Err(problem), Some(_)) if problem.is_for_currency => return Answer::Conflict,
            (Err(_), _) => return Answer::Invalid,
            (Ok(_), Some(row)) => {
                return if record.repeats(record_of(row), currency) {
                    Answer::Duplicate
                } else {
                    Answer::Conflict
                };
            }
            (Ok(_), None) => {}
        }
        if record.requires().is_some_and(|key| !self.journal.contains_key(key.as_str())) {
            return Answer::Conflict;
        }
        let terms = Terms { rates: &self.rates, pools: &self.profile.pools };
        let holds: Holds = HoldKey::of_record(record)
            .filter_map(|key| self.holds.get(&key))
            .map(|hold| (hold.key(), hold.clone()))
            .collect();
        let decision = debit::decide(&self.account, at, &[record], &[], terms, &holds);
        let (entries, decided) = self.commit(decision);
        match decided.outcomes.as_slice() {
            [debit::Outcome::Charged { .. }] => Answer::Accepted(charge_of(entries.last().unwrap())),
            [debit::Outcome::Unrated] => Answer::Unrated,
            [debit::Outcome::Invalid(_)] => Answer::Invalid,
            other => panic!("one record has one outcome, not {other:?}"),
        }
    }

    fn rate_unrated(&mut self, at: Timestamp) -> Answer {
        let mut rated = Vec::new();
        let mut rest: Vec<UsageRecord> = self.unrated.clone();
        while !rest.is_empty() {
            let records: Vec<_> = rest.iter().collect();
            let terms = Terms { rates: &self.rates, pools: &self.profile.pools };
            let decision = unrated::decide(&self.account, at, &records, terms);
            let (entries, outcomes) = self.commit(decision);
            rest.drain(..outcomes.len());
            let charged = entries.iter().filter(|entry| entry.unmarks.is_some());
            rated.extend(
                charged.map(|entry| Rated { key: key_of(record_of(entry)), charge: charge_of(entry) }),
            );
        }
        Answer::Rated(rated)
    }

    /// Reverses a record as the debit function does.
    fn reverse(&mut self, at: Timestamp, key: &RecordKey) -> Answer {
        let id = RecordId::sent(&key.id).unwrap();
        let started_at = domain::time::cut_to_second(key.started_at);
        let key = JournalKey::usage(started_at, &id, key.revision);
        if self.journal.contains_key(key.reversal().as_str()) {
            return Answer::Duplicate;
        }
        let entry = self.journal.get(key.rated().as_str()).or_else(|| self.journal.get(key.as_str()));
        let Some(entry) = entry.cloned() else { return Answer::NotFound };
        let owed = self.account.owed;
        let targets = [Target { entry: &entry, on_void_invoice: false, reason: "test", author: "test" }];
        let (entries, results) = self.commit(reversal::decide(&self.account, at, &targets));
        assert_eq!(results, [Ok(())]);
        Answer::Reversed(reversal_of(&entry, owed, &entries))
    }

    fn sweep(&mut self, at: Timestamp) -> Answer {
        let mut swept = Vec::new();
        loop {
            let decision = expiry::sweep(&self.account, at);
            if decision.change.is_none() {
                return Answer::Swept(swept);
            }
            let (entries, _) = self.commit(decision);
            for entry in entries {
                if let EntryDetails::Expiry { lot, .. } = &entry.details {
                    let (lot, amount) = (lot.to_string(), -entry.amount.amount());
                    swept.push(Forfeited { lot, expired_at: entry.at, amount });
                }
            }
        }
    }

    /// The id by which a record names a hold.
    fn hold_id(&self, named: &NamedHold) -> String {
        match named {
            NamedHold::Foreign(id) => id.clone(),
            NamedHold::Id(name) => self.id_of(name).as_str().to_owned(),
        }
    }

    /// The id of a hold. A hold that was never taken gets an id that belongs to no leg.
    fn id_of(&self, name: &HoldName) -> HoldId {
        let ids = self.hold_ids.get(&name.leg);
        let id = ids.and_then(|ids| ids.get(name.nth - 1)).cloned();
        let nobodys =
            || Leg { call_id: "a call that was never authorized".to_owned(), ..product_leg(&name.leg) };
        id.unwrap_or_else(|| HoldId::of(&nobodys(), Timestamp::UNIX_EPOCH))
    }

    /// Asks as the authorize function does once it has met the leg's hold.
    fn authorize(&mut self, at: Timestamp, request: &CallRequest) -> Answer {
        let request = Request {
            leg: product_leg(&request.leg),
            user_id: request.user.clone(),
            plan: request.plan.clone(),
            user_country: request.user_country.clone(),
            node: request.node.clone(),
            max_duration_seconds: request.max_seconds,
        };
        let now = at.max(self.account.as_of);
        let known = self.holds.get(&HoldKey::of(&request.leg));
        let live = known.filter(|hold| hold.lives_at(now));
        let user = live.map_or(request.user_id.as_ref(), |hold| hold.user_id.as_ref());
        let spending = self.user_spending(user, now);
        let (rates, pools) = (&self.rates, &self.profile.pools);
        let decision =
            authorization::authorize(&self.account, at, &request, known, spending.as_ref(), rates, pools);
        let decision = shown(decision);
        let (_, answer) = self.commit(decision);
        self.authorized(&request.leg, &answer)
    }

    fn extend(&mut self, at: Timestamp, name: &HoldName, max_seconds: u32) -> Answer {
        let (id, now) = (self.id_of(name), at.max(self.account.as_of));
        let hold = self.holds.get(&id.key()).filter(|hold| hold.id() == id && hold.lives_at(now));
        let Some(hold) = hold else { return Answer::NotFound };
        let spending = self.user_spending(hold.user_id.as_ref(), now);
        let (rates, pools) = (&self.rates, &self.profile.pools);
        let decision =
            authorization::extend(&self.account, at, hold, max_seconds, spending.as_ref(), rates, pools);
        let (leg, decision) = (hold.leg.clone(), shown(decision));
        let (_, answer) = self.commit(decision);
        self.authorized(&leg, &answer)
    }

    fn authorized(&self, leg: &Leg, answer: &Shown) -> Answer {
        let place = |id: &HoldId| {
            let ids = self.hold_ids.get(&leg_of(leg)).expect("the leg has had holds");
            1 + ids.iter().position(|other| other == id).expect("the hold was kept")
        };
        Answer::Authorized(model::Authorization {
            refusal: answer.refusal.map(|refusal| match refusal {
                Refusal::InsufficientFunds => model::Refusal::InsufficientFunds,
                Refusal::LimitReached => model::Refusal::LimitReached,
                Refusal::NoRate => model::Refusal::NoRate,
                Refusal::TooManyHolds => model::Refusal::TooManyHolds,
            }),
            granted_seconds: answer.granted_seconds,
            hold: answer.hold.as_ref().map(place),
        })
    }

    /// What the store reads of a user, which is wanted only where users have a limit.
    fn user_spending(&self, user: Option<&String>, now: Timestamp) -> Option<UserSpending> {
        let since = self.account.limits.per_user_monthly?.since;
        let sums = self.spending.get(user?);
        let month = domain::time::Month::of(now);
        let spent = sums.and_then(|sums| sums.spent.get(&(month, since))).copied();
        let held = sums.into_iter().flat_map(|sums| &sums.held).filter(|((other, _), _)| *other == since);
        Some(UserSpending {
            spent: spent.unwrap_or(Money::zero(self.account.currency)),
            held: held.map(|((_, lapses_at), held)| (*lapses_at, *held)).collect(),
        })
    }

    /// Releases as the authorize function does: it reads the holds that are meant, and commits until all are gone.
    fn release(&mut self, at: Timestamp, which: &ReleasedHolds) -> Answer {
        let is_meant = |hold: &Hold| match which {
            ReleasedHolds::One(name) => hold.id() == self.id_of(name),
            ReleasedHolds::OfCall(call) => hold.leg.call_id == *call && hold.lives_at(at),
            ReleasedHolds::OfNode(node) => hold.node.as_ref() == Some(node) && hold.lives_at(at),
        };
        let mut meant: Vec<Hold> = self.holds.values().filter(|hold| is_meant(hold)).cloned().collect();
        let mut released = 0;
        while !meant.is_empty() {
            let decision = authorization::release(&self.account, at, &meant.iter().collect::<Vec<_>>());
            released += decision.change.as_ref().map_or(0, |change| change.holds.len());
            let (_, reached) = self.commit(decision);
            meant.drain(..reached);
        }
        Answer::Released(released)
    }

    fn set_limits(&mut self, at: Timestamp, new: &NewLimits) -> Answer {
        let amount = |amount: Option<Decimal>| {
            amount.map(|amount| Money::new(amount, self.account.currency).expect("limits are small"))
        };
        let new = settings::NewLimits {
            per_user_monthly: amount(new.per_user),
            per_day: amount(new.per_day),
            margin_seconds: new.margin_seconds,
        };
        let decision = settings::set_limits(&self.account, &self.profile, at, &new, &author());
        self.commit(decision);
        Answer::Set
    }

    fn live_holds(&self, now: Timestamp) -> Vec<LiveHold> {
        let pool = |number: u16| {
            let pools = &self.profile.pools.list;
            pools.iter().find(|pool| pool.number == number).map_or_else(String::new, |pool| pool.id.clone())
        };
        let seen = |hold: &Hold| {
            let leg = leg_of(&hold.leg);
            let ids = &self.hold_ids[&leg];
            LiveHold {
                nth: 1 + ids.iter().position(|id| *id == hold.id()).expect("the hold was kept"),
                call: leg.call,
                service: leg.service,
                number: leg.number,
                user: hold.user_id.clone(),
                node: hold.node.clone(),
                authorized_at: hold.authorized_at,
                granted_seconds: hold.granted_seconds,
                amount: hold.amount.amount(),
                minutes: hold.minutes.iter().map(|held| (pool(held.number), held.minutes)).collect(),
                lapses_at: hold.lapses_at,
            }
        };
        let live = self.holds.values().filter(|hold| hold.lives_at(now));
        let mut holds: Vec<LiveHold> = live.map(seen).collect();
        holds.sort_by(|a, b| (&a.call, a.service, &a.number).cmp(&(&b.call, b.service, &b.number)));
        holds
    }

    fn spent_by_user(&self, now: Timestamp) -> BTreeMap<String, Decimal> {
        let spent_by = |user: &String| self.user_spending(Some(user), now).map(|sums| sums.spent.amount());
        let users = self.spending.keys().filter_map(|user| Some((user.clone(), spent_by(user)?)));
        users.filter(|(_, spent)| !spent.is_zero()).collect()
    }

    /// The visible state, as the API shows it.
    pub(crate) fn snapshot(&self, at: Timestamp) -> Snapshot {
        let account = &self.account;
        let now = at.max(account.as_of);
        let lots = account.lots.iter().map(|lot| LotFunds {
            id: self.lot_name(lot.id.as_str()),
            purchased_at: lot.purchased_at,
            expires_at: lot.expires_at,
            amount: lot.amount.amount(),
            remaining: lot.remaining.amount(),
        });
        let pays_after_use = account.billing_model == BillingModel::PostUsage;
        Snapshot {
            balance: account.balance().amount(),
            available: account.available(now).amount(),
            owed: account.owed.amount(),
            post_usage: pays_after_use.then(|| OpenMonth {
                month: Month::of(account.post_usage.month.start()),
                amount: account.post_usage.amount.amount(),
            }),
            switch_pending: account.billing_model == BillingModel::Switching,
            lots: in_order(lots.collect()),
            pools: self.pool_use(now),
            unrated: self.unrated.iter().map(key_of).collect(),
            invoices: self.invoices.clone(),
            journal_sum: self.journal.values().map(|entry| entry.amount.amount()).sum(),
            recharge_wanted: self.recharge_wanted(at),
            held: account.held(now).amount(),
            holds: self.live_holds(now),
            spent_today: account.limits.per_day.map(|day| day.spent_on(now).amount()),
            spent_by_user: self.spent_by_user(now),
        }
    }

    fn pool_use(&self, now: Timestamp) -> Vec<PoolUse> {
        let this_month = domain::time::Month::of(now);
        let mut pools = Vec::new();
        for month in [this_month.previous(), this_month] {
            for pool in &self.profile.pools.list {
                let size = pool.size_in(month);
                let used = minutes_used(&self.account.pool_use, pool.number, month);
                if size > 0 {
                    pools.push(PoolUse {
                        pool: pool.id.clone(),
                        month: Month::of(month.start()),
                        size,
                        used,
                    });
                }
            }
        }
        pools.sort_by(|a, b| (a.month, &a.pool).cmp(&(b.month, &b.pool)));
        pools
    }

    /// The charge that auto-recharge would open now. Nothing is committed.
    fn recharge_wanted(&self, at: Timestamp) -> Option<Decimal> {
        let decision = recharge::look(&self.account, &self.profile, at, at, &self.policy);
        decision.answer.map(|payment| payment.amount.amount())
    }

    /// What the audit finds in the books.
    pub(crate) fn audit(&self) -> Vec<Finding> {
        let mut audit = Audit::of(&self.account);
        self.payments.iter().for_each(|payment| audit.payment(payment));
        self.journal.values().for_each(|entry| audit.row(entry));
        audit.finish(self.account.version)
    }

    /// What is wrong with the stored ends of days, or with the statements of all days with a change.
    pub(crate) fn statements(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let before_today = self.left.values().take(self.left.len() - 1);
        if !before_today.eq(&self.day_ends) {
            wrong.push(format!("{:?} are stored as {:?}", self.left, self.day_ends));
        }
        let mut opening = DayEnd::before_creation(&self.account);
        for closing in self.left.values() {
            let mut lines = Lines::none(self.account.currency);
            let posted = self.journal.values().filter(|entry| day_of(entry.posted_at) == closing.day);
            posted.for_each(|entry| lines.add(entry).unwrap());
            if closing.movements != Some(movements_of(&lines)) {
                wrong.push(format!("{}: {:?} are kept for {lines:?}", closing.day, closing.movements));
            }
            let moved = closing.movements.map(|movements| opening.balance + movements.total());
            if moved != Some(closing.balance) {
                wrong.push(format!("{}: {moved:?} is not {}", closing.day, closing.balance));
            }
            let statement = Statement::new(opening, lines, closing.clone());
            wrong.extend(statement.err().map(|problem| format!("{}: {problem}", closing.day)));
            opening = closing.clone();
        }
        wrong
    }
}

/// The author of all changes of settings.
fn author() -> Author {
    Author::new("test", None)
}

/// The movements of the balance that lines of a statement come to.
fn movements_of(lines: &Lines) -> Movements {
    let sum = |chosen: fn(&LineKind) -> bool| lines.sum(chosen).amount;
    Movements {
        spent: -sum(|kind| matches!(kind, LineKind::Usage(..) | LineKind::Reversal(_))),
        added: sum(|kind| matches!(kind, LineKind::Purchase | LineKind::Recharge)),
        expired: -sum(|kind| *kind == LineKind::Expiry),
        other: sum(|kind| {
            matches!(kind, LineKind::AdjustmentIn | LineKind::AdjustmentOut | LineKind::Switch)
        }),
    }
}

/// An answer to a switch that borrows nothing.
struct Shown {
    refusal: Option<Refusal>,
    granted_seconds: u32,
    hold: Option<HoldId>,
}

fn shown(decision: Decision<Authorization<'_>>) -> Decision<Shown> {
    let Decision { change, answer: Authorization { refusal, granted_seconds, hold, .. } } = decision;
    Decision { change, answer: Shown { refusal, granted_seconds, hold } }
}

fn product_leg(leg: &model::Leg) -> Leg {
    let number = Number::parse(&leg.number).unwrap();
    Leg { call_id: leg.call.clone(), service: service(leg.service), number }
}

fn leg_of(leg: &Leg) -> model::Leg {
    let service = match leg.service {
        Service::TollFreeIn => model::Service::TollFreeIn,
        Service::TollIn => model::Service::TollIn,
        Service::ConferenceOut => model::Service::ConferenceOut,
        Service::UserOut => model::Service::UserOut,
        Service::Premium => model::Service::Premium,
    };
    model::Leg { call: leg.call_id.clone(), service, number: leg.number.as_str().to_owned() }
}

fn saved_card() -> PaymentMethod {
    let card = Card { brand: "visa".into(), last4: "4242".into(), exp_month: 12, exp_year: 2040 };
    PaymentMethod { customer: "cus_1".into(), token: "pm_1".into(), card }
}

fn in_order(mut lots: Vec<LotFunds>) -> Vec<LotFunds> {
    lots.sort_by(|a, b| (a.expires_at, &a.id).cmp(&(b.expires_at, &b.id)));
    lots
}

fn record_of(entry: &JournalEntry) -> &UsageRecord {
    match &entry.details {
        EntryDetails::Usage { record, .. } | EntryDetails::Unrated { record } => record,
        other => panic!("{} is no entry of a record: {other:?}", entry.key),
    }
}

fn key_of(record: &UsageRecord) -> RecordKey {
    RecordKey { id: record.id.to_string(), started_at: record.started_at, revision: record.revision }
}

fn taken(entry: &JournalEntry) -> Taken {
    let lots: BTreeMap<_, _> =
        entry.draws.iter().map(|draw| (draw.lot.to_string(), draw.amount.amount())).collect();
    let drawn: Decimal = lots.values().sum();
    let (owed, post_usage) = (-entry.amount.amount() - drawn, entry.post_usage.amount());
    Taken { lots, owed, post_usage }
}

fn charge_of(entry: &JournalEntry) -> Charge {
    let EntryDetails::Usage { charge, basis, .. } = &entry.details else { panic!("{entry:?} is no charge") };
    let billed_seconds = match basis {
        RatingBasis::Rated { billed_seconds, .. } => Some(u32::try_from(*billed_seconds).unwrap()),
        RatingBasis::ZeroDuration => Some(0),
        RatingBasis::AsRated => None,
    };
    Charge {
        charge: charge.amount(),
        billed_seconds,
        minutes: minutes(basis.included()),
        taken: taken(entry),
    }
}

fn minutes(included: &[IncludedMinutes]) -> BTreeMap<String, u64> {
    included.iter().map(|included| (included.pool.clone(), included.minutes)).collect()
}

/// What a reversal gave back, from the entries of its commit. `owed` is what was owed before it.
fn reversal_of(reversed: &JournalEntry, owed: Money, entries: &[JournalEntry]) -> Reversal {
    let is_reversal = |entry: &&JournalEntry| matches!(entry.details, EntryDetails::Reversal(_));
    let entry = entries.iter().find(is_reversal).expect("a commit with a reversal has its entry");
    let EntryDetails::Reversal(details) = &entry.details else { unreachable!("it was found as one") };
    let returned: BTreeMap<_, _> =
        details.returned.iter().map(|draw| (draw.lot.to_string(), draw.amount.amount())).collect();
    let forfeited: BTreeMap<_, _> = entries
        .iter()
        .filter_map(|entry| match &entry.details {
            EntryDetails::Expiry { lot, .. } => Some((lot.to_string(), -entry.amount.amount())),
            _ => None,
        })
        .collect();
    let was_owed = taken(reversed).owed;
    let new_lot = details.lot.as_ref().map_or(Decimal::ZERO, |lot| lot.amount.amount());
    let pays_after_use = entry.amount.amount() < was_owed + taken(reversed).lots.values().sum::<Decimal>();
    let owed_back = if pays_after_use { Decimal::ZERO } else { was_owed.min(owed.amount()) };
    let to_lots: Decimal = returned.values().sum();
    Reversal {
        amount: entry.amount.amount(),
        minutes: minutes(&details.included),
        owed_back,
        new_lot,
        repaid: entry.amount.amount() - to_lots - new_lot - owed_back,
        returned: without(returned, &forfeited),
        forfeited,
        post_usage: -entry.post_usage.amount(),
        was_unrated: details.charge.is_none(),
    }
}

/// The parts that stayed in their lots.
fn without(
    returned: BTreeMap<String, Decimal>,
    forfeited: &BTreeMap<String, Decimal>,
) -> BTreeMap<String, Decimal> {
    returned.into_iter().filter(|(lot, _)| !forfeited.contains_key(lot)).collect()
}

fn service(service: model::Service) -> Service {
    match service {
        model::Service::TollFreeIn => Service::TollFreeIn,
        model::Service::TollIn => Service::TollIn,
        model::Service::ConferenceOut => Service::ConferenceOut,
        model::Service::UserOut => Service::UserOut,
        model::Service::Premium => Service::Premium,
    }
}

fn usage_record(record: &Record) -> UsageRecord {
    UsageRecord {
        id: RecordId::sent(&record.id).unwrap(),
        revision: record.revision,
        call_id: record.call.clone(),
        user_id: record.user.clone(),
        service: service(record.service),
        service_by_rates: false,
        number: Number::parse(&record.number).unwrap(),
        started_at: domain::time::cut_to_second(record.started_at),
        duration_seconds: record.duration_seconds,
        charge: record.charge.as_ref().map(|charge| charge.amount),
        currency: record.charge.as_ref().map(|charge| Currency::parse(&charge.currency).unwrap()),
        plan: record.plan.clone(),
        user_country: record.user_country.clone(),
        cost_centre: None,
        hold_id: None,
    }
}

fn pool_terms(pool: &Pool) -> PoolTerms {
    PoolTerms {
        plan: pool.plan.clone(),
        country: pool.country.clone(),
        minutes_per_licence: u32::try_from(pool.minutes_per_licence).unwrap(),
        licences: u32::try_from(pool.licences).unwrap(),
        services: pool.services.iter().copied().map(service).collect(),
        countries: pool.destination_countries.clone(),
    }
}

fn published(rates: &[Rate]) -> RateTable {
    let mut builder = RateTableBuilder::default();
    for rate in rates {
        let row = domain::rate::Rate {
            prefix: Prefix::parse(&rate.prefix).unwrap(),
            destination: &rate.prefix,
            country: &rate.country,
            per_minute: rate.per_minute,
            connection_fee: rate.connection_fee,
            first_increment: rate.first_increment,
            next_increment: rate.next_increment,
            effective_from: rate.effective_from.to_zoned(TimeZone::UTC).unwrap().timestamp(),
        };
        let currency = Currency::parse(&rate.currency).unwrap();
        builder.add(service(rate.service), currency, &row).unwrap();
    }
    builder.build().expect("no two rates of a prefix take effect at once")
}

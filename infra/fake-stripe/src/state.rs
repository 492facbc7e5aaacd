//! All objects, and what happens to them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Clock;
use crate::charges::Charge;
use crate::checkout::{self, Session};
use crate::customers::Customer;
use crate::disputes::Dispute;
use crate::events::{Delivery, Event};
use crate::form::Form;
use crate::idempotency::Kept;
use crate::payment_intents::{self, PaymentIntent};
use crate::payment_methods::PaymentMethod;
use crate::refunds::Refund;
use crate::refusal::Refusal;
use crate::setup_intents::SetupIntent;
use crate::table::Table;
use crate::webhooks::{Endpoint, Policy};

/// The rows that survive the process, if there is a file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tables {
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) customers: Table<Customer>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) payment_methods: Table<PaymentMethod>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) setup_intents: Table<SetupIntent>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) sessions: Table<Session>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) payment_intents: Table<PaymentIntent>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) charges: Table<Charge>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) refunds: Table<Refund>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) disputes: Table<Dispute>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) events: Table<Event>,
    #[serde(skip_serializing_if = "Table::is_unchanged")]
    pub(crate) kept: Table<Kept>,
}

impl Tables {
    pub(crate) fn is_unchanged(&self) -> bool {
        self.customers.is_unchanged()
            && self.payment_methods.is_unchanged()
            && self.setup_intents.is_unchanged()
            && self.sessions.is_unchanged()
            && self.payment_intents.is_unchanged()
            && self.charges.is_unchanged()
            && self.refunds.is_unchanged()
            && self.disputes.is_unchanged()
            && self.events.is_unchanged()
            && self.kept.is_unchanged()
    }

    /// Adds the rows of a later state.
    pub(crate) fn absorb(&mut self, later: Self) {
        self.customers.absorb(later.customers);
        self.payment_methods.absorb(later.payment_methods);
        self.setup_intents.absorb(later.setup_intents);
        self.sessions.absorb(later.sessions);
        self.payment_intents.absorb(later.payment_intents);
        self.charges.absorb(later.charges);
        self.refunds.absorb(later.refunds);
        self.disputes.absorb(later.disputes);
        self.events.absorb(later.events);
        self.kept.absorb(later.kept);
    }

    /// Takes every row for unchanged.
    pub(crate) fn keep(&mut self) {
        self.customers.keep();
        self.payment_methods.keep();
        self.setup_intents.keep();
        self.sessions.keep();
        self.payment_intents.keep();
        self.charges.keep();
        self.refunds.keep();
        self.disputes.keep();
        self.events.keep();
        self.kept.keep();
    }
}

impl Tables {
    /// Moves the hosted pages to where the fake is now: its port may have changed since the rows were written.
    pub(crate) fn move_pages(&mut self, fake: &str) {
        let ids: Vec<_> = self.sessions.oldest().map(|session| session.id.clone()).collect();
        for id in ids {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.url = checkout::page_url(fake, &id);
            }
        }
        let ids: Vec<_> = self.payment_intents.oldest().map(|intent| intent.id.clone()).collect();
        for id in ids {
            if let Some(page) =
                self.payment_intents.get_mut(&id).and_then(|intent| intent.asks_owner.as_mut())
            {
                page.url = payment_intents::page_url(fake, &id);
            }
        }
    }
}

/// The request that is being handled, as its events name it. What happens by itself or on a hosted page has none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cause {
    pub(crate) id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// All that the fake knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tables: Tables,
    /// The URL that the hosted pages are under.
    pub(crate) url: String,
    /// The time that its own clock was set to.
    pub(crate) set_to: Option<Timestamp>,
    /// The clock that it goes by otherwise.
    pub(crate) clock: Clock,
    /// How long a new customer is missing from searches.
    pub(crate) search_lag_seconds: i64,
    /// The keys that are accepted.
    pub(crate) keys: Vec<String>,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) policy: Policy,
    pub(crate) cause: Cause,
}

impl State {
    pub(crate) fn instant(&self) -> Timestamp {
        self.set_to.unwrap_or_else(|| self.clock.now())
    }

    /// Seconds since 1970, as Stripe counts time.
    pub(crate) fn now(&self) -> i64 {
        self.instant().as_second()
    }

    /// Records that something happened to an object.
    pub(crate) fn record(&mut self, kind: &str, object: Value) {
        self.record_change(kind, object, None);
    }

    /// The same with the former values of what has changed.
    pub(crate) fn record_change(&mut self, kind: &str, object: Value, previous: Option<Value>) {
        let event = Event {
            id: new_id("evt"),
            kind: kind.to_owned(),
            created: self.now(),
            object,
            previous,
            cause: self.cause.clone(),
            delivery: if self.endpoint.is_some() { Delivery::Pending } else { Delivery::NoEndpoint },
        };
        self.tables.events.put(event);
    }

    /// The events that wait, in the order of their delivery by the policy. The policy may lose some of them.
    pub(crate) fn due_events(&mut self) -> Vec<String> {
        let waits = |event: &&Event| event.delivery == Delivery::Pending;
        let mut due: Vec<_> =
            self.tables.events.oldest().filter(waits).map(|event| event.id.clone()).collect();
        for id in due.drain(..self.policy.lose.min(due.len())) {
            self.policy.lose -= 1;
            if let Some(event) = self.tables.events.get_mut(&id) {
                event.delivery = Delivery::Lost;
            }
        }
        let times = self.policy.duplicates + 1;
        let mut due: Vec<_> = due.iter().flat_map(|id| std::iter::repeat_n(id.clone(), times)).collect();
        if self.policy.shuffle {
            fastrand::shuffle(&mut due);
        }
        due
    }

    /// The object with this id, of any kind that can be expanded.
    pub(crate) fn object(&self, id: &str) -> Option<Value> {
        let tables = &self.tables;
        let (prefix, _) = id.split_once('_')?;
        Some(match prefix {
            "cus" => tables.customers.get(id)?.json(),
            "pm" => tables.payment_methods.get(id)?.json(),
            "seti" => tables.setup_intents.get(id)?.json(),
            "pi" => tables.payment_intents.get(id)?.json(),
            "ch" => tables.charges.get(id)?.json(),
            _ => return None,
        })
    }

    /// Replaces ids by the objects that `expand[]` names, such as `latest_charge` or `data.payment_method`.
    pub(crate) fn expand(&self, answer: &mut Value, paths: &[String]) -> Result<(), Refusal> {
        for path in paths {
            self.expand_one(answer, path).ok_or_else(|| {
                Refusal::plain(&format!("This property cannot be expanded ({path}).")).at("expand")
            })?;
        }
        Ok(())
    }

    fn expand_one(&self, object: &mut Value, path: &str) -> Option<()> {
        let (field, rest) = path.split_once('.').map_or((path, None), |(field, rest)| (field, Some(rest)));
        if field == "data" {
            let elements = object.get_mut("data")?.as_array_mut()?;
            return elements.iter_mut().try_for_each(|element| self.expand_one(element, rest?));
        }
        if field == "refunds" && object["object"] == "charge" {
            object["refunds"] = crate::refunds::of_charge(self, object["id"].as_str()?);
            return Some(());
        }
        let value = object.get_mut(field)?;
        if let Some(id) = value.as_str() {
            *value = self.object(id)?;
        }
        match rest {
            Some(rest) if !value.is_null() => self.expand_one(value, rest),
            _ => Some(()),
        }
    }
}

/// A new id, such as `pi_` and 24 letters and digits.
pub(crate) fn new_id(prefix: &str) -> String {
    let letters: String = (0..24).map(|_| fastrand::alphanumeric()).collect();
    format!("{prefix}_{letters}")
}

/// A page of a list, of at most `limit` elements, 10 unless the request says otherwise.
pub(crate) fn page(
    path: &str,
    form: &mut Form,
    objects: impl Iterator<Item = Value>,
) -> Result<Value, Refusal> {
    let limit = form.integer("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
    let limit = limit.ok_or_else(|| {
        Refusal::invalid("parameter_invalid_integer", "This value must be between 1 and 100.").at("limit")
    })?;
    let after = form.text("starting_after");
    let before = form.text("ending_before");
    let mut objects: Vec<_> = objects.collect();
    let place = |id: &str, param| {
        let place = objects.iter().position(|object| object["id"] == id);
        place.ok_or_else(|| Refusal::no_object("object", id, Some(param)))
    };
    let (has_more, data) = match (after, before) {
        (None, None) => (objects.len() > limit, objects.into_iter().take(limit).collect::<Vec<_>>()),
        (Some(id), None) => {
            let rest = objects.split_off(place(&id, "starting_after")? + 1);
            (rest.len() > limit, rest.into_iter().take(limit).collect())
        }
        (None, Some(id)) => {
            objects.truncate(place(&id, "ending_before")?);
            let first = objects.len().saturating_sub(limit);
            (first > 0, objects.split_off(first))
        }
        (Some(_), Some(_)) => {
            let message = "You cannot parameterize 'starting_after' and 'ending_before' at once.";
            return Err(Refusal::plain(message).at("starting_after"));
        }
    };
    Ok(json!({ "object": "list", "url": path, "has_more": has_more, "data": data }))
}

/// The charge that a list of refunds or disputes is about, as the list takes it: by its own id, or by its payment intent's.
pub(crate) fn asked_charge(form: &mut Form) -> impl Fn(&str, &str) -> bool + use<> {
    let (charge, intent) = (form.text("charge"), form.text("payment_intent"));
    move |of_charge, of_intent| {
        charge.as_ref().is_none_or(|charge| charge == of_charge)
            && intent.as_ref().is_none_or(|intent| intent == of_intent)
    }
}

/// The bounds of `created`, as a list takes them: `created[gte]=…` or one instant.
pub(crate) fn created_in(form: &mut Form) -> Result<impl Fn(i64) -> bool + use<>, Refusal> {
    let exactly = form.integer("created")?;
    let (gt, gte) = (form.integer("created[gt]")?, form.integer("created[gte]")?);
    let (lt, lte) = (form.integer("created[lt]")?, form.integer("created[lte]")?);
    Ok(move |created| {
        exactly.is_none_or(|bound| created == bound)
            && gt.is_none_or(|bound| created > bound)
            && gte.is_none_or(|bound| created >= bound)
            && lt.is_none_or(|bound| created < bound)
            && lte.is_none_or(|bound| created <= bound)
    })
}

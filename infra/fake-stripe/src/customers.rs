//! `/v1/customers`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::form::Form;
use crate::payment_methods;
use crate::refusal::Refusal;
use crate::state::{State, created_in, new_id, page};
use crate::table::Row;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) preferred_locales: Vec<String>,
    pub(crate) metadata: Map<String, Value>,
    /// Whether searches were told of the customer, before its time.
    pub(crate) is_indexed: bool,
    pub(crate) is_deleted: bool,
}

impl Row for Customer {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Customer {
    pub(crate) fn json(&self) -> Value {
        if self.is_deleted {
            return json!({ "id": self.id, "object": "customer", "deleted": true });
        }
        json!({
            "id": self.id,
            "object": "customer",
            "address": null,
            "balance": 0,
            "created": self.created,
            "currency": null,
            "default_source": null,
            "delinquent": false,
            "description": self.description,
            "email": self.email,
            "invoice_prefix": null,
            "invoice_settings": {
                "custom_fields": null,
                "default_payment_method": null,
                "footer": null,
                "rendering_options": null,
            },
            "livemode": false,
            "metadata": self.metadata,
            "name": self.name,
            "next_invoice_sequence": 1,
            "phone": self.phone,
            "preferred_locales": self.preferred_locales,
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }

    fn read(&mut self, form: &mut Form) -> Result<(), Refusal> {
        for (name, field) in [
            ("name", &mut self.name),
            ("email", &mut self.email),
            ("phone", &mut self.phone),
            ("description", &mut self.description),
        ] {
            if let Some(value) = form.text(name) {
                *field = Some(value);
            }
        }
        let locales = form.list("preferred_locales");
        if !locales.is_empty() {
            self.preferred_locales = locales;
        }
        update_metadata(&mut self.metadata, form.metadata("metadata")?);
        Ok(())
    }
}

/// Sets keys of metadata. An empty value removes its key.
pub(crate) fn update_metadata(metadata: &mut Map<String, Value>, new: Map<String, Value>) {
    metadata.extend(new);
    metadata.retain(|_, value| value != "");
}

/// A customer that is there and not deleted. `param` is the parameter that names it, unless it is in the path.
pub(crate) fn existing<'a>(state: &'a State, id: &str, param: Option<&str>) -> Result<&'a Customer, Refusal> {
    let customer = state.tables.customers.get(id).filter(|customer| !customer.is_deleted);
    customer.ok_or_else(|| Refusal::no_object("customer", id, param))
}

pub(crate) fn create(state: &mut State, form: &mut Form) -> Result<Value, Refusal> {
    let mut customer = Customer { id: new_id("cus"), created: state.now(), ..Customer::default() };
    customer.read(form)?;
    form.finish()?;
    let answer = customer.json();
    state.tables.customers.put(customer);
    state.record("customer.created", answer.clone());
    Ok(answer)
}

pub(crate) fn retrieve(state: &State, id: &str) -> Result<Value, Refusal> {
    let customer = state.tables.customers.get(id).ok_or_else(|| Refusal::no_object("customer", id, None))?;
    Ok(customer.json())
}

pub(crate) fn update(state: &mut State, id: &str, form: &mut Form) -> Result<Value, Refusal> {
    let mut customer = existing(state, id, None)?.clone();
    customer.read(form)?;
    form.finish()?;
    let answer = customer.json();
    state.tables.customers.put(customer);
    state.record("customer.updated", answer.clone());
    Ok(answer)
}

/// Deletes a customer, whose cards are detached and can never be used again.
pub(crate) fn delete(state: &mut State, id: &str) -> Result<Value, Refusal> {
    let mut customer = existing(state, id, None)?.clone();
    let before = customer.json();
    customer.is_deleted = true;
    let answer = customer.json();
    state.tables.customers.put(customer);
    payment_methods::detach_all(state, id);
    state.record("customer.deleted", before);
    Ok(answer)
}

pub(crate) fn list(state: &State, form: &mut Form) -> Result<Value, Refusal> {
    let email = form.text("email");
    let is_in = created_in(form)?;
    let customers = state.tables.customers.newest().filter(|customer| {
        !customer.is_deleted
            && is_in(customer.created)
            && email.as_ref().is_none_or(|email| customer.email.as_ref() == Some(email))
    });
    page("/v1/customers", form, customers.map(Customer::json))
}

/// Searches by `metadata['key']:'value'` or `email:'value'`, with `AND` between them. A customer is found once the index has it.
pub(crate) fn search(state: &State, form: &mut Form) -> Result<Value, Refusal> {
    let query = form.required("query")?;
    let clauses = query.split(" AND ").map(Clause::parse).collect::<Option<Vec<_>>>();
    let clauses = clauses.ok_or_else(|| {
        Refusal::plain(&format!("We were unable to parse your search query: {query}")).at("query")
    })?;
    let limit = form.integer("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit).unwrap_or_default().clamp(1, 100);
    let indexed_until = state.now() - state.search_lag_seconds;
    let mut found = state.tables.customers.newest().filter(|customer| {
        !customer.is_deleted
            && (customer.is_indexed || customer.created <= indexed_until)
            && clauses.iter().all(|clause| clause.holds(customer))
    });
    let data: Vec<_> = found.by_ref().take(limit).map(Customer::json).collect();
    // A next page would be asked for by `page`, which the fake refuses as unknown.
    let has_more = found.next().is_some();
    Ok(json!({
        "object": "search_result",
        "url": "/v1/customers/search",
        "has_more": has_more,
        "data": data,
        "next_page": has_more.then_some("next"),
    }))
}

/// One condition of a search.
struct Clause<'a> {
    /// The key of metadata; the e-mail address if there is none.
    key: Option<&'a str>,
    value: String,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (field, value) = text.trim().split_once(':')?;
        let unquote = |text: &'a str| {
            let quote = text.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
            text.strip_prefix(quote)?.strip_suffix(quote)
        };
        let value = unquote(value)?.replace("\\'", "'").replace("\\\"", "\"");
        if field == "email" {
            return Some(Self { key: None, value });
        }
        let key = unquote(field.strip_prefix("metadata[")?.strip_suffix(']')?)?;
        Some(Self { key: Some(key), value })
    }

    fn holds(&self, customer: &Customer) -> bool {
        match self.key {
            None => customer.email.as_ref() == Some(&self.value),
            Some(key) => customer.metadata.get(key).is_some_and(|value| *value == self.value),
        }
    }
}

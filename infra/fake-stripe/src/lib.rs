//! A fake of Stripe's HTTP API, for tests and for the one-machine host. It charges nothing, listens on 127.0.0.1 only, and keeps its
//! objects in memory or in a file.
//!
//! ```sh
//! cargo run -p fake-stripe                    # prints its URL, such as http://127.0.0.1:45123
//! curl -H 'authorization: Bearer sk_test_1' http://127.0.0.1:45123/v1/customers -d 'metadata[account]=acc_1'
//! stripe trigger charge.refunded --api-base http://127.0.0.1:45123 --api-key sk_test_1234567890
//! ```
//!
//! It has the part of version [`VERSION`] that an integration needs which saves cards on a hosted page, charges them, pays back, and
//! follows disputes: customers, payment methods, Checkout in setup mode, payment intents, charges, refunds, disputes and events.
//! `tests/stripe` drives it with Stripe's own client, and compares every answer with Stripe's OpenAPI document. A parameter that it
//! does not know is refused, so that no test passes by a parameter that the fake ignored.
//!
//! | it differs from Stripe | since |
//! |---|---|
//! | every test card can be saved; Stripe refuses to save those that it declines, but for 0341 | a decline is to be tried with a saved card |
//! | a saved card, and one of a page, wants no owner until it is charged | the page has buttons, and asks nothing further |
//! | a charge in another currency than the account's has no smallest amount unless Stripe lists one | the account has no currency |
//! | cards only, charged at once | the product has nothing else |
//!
//! # What only the fake has
//!
//! Routes under `/_fake/` take and give JSON, and ask for no key.
//!
//! | route | body | what it does |
//! |---|---|---|
//! | `POST /_fake/faults` | `{"method": "POST", "path": "/v1/payment_intents/*/confirm", "skip": 0, "count": 1, "moment": "before", "kind": "timeout"}` | the next such calls fail, before or `after` they are carried out. Kinds: `timeout`, `close`, `hold`, `{"answer": {"status": 429, "code": null, "should_retry": true, "kept": false}}` |
//! | `GET`, `DELETE /_fake/faults` | | the faults that are still to happen; none from now on |
//! | `POST /_fake/release` | | calls that are held go on; those that time out are closed |
//! | `GET`, `DELETE /_fake/calls` | | the calls of the API so far, at most 10,000; none |
//! | `GET`, `POST`, `DELETE /_fake/clock` | `{"now": "2026-11-28T12:00:00Z"}` or `{"advance_seconds": 60}` | the clock, which stands still once it is set |
//! | `POST /_fake/keys` | `{"keys": ["sk_test_2"]}` | the keys that are accepted |
//! | `POST /_fake/search` | | the index of searches knows every customer |
//! | `POST /_fake/payment_methods/{pm}` | `{"exp_month": 1, "exp_year": 2027, "last4": "1881"}` | the network updates a card |
//! | `POST /_fake/payment_methods/{pm}/detach` | | a card is detached in the dashboard |
//! | `POST /_fake/customers/{cus}/delete` | | a customer is deleted in the dashboard |
//! | `POST /_fake/checkout/sessions/{cs}/enter` | `{"card": "pm_card_visa"}` | a card is entered, as on the session's page |
//! | `POST /_fake/payment_intents/{pi}/authenticate` | `{"approved": true}` | the owner decides, as on the page |
//! | `POST /_fake/payment_intents/{pi}/settle` | `{"declined": false}` | a charge in `processing` is decided; the card `pm_fake_processing` leads there |
//! | `POST /_fake/payment_intents/{pi}` | `{"status": "requires_capture", "amount": 1, "amount_received": 1, "currency": "eur"}` | an object contradicts what it was created with |
//! | `POST /_fake/charges/{pi}/refund` | `{"amount": 100}` | a refund in the dashboard; of all that is left without an amount |
//! | `POST /_fake/refunds/{re}/fail`, `…/succeed`, `…/cancel` | | the card's bank decides. Refunds of `pm_card_pendingRefund` stay `pending` until then |
//! | `POST /_fake/charges/{pi}/dispute` | `{"amount": 100, "reason": "fraudulent", "inquiry": false}` | a dispute is opened; unless it is an inquiry, its funds are withdrawn |
//! | `…/dispute/withdraw`, `…/dispute/reinstate` | `{"amount": 100}` for the latter | an inquiry becomes a dispute; funds come back |
//! | `…/dispute/close` | `{"outcome": "won", "returned": 0}` | `won`, `lost` or `warning_closed`. The funds of a dispute that is won come back, and of a lost one the part that is `returned` |
//! | `POST /_fake/webhook` | `{"url": "http://127.0.0.1:1/", "secrets": ["whsec_1"]}` | the endpoint of events from now on |
//! | `GET`, `POST /_fake/deliveries` | `{"automatic": false, "duplicates": 0, "shuffle": false, "lose": 0, "delay_milliseconds": 0}` | how events are delivered: see [`Policy`] |
//! | `POST /_fake/deliveries/run` | nothing, or `{"events": ["evt_1", "evt_1"]}` | the events that wait are delivered, or these in this order. The answer lists the deliveries with the endpoint's statuses |

#![recursion_limit = "256"]

mod amounts;
mod api;
mod cards;
mod charges;
mod checkout;
mod control;
mod customers;
mod disputes;
mod events;
mod faults;
mod file;
mod form;
mod idempotency;
mod pages;
mod payment_intents;
mod payment_methods;
mod refunds;
mod refusal;
mod server;
mod setup_intents;
mod state;
mod table;
mod version;
mod webhooks;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use api::Call;
use faults::Faults;
use file::Log;
use state::{Cause, State, Tables};

pub use version::VERSION;
pub use webhooks::{Endpoint, Policy};

/// How to start a fake.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port; 0 picks a free one.
    pub port: u16,
    /// The file that objects are kept in. Without it, they are lost with the process. One fake at a time may use a file.
    pub file: Option<PathBuf>,
    /// The keys that are accepted. If there is none, every key that begins with `sk_test_` or `rk_test_` is.
    pub keys: Vec<String>,
    /// The endpoint of events.
    pub webhook: Option<Endpoint>,
    /// How events are delivered to it.
    pub policy: Policy,
    /// How long a new customer is missing from searches.
    pub search_lag_seconds: i64,
    /// The clock that it goes by until its own is set.
    pub clock: Clock,
}

/// A clock that the fake goes by.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Goes by this clock.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    /// The machine's clock.
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            file: None,
            keys: Vec::new(),
            webhook: None,
            policy: Policy::default(),
            search_lag_seconds: 60,
            clock: Clock::default(),
        }
    }
}

/// A running fake, which ends when it is dropped.
#[derive(Debug)]
pub struct Fake {
    url: String,
    /// Ends the tasks when it is dropped.
    _tasks: JoinSet<()>,
}

impl Fake {
    /// Starts a fake.
    ///
    /// # Errors
    ///
    /// The port is taken, or the file cannot be used.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (log, tables) = match &options.file {
            None => (None, Tables::default()),
            Some(path) => {
                let (log, mut tables) = Log::open(path)?;
                tables.move_pages(&url);
                (Some(log), tables)
            }
        };
        let state = State {
            tables,
            url: url.clone(),
            set_to: None,
            clock: options.clock,
            search_lag_seconds: options.search_lag_seconds,
            keys: options.keys,
            endpoint: options.webhook,
            policy: options.policy,
            cause: Cause::default(),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new((state, log)),
            faults: Mutex::default(),
            calls: Mutex::default(),
            in_progress: Mutex::default(),
            released: Notify::new(),
            happened: Notify::new(),
            client: reqwest::Client::new(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(webhooks::deliver_automatically(Arc::clone(&shared)));
        tasks.spawn(server::serve(listener, shared));
        Ok(Self { url, _tasks: tasks })
    }

    /// Where it is, such as `http://127.0.0.1:45123`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// What all requests share.
struct Shared {
    state: Mutex<(State, Option<Log>)>,
    faults: Mutex<Faults>,
    calls: Mutex<Vec<Call>>,
    /// The idempotency keys of requests that are being carried out.
    in_progress: Mutex<HashSet<String>>,
    /// Told to requests that a fault holds.
    released: Notify,
    /// Told when there may be events to deliver.
    happened: Notify,
    client: reqwest::Client,
}

impl Shared {
    /// Changes the state, and keeps it. Changes are made one at a time.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut guard = lock(&self.state);
        let (state, log) = &mut *guard;
        let result = change(state);
        if state.tables.is_unchanged() {
            return result;
        }
        if let Some(Err(error)) = log.as_mut().map(|log| log.append(&state.tables)) {
            tracing::error!(%error, "the change could not be written to the file");
        }
        if !state.tables.events.is_unchanged() {
            self.happened.notify_one();
        }
        state.tables.keep();
        result
    }

    fn endpoint(&self) -> Option<Endpoint> {
        lock(&self.state).0.endpoint.clone()
    }

    fn policy(&self) -> Policy {
        lock(&self.state).0.policy.clone()
    }
}

/// Locks a part of the shared state. One that another request left behind in a panic is used as it is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

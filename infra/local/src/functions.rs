//! What stands in for Lambda: which function answers which route, each with ports of its own, and what each
//! has done and consumed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::runtime::PublishedRates;
use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Problem, Scheduled};
use domain::purchase::PurchaseLimits;
use domain::recharge::Policy;
use domain::{AccountId, PaymentId};
use jiff::Timestamp;
use payments::{Processor, Sandbox};
use recharge::Leases;
use serde::Serialize;
use store::{Store, StoreError, Tables};
use tokio::sync::Notify;

use crate::database::Database;
use crate::faults::{Faults, FaultyProcessor, Wire, plain_http};

/// The sample rates, which are published here.
const RATES: &str = include_str!("../../rates/sample.csv");

/// Where a person confirms a payment that the card wants its owner for.
pub const AUTHENTICATION_PATH: &str = "/_local/authenticate";

/// A function that answers the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiFunction {
    /// Funds are bought and adjusted.
    Purchase,
    /// Finished calls are paid for.
    Debit,
    /// Accounts are created, read and set up.
    Account,
}

impl ApiFunction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Purchase, Self::Debit, Self::Account];

    /// What it answers.
    pub fn routes(self) -> &'static [&'static str] {
        match self {
            Self::Purchase => purchase::ROUTES,
            Self::Debit => debit::ROUTES,
            Self::Account => account::ROUTES,
        }
    }
}

/// Every function with its ports, and what it has done.
pub struct Functions {
    purchase: purchase::Ports,
    debit: debit::Ports,
    account: account::Ports,
    expire: expire::Ports,
    recharge: recharge::Ports,
    sandbox: Sandbox,
    counts: [Counts; NAMES.len()],
    flights: Arc<Flights>,
}

const NAMES: [&str; 5] = ["purchase", "debit", "account", "expire", "recharge"];
const EXPIRE: usize = 3;
const RECHARGE: usize = 4;

#[derive(Debug, Default)]
struct Counts {
    invocations: AtomicU64,
    errors: AtomicU64,
}

/// What a function has done since the host started.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Its name.
    #[serde(skip)]
    pub name: &'static str,
    /// How often it ran.
    pub invocations: u64,
    /// How often it failed.
    pub errors: u64,
    /// Read units its store consumed.
    pub read_units: f64,
    /// Write units its store consumed.
    pub write_units: f64,
}

impl Functions {
    /// Makes the tables, and gives each function a store of its own over the faulty wire. The sandbox keeps
    /// its record over a wire of its own: what it has charged is the truth.
    pub async fn connect(database: &Database, faults: &Arc<Faults>, url: &str) -> anyhow::Result<Self> {
        let tables = Tables::default();
        let steady = database.client(plain_http(), faults);
        tables.create(&steady).await?;
        let sandbox = Sandbox::new(steady, "sandbox", format!("{url}{AUTHENTICATION_PATH}"));
        sandbox.create_table().await?;
        let client = database.client(Wire::shared(faults.clone()), faults);
        let store = || Arc::new(Store::new(client.clone(), tables.clone()));
        let processor: Arc<dyn Processor> = Arc::new(FaultyProcessor::new(sandbox.clone(), faults.clone()));
        let rates = PublishedRates::reading(RATES);
        let limits = PurchaseLimits::default();
        Ok(Self {
            purchase: purchase::Ports {
                store: store(),
                processor: processor.clone(),
                limits: limits.clone(),
            },
            debit: debit::Ports { store: store(), rates: rates.clone() },
            account: account::Ports { store: store(), processor: processor.clone(), rates, limits },
            expire: expire::Ports { store: store() },
            recharge: recharge::Ports { store: store(), processor, policy: Policy::default() },
            sandbox,
            counts: Default::default(),
            flights: Arc::default(),
        })
    }

    /// The card processor's own record, and its page.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// What the purchase function works with, for tests that kill it or take its place.
    pub fn purchase_ports(&self) -> &purchase::Ports {
        &self.purchase
    }

    /// Hands a function an event, as Lambda does: it runs to its end even when the caller has gone, and a
    /// panic is an error of this one run.
    pub async fn answer(
        self: &Arc<Self>,
        function: ApiFunction,
        event: ApiGatewayV2httpRequest,
    ) -> ApiGatewayV2httpResponse {
        let functions = self.clone();
        let flight = self.flights.take_off();
        let run = tokio::spawn(async move {
            let _flight = flight;
            match function {
                ApiFunction::Purchase => purchase::handle(event, &functions.purchase).await,
                ApiFunction::Debit => debit::handle(event, &functions.debit).await,
                ApiFunction::Account => account::handle(event, &functions.account).await,
            }
        });
        let response = run.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, ?function, "a function panicked");
            Problem::Internal(panic.to_string()).into_reply().into_event()
        });
        self.counts[function as usize].add(response.status_code >= 500);
        response
    }

    /// Runs the nightly sweep as of this instant.
    pub async fn expire(&self, time: Timestamp) -> Result<expire::Summary, expire::ExpireError> {
        let _flight = self.flights.take_off();
        let result = expire::handle(Scheduled { time }, &self.expire).await;
        self.counts[EXPIRE].add(result.is_err());
        result
    }

    /// Runs the recovery as of this instant.
    pub async fn recover(
        &self,
        time: Timestamp,
        leases: Leases,
    ) -> Result<recharge::Summary, recharge::RecoverError> {
        let _flight = self.flights.take_off();
        let result = recharge::recover(time, leases, &self.recharge).await;
        self.counts[RECHARGE].add(result.is_err());
        result
    }

    /// Finds out what became of one payment, as a card processor's webhook would have it done.
    pub async fn payment_moved(
        &self,
        account: &AccountId,
        id: &PaymentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let _flight = self.flights.take_off();
        let result = recharge::payment_moved(&self.recharge, account, id, now).await;
        self.counts[RECHARGE].add(result.is_err());
        result
    }

    /// Waits until nothing is in flight.
    pub async fn drain(&self) {
        self.flights.all_landed().await;
    }

    /// What each function has done.
    pub fn metrics(&self) -> [Metrics; NAMES.len()] {
        let stores = [
            &self.purchase.store,
            &self.debit.store,
            &self.account.store,
            &self.expire.store,
            &self.recharge.store,
        ];
        std::array::from_fn(|index| {
            let units = stores[index].meter().units();
            Metrics {
                name: NAMES[index],
                invocations: self.counts[index].invocations.load(Ordering::Relaxed),
                errors: self.counts[index].errors.load(Ordering::Relaxed),
                read_units: units.read,
                write_units: units.write,
            }
        })
    }
}

impl Counts {
    fn add(&self, failed: bool) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(failed), Ordering::Relaxed);
    }
}

/// How many runs are not over.
#[derive(Debug, Default)]
struct Flights {
    count: AtomicU64,
    landed: Notify,
}

/// One run that is not over; dropping it says that it is, however it ended.
struct Flight(Arc<Flights>);

impl Flights {
    fn take_off(self: &Arc<Self>) -> Flight {
        self.count.fetch_add(1, Ordering::SeqCst);
        Flight(self.clone())
    }

    async fn all_landed(&self) {
        loop {
            let landed = self.landed.notified();
            if self.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            landed.await;
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.landed.notify_waiters();
        }
    }
}

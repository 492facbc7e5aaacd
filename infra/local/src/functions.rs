//! Stands in for Lambda: invokes the function of a route, a schedule or a queue, each with ports of its own, and counts
//! runs, errors and consumed units.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Problem, Routes};
use aws_lambda_events::sqs;
use domain::purchase::PurchaseLimits;
use domain::recharge::Policy;
use domain::{AccountId, PaymentId};
use jiff::Timestamp;
use lambda::Scheduled;
use payments::sandbox::{Pages, SANDBOX};
use payments::stripe_range::charged_by_stripe;
use payments::{MessageError, Portal, Processor, Sandbox};
use publish::{Batch, Redrive, RedriveError, Redriven, Republish, RepublishError, Republished};
use rates::PublishedRates;
use recharge::Leases;
use serde::Serialize;
use serde_json::Value;
use store::mail_leases::{MailLeases, NOTICES};
use store::{Store, StoreError, Tables};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::aws::Aws;
use crate::clock::Clock;
use crate::database::Database;
use crate::faults::{Faults, FaultyProcessor};
use crate::queues::{Queue, random_id};
use crate::stripe::Stripe;

/// The published rates of this host, which are those of the sample deck. They are read once for all hosts of the process.
static RATES: LazyLock<PublishedRates> = LazyLock::new(|| {
    let sample = include_bytes!("../../rates/sample.csv");
    rates::read(&sample[..]).expect("the sample is a valid deck").into()
});

/// The address that mails come from.
const MAIL_FROM: &str = "credits@localhost";

/// The secret that messages of the card processor are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_local";

/// The path of the page where a card's owner confirms a payment.
pub const AUTHENTICATION_PATH: &str = "/_local/authenticate";

/// The path of the page where a card is entered.
pub const CARDS_PATH: &str = "/_local/cards";

/// A function that answers the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiFunction {
    /// Buys and adjusts funds.
    Purchase,
    /// Charges for finished calls.
    Debit,
    /// Creates, changes and reads accounts.
    Account,
    /// Reads an account's funds and transactions.
    Statement,
    /// Reports usage.
    Report,
    /// Ends invoices.
    Invoice,
    /// Says whether a call may start.
    Authorize,
}

impl ApiFunction {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Purchase,
        Self::Debit,
        Self::Account,
        Self::Statement,
        Self::Report,
        Self::Invoice,
        Self::Authorize,
    ];

    /// The function that answers a route.
    pub(crate) fn of(route: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.routes().iter().any(|(listed, _)| *listed == route))
    }

    /// The routes that it answers.
    pub fn routes(self) -> Routes {
        match self {
            Self::Purchase => purchase::ROUTES,
            Self::Debit => debit::ROUTES,
            Self::Account => account::ROUTES,
            Self::Statement => statement::ROUTES,
            Self::Report => report::ROUTES,
            Self::Invoice => invoice::ROUTES,
            Self::Authorize => authorize::ROUTES,
        }
    }
}

/// Every function with its ports and its counts.
pub struct Functions {
    purchase: purchase::Ports,
    debit: debit::Ports,
    account: account::Ports,
    statement: statement::Ports,
    report: report::Ports,
    invoice: invoice::Ports,
    authorize: authorize::Ports,
    expire: expire::Ports,
    recharge: recharge::Ports,
    publish: publish::Ports,
    notify: notify::Ports,
    reconcile: reconcile::Ports,
    webhook: webhook::Ports,
    sandbox: Sandbox,
    counts: [Counts; NAMES.len()],
    flights: Arc<Flights>,
}

const NAMES: [&str; 12] = [
    "purchase",
    "debit",
    "account",
    "statement",
    "report",
    "invoice",
    "authorize",
    "expire",
    "recharge",
    "publish",
    "notify",
    "reconcile",
];
const EXPIRE: usize = 7;
const RECHARGE: usize = 8;
const PUBLISH: usize = 9;
const NOTIFY: usize = 10;
const RECONCILE: usize = 11;

/// How long a batch or a request of finished calls may take, as on Lambda.
const DEBITS_FOR: Duration = Duration::from_secs(26);

/// How long a report may total days, as on Lambda.
const REPORTS_FOR: Duration = Duration::from_secs(20);

/// How long sending the mails of a batch may take, as on Lambda.
const NOTIFIES_FOR: Duration = Duration::from_secs(55);

/// How long publishing a period again, or publishing undelivered records, may take, as on Lambda.
const REPUBLISHES_FOR: Duration = Duration::from_mins(2);

/// How long reconciliation may take, as on Lambda.
const RECONCILES_FOR: Duration = Duration::from_mins(15);

#[derive(Debug, Default)]
struct Counts {
    invocations: AtomicU64,
    errors: AtomicU64,
}

/// A function's counts since the host started.
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
    /// Creates the tables, and gives each function a store of its own over the wire that injects faults. The sandbox keeps
    /// its record over a wire without faults, since the books are checked against this record. `stripe` is the card processor if
    /// it is not the sandbox.
    pub async fn connect(
        database: &Database,
        aws: &Aws,
        faults: &Arc<Faults>,
        clock: Arc<Clock>,
        url: &str,
        stripe: Option<&Stripe>,
    ) -> anyhow::Result<Self> {
        let tables = Tables::default();
        let steady = database.steady_client();
        tables.create(&steady).await?;
        let pages = Pages {
            authentication: format!("{url}{AUTHENTICATION_PATH}"),
            cards: format!("{url}{CARDS_PATH}"),
        };
        let sandbox = Sandbox::new(steady, SANDBOX.name, pages);
        sandbox.create_table().await?;
        let client = database.client(faults);
        let store = || Arc::new(Store::new(client.clone(), tables.clone()));
        // Calls are authorized and charged for at the same time, so within this process they take turns.
        let calls = store();
        let leases = MailLeases::new(client.clone(), NOTICES.name, MailLeases::LASTING);
        leases.create_table().await?;
        let limits = match stripe {
            None => PurchaseLimits::default(),
            Some(_) => PurchaseLimits::default().within(charged_by_stripe)?,
        };
        let processor = stripe.map_or_else(|| Arc::new(sandbox.clone()) as _, Stripe::processor);
        let processor: Arc<dyn Processor> = Arc::new(FaultyProcessor::new(processor, faults.clone()));
        let portal = Portal::new(url);
        let rates = RATES.clone();
        let policy = Policy { limits: limits.clone(), ..Policy::default() };
        Ok(Self {
            purchase: purchase::Ports {
                store: store(),
                processor: processor.clone(),
                portal: portal.clone(),
                limits,
            },
            authorize: authorize::Ports { store: Arc::new(calls.beside()), rates: rates.clone() },
            debit: debit::Ports::new(calls, rates.clone()),
            account: account::Ports {
                store: store(),
                processor: processor.clone(),
                portal: portal.clone(),
                policy: policy.clone(),
            },
            statement: statement::Ports {
                store: store(),
                rates,
                charged: policy.limits.charged(),
                sums_for: statement::SUMS_FOR,
                csv_bytes: statement::invoices::CSV_BYTES,
            },
            report: report::Ports { store: store() },
            invoice: invoice::Ports { store: store() },
            expire: expire::Ports { store: store() },
            recharge: recharge::Ports {
                store: store(),
                processor,
                portal,
                policy,
                lease_clock: {
                    let clock = clock.clone();
                    Arc::new(move || clock.now())
                },
            },
            publish: publish::Ports {
                bus: aws.bus(),
                bus_name: "local".to_owned(),
                undelivered: aws.bucket(),
                store: store(),
            },
            notify: notify::Ports {
                store: store(),
                mailer: aws.mail(),
                leases,
                from: MAIL_FROM.to_owned(),
                portal: url.to_owned(),
                configuration_set: None,
                patience: notices::send::PATIENCE,
            },
            reconcile: reconcile::Ports {
                store: store(),
                limits: reconcile::Limits::default(),
                clock: Arc::new(move || clock.now()),
            },
            webhook: webhook::Ports {
                secrets: webhook::secrets(stripe.map_or(WEBHOOK_SECRET, Stripe::webhook_secret)),
                sqs: aws.sqs(),
                queue_url: aws.processor_queue(),
            },
            sandbox,
            counts: Default::default(),
            flights: Arc::default(),
        })
    }

    /// The sandbox card processor, with its record of payments.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The ports of the purchase function, for tests that kill it or take its place.
    pub fn purchase_ports(&self) -> &purchase::Ports {
        &self.purchase
    }

    /// The ports of the account function, for such tests.
    pub fn account_ports(&self) -> &account::Ports {
        &self.account
    }

    /// The ports of the debit function, for such tests.
    pub fn debit_ports(&self) -> &debit::Ports {
        &self.debit
    }

    /// The ports of the statement function, for such tests.
    pub fn statement_ports(&self) -> &statement::Ports {
        &self.statement
    }

    /// The ports of the report function, for such tests.
    pub fn report_ports(&self) -> &report::Ports {
        &self.report
    }

    /// The ports of the authorize function, for such tests.
    pub fn authorize_ports(&self) -> &authorize::Ports {
        &self.authorize
    }

    /// The ports of the recharge function, for such tests.
    pub fn recharge_ports(&self) -> &recharge::Ports {
        &self.recharge
    }

    /// Invokes a function with an event, as Lambda does. The function runs to its end even if the caller is gone, and a panic
    /// is an error of this run only.
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
                ApiFunction::Debit => {
                    debit::handle(event, &functions.debit, Instant::now() + DEBITS_FOR).await
                }
                ApiFunction::Account => account::handle(event, &functions.account).await,
                ApiFunction::Statement => statement::handle(event, &functions.statement).await,
                ApiFunction::Report => {
                    report::handle(event, &functions.report, Instant::now() + REPORTS_FOR).await
                }
                ApiFunction::Invoice => invoice::handle(event, &functions.invoice).await,
                ApiFunction::Authorize => authorize::handle(event, &functions.authorize).await,
            }
        });
        let response = run.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, ?function, "a function panicked");
            Problem::Internal(panic.to_string()).into_reply().into_event()
        });
        self.ran(function as usize, response.status_code >= 500);
        response
    }

    /// Hands a message of the card processor to `webhook`. It runs to its end even if the caller is gone.
    pub async fn take_message(self: &Arc<Self>, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        let functions = self.clone();
        let flight = self.flights.take_off();
        let run = tokio::spawn(async move {
            let _flight = flight;
            webhook::handle(event, &functions.webhook).await
        });
        run.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "webhook panicked");
            Problem::Internal(panic.to_string()).into_reply().into_event()
        })
    }

    /// The ports of the webhook function, for tests.
    pub fn webhook_ports(&self) -> &webhook::Ports {
        &self.webhook
    }

    /// Runs the nightly sweep as of this instant.
    pub async fn expire(&self, time: Timestamp) -> Result<expire::Summary, expire::ExpireError> {
        let _flight = self.flights.take_off();
        let result = expire::handle(scheduled(time), &self.expire).await;
        self.ran(EXPIRE, result.is_err());
        result
    }

    /// Closes months with invoices and gives reminders, as of this instant.
    pub async fn invoice(&self, time: Timestamp) -> Result<invoice::run::Summary, invoice::run::RunError> {
        let _flight = self.flights.take_off();
        let result = invoice::run::handle(scheduled(time), &self.invoice).await;
        self.ran(ApiFunction::Invoice as usize, result.is_err());
        result
    }

    /// Charges for unrated records as of this instant, if the rates are new.
    pub async fn rate(&self, time: Timestamp) -> Result<debit::unrated::Summary, debit::batch::BatchError> {
        let _flight = self.flights.take_off();
        let result = debit::unrated::handle(scheduled(time), &self.debit, Instant::now() + DEBITS_FOR).await;
        self.ran(ApiFunction::Debit as usize, result.is_err());
        result
    }

    /// Runs the recovery as of this instant.
    pub async fn recover(
        &self,
        time: Timestamp,
        leases: Leases,
    ) -> Result<recharge::Summary, recharge::RecoverError> {
        let _flight = self.flights.take_off();
        let run = recharge::run(time, leases, &self.recharge);
        let result = scheduled(time).run(run).await;
        self.ran(RECHARGE, result.is_err());
        result
    }

    /// Reconciles accounts with their journals and payments.
    pub async fn reconcile(
        &self,
        request: reconcile::Request,
    ) -> Result<reconcile::Summary, reconcile::ReconcileError> {
        let _flight = self.flights.take_off();
        let result = reconcile::handle(request, &self.reconcile, Instant::now() + RECONCILES_FOR).await;
        self.ran(RECONCILE, result.is_err());
        result
    }

    /// The ports of the reconcile function, for tests that give it lower limits.
    pub fn reconcile_ports(&self) -> &reconcile::Ports {
        &self.reconcile
    }

    /// The ports of the publish function, for tests that give it another deadline.
    pub fn publish_ports(&self) -> &publish::Ports {
        &self.publish
    }

    /// Looks up one payment at the card processor and updates it, as a webhook of the processor would.
    pub async fn payment_moved(
        &self,
        account: &AccountId,
        id: &PaymentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let _flight = self.flights.take_off();
        let result = self.recharge.cashier().payment_moved(account, id, now).await;
        self.ran(RECHARGE, result.is_err());
        result
    }

    /// Follows all refunds and disputes of one payment at the card processor, as a webhook of the processor would.
    pub async fn repayments_moved(
        &self,
        account: &AccountId,
        id: &PaymentId,
        now: Timestamp,
    ) -> Result<(), MessageError> {
        let _flight = self.flights.take_off();
        let result = self.recharge.cashier().repayments_moved(account, id, now).await;
        self.ran(RECHARGE, result.is_err());
        result
    }

    /// Saves the card of a set-up, as a webhook of the processor would. It runs to its end even if the caller is gone.
    pub async fn complete_set_up(self: &Arc<Self>, set_up: String, now: Timestamp) -> Result<(), Problem> {
        let functions = self.clone();
        let flight = self.flights.take_off();
        let run = tokio::spawn(async move {
            let _flight = flight;
            Ok(functions.recharge.cashier().complete_set_up(&set_up, now).await?)
        });
        let result = run.await.unwrap_or_else(|panic| Err(Problem::Internal(panic.to_string())));
        self.ran(RECHARGE, result.is_err());
        result
    }

    /// Hands a batch of the stream to `publish`. Returns the sequence numbers of the records that failed.
    pub(crate) async fn publish(self: &Arc<Self>, batch: Batch) -> Vec<String> {
        let sequence = |record: &Value| record["dynamodb"]["SequenceNumber"].as_str().map(str::to_owned);
        let sequences: Vec<_> = batch.records.iter().filter_map(sequence).collect();
        let functions = self.clone();
        let flight = self.flights.take_off();
        let run = tokio::spawn(async move {
            let _flight = flight;
            publish::handle(batch, &functions.publish).await
        });
        let failed = match run.await {
            Ok(response) => response
                .batch_item_failures
                .into_iter()
                .filter_map(|failure| failure.item_identifier)
                .collect(),
            Err(panic) => {
                tracing::error!(%panic, "publish panicked");
                sequences
            }
        };
        self.ran(PUBLISH, !failed.is_empty());
        failed
    }

    /// Publishes a period again.
    pub async fn republish(&self, request: Republish) -> Result<Republished, RepublishError> {
        let _flight = self.flights.take_off();
        let result = publish::republish(request, &self.publish, Instant::now() + REPUBLISHES_FOR).await;
        self.ran(PUBLISH, result.is_err());
        result
    }

    /// Publishes undelivered records.
    pub async fn redrive(&self, request: Redrive) -> Result<Redriven, RedriveError> {
        let _flight = self.flights.take_off();
        let result = publish::redrive(request, &self.publish, Instant::now() + REPUBLISHES_FOR).await;
        self.ran(PUBLISH, result.is_err());
        result
    }

    /// Hands messages of a queue to its function. Returns the ids of those that failed.
    pub(crate) async fn deliver(self: &Arc<Self>, queue: Queue, batch: sqs::SqsEvent) -> Vec<String> {
        let ids: Vec<_> = batch.records.iter().filter_map(|message| message.message_id.clone()).collect();
        let functions = self.clone();
        let flight = self.flights.take_off();
        let run = tokio::spawn(async move {
            let _flight = flight;
            match queue {
                Queue::Recharge | Queue::Processor => {
                    recharge::handle_queue(batch, &functions.recharge).await
                }
                Queue::Notify => {
                    notify::handle(batch, &functions.notify, Instant::now() + NOTIFIES_FOR).await
                }
                Queue::Debits => {
                    debit::queue::handle(batch, &functions.debit, Instant::now() + DEBITS_FOR).await
                }
            }
        });
        let failed = match run.await {
            Ok(response) => {
                response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
            }
            Err(panic) => {
                tracing::error!(%panic, ?queue, "a queue's function panicked");
                ids
            }
        };
        let function = match queue {
            Queue::Recharge | Queue::Processor => RECHARGE,
            Queue::Notify => NOTIFY,
            Queue::Debits => ApiFunction::Debit as usize,
        };
        self.ran(function, !failed.is_empty());
        failed
    }

    fn ran(&self, function: usize, failed: bool) {
        let counts = &self.counts[function];
        counts.invocations.fetch_add(1, Ordering::Relaxed);
        counts.errors.fetch_add(u64::from(failed), Ordering::Relaxed);
    }

    /// The number of runs that have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.flights.begun.load(Ordering::SeqCst)
    }

    /// Waits until no run is in flight.
    pub async fn land(&self) {
        self.flights.all_landed().await;
    }

    /// The counts of each function.
    pub fn metrics(&self) -> [Metrics; NAMES.len()] {
        let stores = [
            &self.purchase.store,
            &self.debit.store,
            &self.account.store,
            &self.statement.store,
            &self.report.store,
            &self.invoice.store,
            &self.authorize.store,
            &self.expire.store,
            &self.recharge.store,
            &self.publish.store,
            &self.notify.store,
            &self.reconcile.store,
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

/// The event that EventBridge Scheduler sends.
fn scheduled(time: Timestamp) -> Scheduled {
    Scheduled { time, id: Some(random_id()) }
}

/// The number of runs in flight.
#[derive(Debug, Default)]
struct Flights {
    count: AtomicU64,
    begun: AtomicU64,
    landed: Notify,
}

/// A run in flight. Dropping this ends it, however the run ended.
struct Flight(Arc<Flights>);

impl Flights {
    fn take_off(self: &Arc<Self>) -> Flight {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst);
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

//! The embedded engine as the SDK's HTTP client: each request is handed to the engine in this process, without a network,
//! HTTP framing or signing.
//!
//! The engine works on the caller's thread. It makes one commit after the other, so other threads would only wait for it, and
//! waking one for each request took over a quarter of a debit's time. On disk, a commit blocks the thread until it is synced.
//! A request is done before its call returns, so the end of its caller does not cancel it.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::faults::Faults;
use crate::stream::Stream;

/// The engine, as an HTTP client.
#[derive(Clone)]
pub(crate) struct Engine {
    database: Database,
    stream: Stream,
    faults: Arc<Faults>,
}

impl Engine {
    /// The engine of this database. While none of these faults is armed, transactions lose their idempotency tokens.
    ///
    /// The engine remembers each token for ten minutes and goes through all of them at every transaction, which soon takes all
    /// its time at a thousand debits a second. A token only serves a retry after a lost reply, and here a reply is lost only
    /// if a fault is armed.
    pub(crate) fn new(database: Database, stream: Stream, faults: Arc<Faults>) -> Self {
        Self { database, stream, faults }
    }

    fn transact(&self, mut request: TransactWriteItemsRequest) -> dynoxide::Result<impl Serialize + use<>> {
        if !self.faults.may_lose_replies() {
            request.client_request_token = None;
        }
        self.database.transact_write_items(request)
    }

    /// The engine's answer to an operation, as JSON.
    fn answer(&self, operation: &str, body: &[u8]) -> dynoxide::Result<Vec<u8>> {
        let database = &self.database;
        match operation {
            "GetItem" => run(body, |request| database.get_item(request)),
            "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
            "TransactGetItems" => run(body, |request| database.transact_get_items(request)),
            "Query" => run(body, |request| database.query(request)),
            "Scan" => run(body, |request| database.scan(request)),
            "PutItem" => run(body, |request| database.put_item(request)),
            "UpdateItem" => run(body, |request| database.update_item(request)),
            "DeleteItem" => run(body, |request| database.delete_item(request)),
            "TransactWriteItems" => run(body, |request| self.transact(request)),
            "CreateTable" => run(body, |request| database.create_table(request)),
            "DescribeTable" => run(body, |request| database.describe_table(request)),
            "UpdateTable" => run(body, |request| database.update_table(request)),
            "DeleteTable" => run(body, |request| database.delete_table(request)),
            "ListTables" => run(body, |request| database.list_tables(request)),
            "UpdateTimeToLive" => run(body, |request| database.update_time_to_live(request)),
            "DescribeTimeToLive" => run(body, |request| database.describe_time_to_live(request)),
            _ => Err(DynoxideError::UnsupportedCapability(format!(
                "{operation} is not passed on to the engine"
            ))),
        }
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<Vec<u8>> {
    let request = serde_json::from_slice(body);
    let answer =
        operation(request.map_err(|error| DynoxideError::SerializationException(error.to_string()))?)?;
    serde_json::to_vec(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl HttpClient for Engine {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Engine {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let response = match self.answer(operation, body) {
            Ok(answer) => {
                self.stream.was_written(body);
                response(200, SdkBody::from(answer))
            }
            Err(error) => response(error.status_code(), SdkBody::from(error.to_json())),
        };
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn response(status: u16, body: SdkBody) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().expect("the number is an HTTP status"), body);
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
    use store::tables::PAYMENTS;

    use super::*;
    use crate::database::Database;
    use crate::faults::{Fault, Kind, Target};

    /// Writes the same new item twice with one token. Returns whether the engine recognized the second try as a repeat.
    async fn writes_once(client: &Client, id: &str) -> bool {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put =
            Put::builder().table_name("payments").item("accountId", text("a")).item("paymentId", text(id));
        let put = put.condition_expression("attribute_not_exists(accountId)").build().unwrap();
        let item = TransactWriteItem::builder().put(put).build();
        let write = client.transact_write_items().transact_items(item).client_request_token("token");
        write.clone().send().await.unwrap();
        match write.send().await {
            Ok(_) => true,
            Err(error) => {
                assert!(error.as_service_error().unwrap().is_transaction_canceled_exception(), "{error:?}");
                false
            }
        }
    }

    #[tokio::test]
    async fn a_token_is_kept_while_a_reply_may_be_lost() {
        let database = Database::open(None).await.unwrap();
        let faults = Arc::new(Faults::default());
        let client = database.client(&faults);
        PAYMENTS.create(&client, "payments").await.unwrap();
        assert!(!writes_once(&client, "one").await);
        faults.arm(Fault { target: Some(Target::Mail), kind: Kind::Down, skip: 0, count: 1 });
        assert!(writes_once(&client, "two").await);
    }

    #[tokio::test]
    async fn an_error_of_the_engine_is_the_sdks() {
        let database = Database::open(None).await.unwrap();
        let get = database.client(&Arc::default()).get_item().table_name("none");
        let key = AttributeValue::S("a".to_owned());
        let error = get.key("accountId", key).send().await.unwrap_err();
        assert!(error.as_service_error().unwrap().is_resource_not_found_exception(), "{error:?}");
    }
}

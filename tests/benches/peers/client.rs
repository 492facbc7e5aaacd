//! A client with a connection of its own that does little else than send and receive, as pgbench does.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Where debits are sent, and as whom.
#[derive(Clone)]
pub(crate) struct Target {
    /// The host's address and port.
    pub(crate) authority: String,
    pub(crate) token: String,
}

pub(crate) struct Client {
    target: Target,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Target {
    /// Runs `work` with a client. The connection is driven by the same task.
    pub(crate) async fn connected<T>(&self, work: impl AsyncFnOnce(Client) -> T) -> T {
        let stream = TcpStream::connect(&self.authority).await.expect("the host listens");
        stream.set_nodelay(true).expect("a setting of TCP");
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.expect("the host speaks HTTP");
        let client = Client { target: self.clone(), sender };
        let (done, ended) = tokio::join!(work(client), connection);
        ended.expect("the connection ends with the client");
        done
    }
}

impl Client {
    /// Sends records, all of which must be accepted.
    pub(crate) async fn debit(&mut self, account: &str, records: &[String]) {
        let body = format!(r#"{{"records":[{}]}}"#, records.join(","));
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/accounts/{account}/debits"))
            .header("host", &self.target.authority)
            .header("authorization", format!("Bearer {}", self.target.token))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .expect("a request");
        let response = self.sender.send_request(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("the whole answer").to_bytes();
        let body = String::from_utf8_lossy(&body);
        let accepted = format!(r#""accepted":{},"#, records.len());
        assert!(status == 200 && body.contains(&accepted), "{status} {body}");
    }
}

//! The mailbox of the one-machine host: mails are sent with the SDK of SES, and read over HTTP and in a browser.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Attachment, Body, Content, Destination, EmailContent, Message};
use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use scenarios::World;
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";

/// Sends a mail. Returns the error code if it is refused.
async fn send(client: &Client, to: &str, subject: &str) -> Result<(), String> {
    let content = |text: &str| Content::builder().data(text).build().unwrap();
    let file = Attachment::builder()
        .file_name("receipt.pdf")
        .content_type("application/pdf")
        .raw_content(Blob::new(*b"%PDF"));
    let message = Message::builder()
        .subject(content(subject))
        .body(Body::builder().text(content("As text")).html(content("<p>As \"HTML\"</p>")).build())
        .attachments(file.build().unwrap());
    let sent = client
        .send_email()
        .from_email_address("credits@example.com")
        .destination(Destination::builder().to_addresses(to).build())
        .content(EmailContent::builder().simple(message.build()).build());
    let sent = sent.send().await;
    sent.map(|_| ()).map_err(|error| error.code().unwrap_or("no reply").to_owned())
}

async fn mails(world: &World, query: &str) -> Vec<Value> {
    let mails = world.operator.get(&format!("/_local/mail{query}")).await.expect(200);
    mails.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_mail_is_kept_as_it_was_sent() {
    let world = World::start().await;
    world.set_time(NOW);
    let client = world.host.aws().mail();
    send(&client, "ada@example.com", "First").await.unwrap();
    send(&client, "grace@example.com", "Second").await.unwrap();
    let first = json!({
        "to": "ada@example.com",
        "subject": "First",
        "text": "As text",
        "html": "<p>As \"HTML\"</p>",
        "attachments": [{ "fileName": "receipt.pdf", "contentType": "application/pdf", "content": "JVBERg==" }],
        "at": NOW,
    });
    assert_eq!(mails(&world, "?to=ada@example.com").await, [first]);
    assert_eq!(mails(&world, "").await.len(), 2);

    let page = world.operator.get("/mail").await.expect(200);
    let page = page.as_str().unwrap();
    let (second, first) = (page.find("Second").unwrap(), page.find("First").unwrap());
    assert!(second < first, "newest first");
    assert!(
        page.contains("<iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\"")
            && !page.contains("<p>As \"HTML\""),
        "{page}"
    );
    let opened_beside = "srcdoc=\"&#60;base target=&#34;_blank&#34;&#62;";
    assert!(page.contains(opened_beside), "links of a mail open a new page: {page}");
    let page = world.operator.get("/developers").await.expect(200);
    assert!(page.as_str().unwrap().contains(r#"href="/mail""#));

    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);
    assert!(mails(&world, "").await.is_empty());
}

#[tokio::test]
async fn an_address_that_bounces_is_refused() {
    let world = World::start().await;
    let client = world.host.aws().mail();
    let refused = send(&client, "bounce-1@example.com", "Lost").await;
    assert_eq!(refused, Err("MessageRejected".to_owned()));
    assert!(mails(&world, "").await.is_empty());
}

#[tokio::test]
async fn a_mail_can_be_throttled_lost_or_sent_twice() {
    let world = World::start().await;
    let client = world.host.aws().mail();
    let fault = |kind, count| Fault { target: Some(Target::Mail), kind, skip: 0, count };
    world.fail(fault(Kind::Throttle, usize::MAX)).await;
    assert_eq!(send(&client, "ada@example.com", "Mail").await, Err("TooManyRequestsException".to_owned()));
    world.faults().disarm();
    world.fail(fault(Kind::Down, usize::MAX)).await;
    assert_eq!(send(&client, "ada@example.com", "Mail").await, Err("no reply".to_owned()));
    world.faults().disarm();
    assert!(mails(&world, "").await.is_empty());

    world.fail(fault(Kind::LostReply, 1)).await;
    send(&client, "ada@example.com", "Mail").await.unwrap();
    assert_eq!(mails(&world, "").await.len(), 2, "SES knows no repeats: the retry is a second mail");
}

#[tokio::test]
async fn mails_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::on_disk(folder.path()).await;
    send(&world.host.aws().mail(), "ada@example.com", "Kept").await.unwrap();
    world.host.stop().await;
    let world = World::on_disk(folder.path()).await;
    assert_eq!(mails(&world, "?to=ada@example.com").await[0]["subject"], "Kept");
}

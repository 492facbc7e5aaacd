//! One mail to one recipient, through SES.

use std::error::Error;
use std::time::Duration;
use std::{io, iter};

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};
use hyper_util::client::legacy;

use crate::mail::Mail;

/// The sender's name.
const SENDER: &str = "Communications Credits";

/// SES has this long to take a mail, much less than its lease lasts.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The envelope of a mail.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The address that it comes from.
    pub from: &'a str,
    /// The address that it goes to.
    pub to: &'a str,
    /// SES's configuration set, if there is one.
    pub configuration_set: Option<&'a str>,
}

/// Why a mail was not sent, or perhaps not.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It can never be sent, so another try is of no use.
    #[error("the address is refused ({code})")]
    Refused {
        /// SES's code.
        code: String,
        /// SES's text, which may contain the address.
        reason: String,
    },
    /// SES did not answer, so it may have the mail.
    #[error("SES did not answer ({code})")]
    Unanswered {
        /// The kind of failure.
        code: String,
        /// The SDK's error.
        #[source]
        source: BoxError,
    },
    /// It was not sent: too many at once, no connection, or a setting that the operator has to mend.
    #[error("the mail could not be sent now ({code})")]
    Unavailable {
        /// SES's code, or the kind of failure.
        code: String,
        /// The SDK's error.
        #[source]
        source: BoxError,
    },
}

/// Sends a mail. The SDK tries once: SES has no key that tells a second try from a second mail, so only the
/// caller, which records earlier sends, may try again.
pub async fn send(
    client: &Client,
    envelope: &Envelope<'_>,
    mail: &Mail,
    patience: Duration,
) -> Result<(), SendError> {
    let once = aws_sdk_sesv2::config::Config::builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(patience).build());
    let sent = client
        .send_email()
        .from_email_address(format!("{SENDER} <{}>", envelope.from))
        .destination(Destination::builder().to_addresses(envelope.to).build())
        .content(EmailContent::builder().simple(message(mail)).build())
        .set_configuration_set_name(envelope.configuration_set.map(str::to_owned))
        .customize()
        .config_override(once)
        .send()
        .await;
    sent.map(|_| ()).map_err(read)
}

fn message(mail: &Mail) -> Message {
    let content = |data: &str| Content::builder().data(data).charset("UTF-8").build().expect("data is set");
    let body = Body::builder().text(content(&mail.text)).html(content(&mail.html)).build();
    // Programs do not answer such a mail, for example with an absence note (RFC 3834).
    let header = MessageHeader::builder().name("Auto-Submitted").value("auto-generated").build();
    let header = header.expect("name and value are set");
    Message::builder().subject(content(&mail.subject)).body(body).headers(header).build()
}

/// Maps an error of SES to what the caller does next.
fn read(error: SdkError<SendEmailError>) -> SendError {
    let code = match &error {
        SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown"),
        SdkError::ConstructionFailure(_) => "invalid request",
        SdkError::TimeoutError(_) => "timeout",
        _ => "no reply",
    };
    let code = code.to_owned();
    if may_have_gone(&error) {
        return SendError::Unanswered { code, source: error.into() };
    }
    match error.as_service_error() {
        Some(said @ (SendEmailError::MessageRejected(_) | SendEmailError::BadRequestException(_)))
            if !is_our_fault(said) =>
        {
            SendError::Refused { code, reason: said.message().unwrap_or_default().to_owned() }
        }
        _ => SendError::Unavailable { code, source: error.into() },
    }
}

/// Whether SES may have taken the mail all the same: it was asked, and its answer is missing or cannot be read.
fn may_have_gone(error: &SdkError<SendEmailError>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().is_none_or(|error| !never_connected(error))
        }
        _ => false,
    }
}

/// Whether the request was never sent, since there was no connection.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    iter::successors(Some(error), |&cause| cause.source()).any(|cause| {
        let by_client = cause.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect);
        let by_peer = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        by_client || by_peer == Some(io::ErrorKind::ConnectionRefused)
    })
}

/// Whether SES refused the mail because our identity is not verified. The setup is at fault and not the recipient, so the mail
/// can go once that is mended. Only SES's text says so.
fn is_our_fault(said: &SendEmailError) -> bool {
    said.message().is_some_and(|text| text.contains("not verified"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::error::ErrorMetadata;
    use aws_sdk_sesv2::types::error::MessageRejected;

    use super::*;

    #[test]
    fn a_sender_that_is_not_verified_is_nothing_against_the_recipient() {
        for (text, ours) in [
            (
                "Email address is not verified. The following identities failed the check: credits@example.com",
                true,
            ),
            ("Email address is not accepted: it bounces.", false),
        ] {
            let meta = ErrorMetadata::builder().code("MessageRejected").message(text).build();
            let rejected = MessageRejected::builder().message(text).meta(meta).build();
            assert_eq!(is_our_fault(&SendEmailError::MessageRejected(rejected)), ours, "{text}");
        }
    }
}

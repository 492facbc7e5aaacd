//! Mails to an account's recipients (N1-N7, N9-N11).
//!
//! An event of the bus becomes a mail in the account's language, sent to each recipient separately. One bad address does
//! not stop the others, and a repeated event skips recipients whose mail is marked as done ([`store::mail_leases`]).

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::AccountId;
use domain::event::Event;
use jiff::tz::TimeZone;
use lambda::Delivery;
use notices::{Envelope, Mail, Notice, Occasion, Reader, SendError};
use store::mail_leases::{MailLeases, Standing, Unanswered};
use store::{Store, StoreError};
use telemetry::metric::{MAILS_FAILED, MAILS_GIVEN_UP, MAILS_REFUSED, MAILS_SENT};
use tokio::time::Instant;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and payments.
    pub store: Arc<Store>,
    /// SES.
    pub mailer: aws_sdk_sesv2::Client,
    /// The leases of mails.
    pub leases: MailLeases,
    /// The address that mails come from.
    pub from: String,
    /// The portal's URL, such as `https://credits.example.com`.
    pub portal: String,
    /// SES's configuration set, if there is one.
    pub configuration_set: Option<String>,
    /// The time-out of a send.
    pub patience: Duration,
}

/// Why an event must be delivered again.
#[derive(Debug, thiserror::Error)]
enum NotifyError {
    #[error("the account could not be read")]
    Store(#[from] StoreError),
    /// Some recipients are still to be told; `first` is the first failure.
    #[error("{waiting} of {recipients} recipients are still to be told: {first}")]
    Waiting { waiting: usize, recipients: usize, first: Untold },
}

/// Why the mail to one recipient must be tried again.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error("another process holds the mail's lease, or died holding it")]
    Held,
    #[error("there is no time left to wait for SES")]
    OutOfTime,
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sends the mails of a batch of events until `until`. An event that needs no mail is acknowledged.
pub async fn handle(batch: SqsEvent, ports: &Ports, until: Instant) -> SqsBatchResponse {
    lambda::queue::each(batch, async |Delivery { content: event, .. }| tell(&event, ports, until).await).await
}

/// Sends the mail to every recipient. One that fails does not stop the others.
async fn tell(event: &Event, ports: &Ports, until: Instant) -> Result<(), NotifyError> {
    let Some(notice) = Notice::of(&event.details).filter(|_| !event.republished) else { return Ok(()) };
    let Ok(id) = AccountId::parse(&event.account_id) else { return Ok(()) };
    let Some((account, profile)) = ports.store.account_with_profile(&id).await? else { return Ok(()) };
    if notice.is_moot(&profile) {
        return Ok(());
    }
    let readers = notice.readers(&profile.notification_emails);
    if readers.is_empty() {
        return Ok(());
    }
    let payment = match notice.payment() {
        Some(payment) => ports.store.card_payment(&id, payment).await?,
        None => None,
    };
    let mut untold = Vec::new();
    for &(recipient, reader) in &readers {
        let occasion = Occasion {
            event,
            profile: &profile,
            billing: account.billing_model,
            recharge: account.recharge.state,
            reader,
            payment: payment.as_ref(),
            portal: &ports.portal,
        };
        let Some(mail) = Mail::about(&occasion) else { return Ok(()) };
        let cause = leased_under(event, reader);
        if let Err(problem) = tell_one(&cause, recipient, &mail, ports, until).await {
            untold.push(problem);
        }
    }
    let waiting = untold.len();
    match untold.into_iter().next() {
        Some(first) => Err(NotifyError::Waiting { waiting, recipients: readers.len(), first }),
        None => Ok(()),
    }
}

/// The cause under which a mail's lease is taken: the event's id, so that each event is mailed once. Anyone's address can
/// be added and removed as often as a caller likes, so a mail to an added or removed address has the account and the day
/// as its cause: an address gets at most one such mail a day for each account (N9). The account is part of the cause,
/// since a mail about one account would otherwise suppress the mail about another.
fn leased_under(event: &Event, reader: Reader) -> String {
    match reader {
        Reader::Recipient => event.id.clone(),
        Reader::Added | Reader::Removed => {
            let day = event.at.to_zoned(TimeZone::UTC).date();
            format!("{}#recipient#{day}", event.account_id)
        }
    }
}

/// Takes the lease of the mail, sends it, and marks the outcome.
async fn tell_one(
    cause: &str,
    recipient: &str,
    mail: &Mail,
    ports: &Ports,
    until: Instant,
) -> Result<(), Untold> {
    // If Lambda stops the function during a send, the send is not recorded.
    if Instant::now() + ports.patience > until {
        return Err(Untold::OutOfTime);
    }
    let standing = ports.leases.take(cause, recipient).await;
    let lease = match standing.inspect_err(|_| MAILS_FAILED.add(1))? {
        Standing::Ours(lease) => lease,
        Standing::Done => return Ok(()),
        Standing::Held => return Err(Untold::Held),
    };
    let envelope =
        Envelope { from: &ports.from, to: recipient, configuration_set: ports.configuration_set.as_deref() };
    match notices::send(&ports.mailer, &envelope, mail, ports.patience).await {
        Ok(()) => {
            MAILS_SENT.add(1);
            Ok(ports.leases.mark_sent(&lease).await?)
        }
        Err(SendError::Refused { code, reason }) => {
            tracing::warn!(event = cause, code, "SES refused a recipient's address");
            MAILS_REFUSED.add(1);
            Ok(ports.leases.mark_refused(&lease, &reason).await?)
        }
        Err(unanswered @ SendError::Unanswered { .. }) => match ports.leases.mark_unanswered(&lease).await? {
            Unanswered::OnceMore => {
                MAILS_FAILED.add(1);
                Err(unanswered.into())
            }
            Unanswered::GivenUp => {
                tracing::warn!(event = cause, problem = %unanswered, "a mail is given up: it may have been sent twice");
                MAILS_GIVEN_UP.add(1);
                Ok(())
            }
        },
        Err(unavailable) => {
            MAILS_FAILED.add(1);
            if let Err(problem) = ports.leases.release(&lease).await {
                tracing::warn!(event = cause, %problem, "a lease could not be released; it expires by itself");
            }
            Err(unavailable.into())
        }
    }
}

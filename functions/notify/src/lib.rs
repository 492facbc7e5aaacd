//! People are told by e-mail (N1-N7, N9-N11).
//!
//! An event of the bus becomes a mail in the account's language, which goes to each recipient on its own: one bad
//! address does not stop the others, and an event that comes again finds who was told ([`notices::claims`]).

use std::sync::Arc;
use std::time::Duration;

use api::Delivery;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::fact::Event;
use domain::{AccountId, Profile};
use notices::{Claims, ClaimsError, Envelope, Mail, Notice, Occasion, SendError, Standing, Unanswered};
use store::{Store, StoreError};
use telemetry::metric::{MAILS_FAILED, MAILS_GIVEN_UP, MAILS_REFUSED, MAILS_SENT};
use tokio::time::Instant;

/// What the handler works with.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and payments.
    pub store: Arc<Store>,
    /// SES.
    pub mailer: aws_sdk_sesv2::Client,
    /// Who was told.
    pub claims: Claims,
    /// The address that mails come from.
    pub from: String,
    /// Where the portal is: `https://credits.example.com`.
    pub portal: String,
    /// What SES is to do with bounces, if anything.
    pub configuration_set: Option<String>,
    /// How long SES has to take a mail.
    pub patience: Duration,
}

/// Why an event has to come again.
#[derive(Debug, thiserror::Error)]
enum NotifyError {
    #[error("the account could not be read")]
    Store(#[from] StoreError),
    /// The first of them says why.
    #[error("{waiting} of {recipients} recipients are still to be told: {first}")]
    Waiting { waiting: usize, recipients: usize, first: Untold },
}

/// Why one recipient is still to be told.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error("somebody else is at it, or died at it")]
    Held,
    #[error("there is no time left to wait for SES")]
    OutOfTime,
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

/// Tells people what happened, as far as it gets by `until`. Events that nobody is told of need nothing.
pub async fn handle(batch: SqsEvent, ports: &Ports, until: Instant) -> SqsBatchResponse {
    api::queue::each(batch, async |Delivery { event, .. }| tell(&event, ports, until).await).await
}

/// Tells every recipient; whoever cannot be told now does not stop the others.
async fn tell(event: &Event, ports: &Ports, until: Instant) -> Result<(), NotifyError> {
    let Some(notice) = Notice::of(&event.fact).filter(|_| !event.republished) else { return Ok(()) };
    let Ok(id) = AccountId::parse(&event.account_id) else { return Ok(()) };
    let Some((account, profile)) = ports.store.account_with_profile(&id).await? else { return Ok(()) };
    let recipients = recipients(&profile, notice);
    if recipients.is_empty() {
        return Ok(());
    }
    let payment = match notice.payment() {
        Some(payment) => ports.store.payment(&id, payment).await?,
        None => None,
    };
    let occasion = Occasion {
        event,
        profile: &profile,
        billing: account.billing_model,
        payment: payment.as_ref(),
        portal: &ports.portal,
    };
    let Some(mail) = Mail::about(&occasion) else { return Ok(()) };
    let mut untold = Vec::new();
    for recipient in &recipients {
        if let Err(problem) = tell_one(event, recipient, &mail, ports, until).await {
            untold.push(problem);
        }
    }
    let waiting = untold.len();
    match untold.into_iter().next() {
        Some(first) => Err(NotifyError::Waiting { waiting, recipients: recipients.len(), first }),
        None => Ok(()),
    }
}

/// Whom the account tells now, and who was told until now (N9). One who is both has one claim, and one mail.
fn recipients<'a>(profile: &'a Profile, notice: Notice<'a>) -> Vec<&'a String> {
    profile.notification_emails.iter().chain(notice.removed_recipients()).collect()
}

/// Claims the mail, sends it, and marks what became of it.
async fn tell_one(
    event: &Event,
    recipient: &str,
    mail: &Mail,
    ports: &Ports,
    until: Instant,
) -> Result<(), Untold> {
    // A send that Lambda cuts off is one that nobody counts.
    if Instant::now() + ports.patience > until {
        return Err(Untold::OutOfTime);
    }
    let standing = ports.claims.claim(&event.id, recipient).await;
    let claim = match standing.inspect_err(|_| MAILS_FAILED.add(1))? {
        Standing::Ours(claim) => claim,
        Standing::Done => return Ok(()),
        Standing::Held => return Err(Untold::Held),
    };
    let envelope =
        Envelope { from: &ports.from, to: recipient, configuration_set: ports.configuration_set.as_deref() };
    match notices::send(&ports.mailer, &envelope, mail, ports.patience).await {
        Ok(()) => {
            MAILS_SENT.add(1);
            Ok(ports.claims.mark_sent(&claim).await?)
        }
        Err(SendError::Refused { code, reason }) => {
            tracing::warn!(event = event.id, code, "a recipient's address is refused");
            MAILS_REFUSED.add(1);
            Ok(ports.claims.mark_refused(&claim, &reason).await?)
        }
        Err(unanswered @ SendError::Unanswered { .. }) => match ports.claims.mark_unanswered(&claim).await? {
            Unanswered::OnceMore => {
                MAILS_FAILED.add(1);
                Err(unanswered.into())
            }
            Unanswered::GivenUp => {
                tracing::warn!(event = event.id, problem = %unanswered, "a mail is given up: it may have gone twice");
                MAILS_GIVEN_UP.add(1);
                Ok(())
            }
        },
        Err(unavailable) => {
            MAILS_FAILED.add(1);
            // A claim that cannot be given back is over with its lease.
            if let Err(problem) = ports.claims.release(&claim).await {
                tracing::warn!(event = event.id, %problem, "a claim is left to its lease");
            }
            Err(unavailable.into())
        }
    }
}

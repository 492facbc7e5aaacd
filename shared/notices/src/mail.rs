//! The mail for one notice: one layout, with a heading, a few paragraphs, a table and one button, filled with
//! the words of the account's language (A1).

use askama::Template;
use domain::event::{Event, NewValues, ShownCard, UnusedFunds};
use domain::profile::{Card, CardUse};
use domain::recharge::State;
use domain::time::Month;
use domain::{BillingModel, CardPayment, Locale, Money, Profile};
use jiff::Timestamp;
use wording::{glossary, one_line, typeset};

use crate::english::English;
use crate::french::French;
use crate::labels;
use crate::notice::{Claim, Decided, Notice, Reader, ending_cards};
use crate::told::{Texts, Told, Words, parts_of};

/// A table has at most so many rows of lots.
const MOST_LOTS: usize = 12;

/// A mail to a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// The text, for readers without HTML.
    pub text: String,
    /// The same, formatted.
    pub html: String,
}

/// The occasion of a mail, with all that its text depends on.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The event.
    pub event: &'a Event,
    /// The account's profile, which has its language.
    pub profile: &'a Profile,
    /// How the account pays.
    pub billing: BillingModel,
    /// The state of its auto-recharge.
    pub recharge: State,
    /// The reader.
    pub reader: Reader,
    /// The payment that [`Notice::payment`] names.
    pub payment: Option<&'a CardPayment>,
    /// Where the portal is: `https://credits.example.com`.
    pub portal: &'a str,
}

impl Mail {
    /// The mail about the event, if it has one.
    pub fn about(occasion: &Occasion<'_>) -> Option<Self> {
        let notice = Notice::of(&occasion.event.details)?;
        let page = Page::write(occasion, notice);
        let (html, text) = (Html { page: &page }.render(), Text { page: &page }.render());
        let written = "a template only writes to memory";
        Some(Self { html: html.expect(written), text: text.expect(written), subject: page.subject })
    }
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    page: &'a Page,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct Text<'a> {
    page: &'a Page,
}

/// The values of the templates.
struct Page {
    /// The language's code.
    language: &'static str,
    product: &'static str,
    subject: String,
    heading: String,
    /// A sentence a line, an empty line between paragraphs.
    body: String,
    rows: Vec<Row>,
    colon: &'static str,
    button: &'static str,
    link: String,
    /// Why the reader gets the mail.
    footer: String,
    edit_recipients: &'static str,
    /// The page of the recipients.
    recipients: String,
}

/// A row of the table: its label and its value.
type Row = (&'static str, String);

impl Page {
    fn write(occasion: &Occasion<'_>, notice: Notice<'_>) -> Self {
        let Occasion { event, profile, billing, recharge, reader, portal, .. } = *occasion;
        let locale = profile.locale;
        let name = one_line(&profile.name);
        let told = Told { notice, at: event.at, name: &name, billing, recharge, reader };
        let Words { heading, body, button } = match locale {
            Locale::En => English.words(&told),
            Locale::Fr => French.words(&told),
        };
        let heading = typeset(&heading, locale);
        // Any address can be made a recipient. The mail that says so leaves the account's name out of its subject, so that
        // nobody can send a message of their own to a stranger with it (N9).
        let subject = match notice {
            Notice::SettingsChanged { changed, .. } if changed.recipients => heading.clone(),
            _ => format!("{heading} \u{2013} {name}"),
        };
        let portal = portal.trim_end_matches('/');
        Self {
            language: locale.as_str(),
            product: glossary::product(locale),
            subject,
            heading,
            body: typeset(&body, locale),
            rows: rows(occasion, notice),
            colon: labels::colon(locale),
            button,
            link: notice.page(portal, &event.account_id, billing),
            footer: labels::footer(&name, locale),
            edit_recipients: labels::edit_recipients(locale),
            recipients: format!("{portal}/accounts/{}/notifications", event.account_id),
        }
    }

    fn paragraphs(&self) -> impl Iterator<Item = String> {
        self.body.split("\n\n").map(|paragraph| paragraph.replace('\n', " "))
    }

    /// The line that a list of mails shows beside the subject.
    fn preheader(&self) -> String {
        self.paragraphs().next().unwrap_or_default()
    }
}

/// The rows of the table, which are what a reader looks for when they come back to the mail.
fn rows(occasion: &Occasion<'_>, notice: Notice<'_>) -> Vec<Row> {
    let locale = occasion.profile.locale;
    let amount = |amount| wording::amount(amount, locale);
    let instant = |instant: Timestamp| wording::date_and_time(instant, locale);
    let payment = occasion.payment;
    let card = payment.map(|payment| {
        let card = &payment.method.card;
        (glossary::card(locale), wording::card(&card.brand, &card.last4, locale))
    });
    match notice {
        Notice::FundsAdded { amount: added, expires_at, receipt_number, times, .. } => {
            let added = match parts_of(added, times) {
                Some((times, part)) => format!("{} ({times} × {})", amount(added), amount(part)),
                None => amount(added),
            };
            let receipt = receipt_number.map(|number| (labels::receipt_number(locale), number.to_string()));
            let date = payment.map(|payment| (glossary::date(locale), instant(payment.created_at)));
            let po_number = payment.and_then(|payment| payment.po_number.as_deref());
            [
                receipt,
                date,
                Some((glossary::amount(locale), added)),
                Some((glossary::usable_until(locale), instant(expires_at))),
                card,
                po_number.map(|number| (glossary::po_number(locale), one_line(number))),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
        Notice::RechargeFailed { amount: asked, retry_at, .. } => {
            let again = (labels::next_try(locale), instant(retry_at));
            [Some((glossary::amount(locale), amount(asked))), card, Some(again)]
                .into_iter()
                .flatten()
                .collect()
        }
        Notice::RechargeNeedsAction { amount: asked, .. } => {
            [Some((glossary::amount(locale), amount(asked))), card].into_iter().flatten().collect()
        }
        Notice::BalanceDepleted { available } if available.is_negative() => {
            vec![(glossary::owed(locale), amount(-available))]
        }
        Notice::BalanceDepleted { available } => {
            vec![(glossary::available_balance(locale), amount(available))]
        }
        Notice::BalanceWarning { available, amount: warning } => {
            vec![
                (glossary::available_balance(locale), amount(available)),
                (glossary::warning_amount(locale), amount(warning)),
            ]
        }
        Notice::FundsRefunded { .. }
        | Notice::RefundReturned { .. }
        | Notice::DisputeOpened { .. }
        | Notice::DisputeEnded(_) => rows_of_repayment(notice, locale).into_iter().chain(card).collect(),
        Notice::FundsExpiring { amount: unused, lots } => [
            vec![(glossary::amount(locale), amount(unused))],
            rows_of_lots(glossary::usable_until(locale), lots, locale),
        ]
        .concat(),
        Notice::FundsExpired { amount: forfeited, lots } => [
            vec![(glossary::amount(locale), amount(forfeited))],
            rows_of_lots(labels::expired_at(locale), lots, locale),
        ]
        .concat(),
        Notice::CardExpiring(month) => rows_of_cards(occasion.profile, month),
        Notice::PoolUsed(share) => vec![
            (labels::plan_and_country(locale), one_line(&share.pool)),
            (glossary::month(locale), wording::month(share.month, locale)),
            (glossary::minutes_used(locale), wording::count(share.used, locale)),
            (glossary::included_minutes(locale), wording::count(share.size, locale)),
        ],
        Notice::SettingsChanged { changed, by, new, .. } => {
            let mut rows = vec![(labels::changed(locale), labels::list_of(changed, locale))];
            if occasion.reader != Reader::Removed {
                rows.extend(rows_of_new_values(new, locale));
            }
            rows.push((labels::changed_by(locale), wording::author(by, None, locale)));
            rows.push((labels::changed_at(locale), instant(occasion.event.at)));
            rows
        }
        Notice::RechargeLimited { until, .. } => vec![(labels::next_try(locale), instant(until))],
        Notice::RechargeStopped { amount: asked, .. } => {
            [asked.map(|asked| (glossary::amount(locale), amount(asked))), card]
                .into_iter()
                .flatten()
                .collect()
        }
        Notice::SwitchCompleted { owed, funds } => {
            let rows = [(glossary::available_balance(locale), funds), (labels::next_invoice(locale), owed)];
            let rows = rows.into_iter().filter(|(_, value)| value.reaches_minor_unit());
            rows.map(|(label, value)| (label, amount(value))).collect()
        }
        Notice::InvoiceIssued(claim) | Notice::InvoiceOverdue(claim) => rows_of_claim(claim, locale),
        Notice::RechargePaused | Notice::SwitchPending => Vec::new(),
    }
}

fn rows_of_claim(claim: Claim, locale: Locale) -> Vec<Row> {
    vec![
        (labels::invoice_number(locale), claim.number.to_string()),
        (glossary::month(locale), wording::month(claim.month, locale)),
        (glossary::amount(locale), wording::amount(claim.amount, locale)),
        (labels::due(locale), wording::date(claim.due_at, locale)),
    ]
}

/// The rows of a refund or a dispute, without its card.
fn rows_of_repayment(notice: Notice<'_>, locale: Locale) -> Vec<Row> {
    let amount = |amount| wording::amount(amount, locale);
    match notice {
        Notice::FundsRefunded { amount: refunded, credit_note_number, .. } => vec![
            (labels::credit_note_number(locale), credit_note_number.to_string()),
            (glossary::amount(locale), amount(refunded)),
        ],
        Notice::RefundReturned { amount: returned, .. } => vec![(glossary::amount(locale), amount(returned))],
        Notice::DisputeOpened { amount: disputed, frozen, .. } => {
            vec![(labels::disputed(locale), amount(disputed)), (labels::withheld(locale), amount(frozen))]
        }
        Notice::DisputeEnded(Decided { amount: disputed, lost, .. }) => vec![
            (labels::disputed(locale), amount(disputed)),
            (labels::back_on_the_card(locale), amount(lost)),
        ],
        _ => Vec::new(),
    }
}

/// The saved cards whose last month this is.
fn rows_of_cards(profile: &Profile, month: Month) -> Vec<Row> {
    let locale = profile.locale;
    let row = |(usage, card): (CardUse, &Card)| {
        let label = match usage {
            CardUse::Main => glossary::card(locale),
            CardUse::Backup => glossary::backup_card(locale),
        };
        (label, wording::card(&card.brand, &card.last4, locale))
    };
    ending_cards(profile, month).map(row).collect()
}

/// The rows of new values.
fn rows_of_new_values(new: &NewValues, locale: Locale) -> Vec<Row> {
    let none = || labels::none(locale).to_owned();
    let mut rows = Vec::new();
    if let Some(cards) = &new.payment_method {
        let shown = |card: &Option<ShownCard>| {
            let card = card.as_ref();
            card.map_or_else(none, |card| wording::card(&card.brand, &card.last4, locale))
        };
        rows.push((glossary::card(locale), shown(&cards.card)));
        rows.push((glossary::backup_card(locale), shown(&cards.backup)));
    }
    if let Some(recharge) = &new.auto_recharge {
        let state = match (recharge.enabled, recharge.resumed) {
            (false, _) => labels::off(locale),
            (true, false) => labels::on(locale),
            (true, true) => labels::resumed(locale),
        };
        rows.push((glossary::auto_recharge(locale), state.to_owned()));
        if recharge.enabled {
            let amount =
                |amount: Option<Money>| amount.map_or_else(none, |amount| wording::amount(amount, locale));
            rows.push((glossary::add_this_amount(locale), amount(recharge.recharge_amount)));
            rows.push((glossary::when_balance_reaches(locale), amount(recharge.trigger_amount)));
            rows.push((glossary::monthly_limit(locale), amount(recharge.monthly_limit)));
        }
    }
    if let Some(recipients) = &new.notification_emails {
        let recipients = recipients.iter().map(|address| one_line(address)).collect::<Vec<_>>().join(", ");
        rows.push((
            glossary::recipients(locale),
            if recipients.is_empty() { labels::nobody(locale).to_owned() } else { recipients },
        ));
    }
    rows
}

/// When each lot expires, and what is unused of it where there are several. A long list is cut, and the last row says
/// what is left out.
fn rows_of_lots(label: &'static str, lots: &[UnusedFunds], locale: Locale) -> Vec<Row> {
    let instant = |lot: &UnusedFunds| wording::date_and_time(lot.expires_at, locale);
    if let [lot] = lots {
        return vec![(label, instant(lot))];
    }
    let shown = if lots.len() > MOST_LOTS { MOST_LOTS - 1 } else { lots.len() };
    let of_lot =
        |lot: &UnusedFunds| (label, format!("{} ({})", instant(lot), wording::amount(lot.amount, locale)));
    let mut rows: Vec<_> = lots[..shown].iter().map(of_lot).collect();
    if let Some((first, others)) = lots[shown..].split_first() {
        let sum = others.iter().fold(first.amount, |sum, lot| sum + lot.amount);
        let count = others.len() + 1;
        rows.push((labels::further_lots(locale), format!("{count} ({})", wording::amount(sum, locale))));
    }
    rows
}

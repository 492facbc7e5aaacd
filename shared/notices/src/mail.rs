//! The mail for one notice: one layout, with a heading, a few paragraphs, a table and one button, filled with
//! the words of the account's language (A1).

use askama::Template;
use domain::event::{Event, NewValues, ShownCard, UnusedFunds};
use domain::recharge::State;
use domain::{BillingModel, CardPayment, Locale, Money, Profile};
use jiff::Timestamp;

use crate::english::English;
use crate::french::French;
use crate::language::{Label, Language, Told, Word, Words, one_line, parts_of};
use crate::notice::{Notice, Reader};

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
        let (page, html, text);
        match occasion.profile.locale {
            Locale::En => {
                page = Page::write(&English, occasion, notice);
                (html, text) = (EnglishHtml { page: &page }.render(), EnglishText { page: &page }.render());
            }
            Locale::Fr => {
                page = Page::write(&French, occasion, notice);
                (html, text) = (FrenchHtml { page: &page }.render(), FrenchText { page: &page }.render());
            }
        }
        let written = "a template only writes to memory";
        Some(Self { html: html.expect(written), text: text.expect(written), subject: page.subject })
    }
}

#[derive(Template)]
#[template(path = "en.html")]
struct EnglishHtml<'a> {
    page: &'a Page,
}

#[derive(Template)]
#[template(path = "en.txt")]
struct EnglishText<'a> {
    page: &'a Page,
}

#[derive(Template)]
#[template(path = "fr.html")]
struct FrenchHtml<'a> {
    page: &'a Page,
}

#[derive(Template)]
#[template(path = "fr.txt")]
struct FrenchText<'a> {
    page: &'a Page,
}

/// The values of the templates.
struct Page {
    subject: String,
    heading: String,
    /// A sentence a line, an empty line between paragraphs.
    body: String,
    rows: Vec<(&'static str, String)>,
    colon: &'static str,
    button: &'static str,
    link: String,
    /// The organization.
    name: String,
    /// The account's page.
    account: String,
}

impl Page {
    fn write(language: &dyn Language, occasion: &Occasion<'_>, notice: Notice<'_>) -> Self {
        let Occasion { event, profile, billing, recharge, reader, portal, .. } = *occasion;
        let name = one_line(&profile.name);
        let Words { heading, body, button } =
            language.words(&Told { notice, at: event.at, name: &name, billing, recharge, reader });
        let rows = rows(language, occasion, notice);
        let account = format!("{}/accounts/{}", portal.trim_end_matches('/'), event.account_id);
        let heading = language.typeset(&heading);
        // Any address can be made a recipient. The mail that says so leaves the account's name out of its subject, so that
        // nobody can send a message of their own to a stranger with it (N9).
        let subject = match notice {
            Notice::SettingsChanged { changed, .. } if changed.recipients => heading.clone(),
            _ => format!("{heading} \u{2013} {name}"),
        };
        Self {
            subject,
            heading,
            body: language.typeset(&body),
            rows: rows.into_iter().map(|(label, value)| (language.label(label), value)).collect(),
            colon: language.colon(),
            button,
            link: notice.page(&account),
            name,
            account,
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
fn rows(language: &dyn Language, occasion: &Occasion<'_>, notice: Notice<'_>) -> Vec<(Label, String)> {
    let locale = occasion.profile.locale;
    let amount = |amount| wording::amount(amount, locale);
    let instant = |instant: Timestamp| wording::date_and_time(instant, locale);
    let payment = occasion.payment;
    let card = payment.map(|payment| {
        let card = &payment.method.card;
        (Label::Card, language.card(&one_line(&card.brand), &one_line(&card.last4)))
    });
    match notice {
        Notice::FundsAdded { amount: added, expires_at, receipt_number, times, .. } => {
            let added = match parts_of(added, times) {
                Some((times, part)) => format!("{} ({times} × {})", amount(added), amount(part)),
                None => amount(added),
            };
            let receipt = receipt_number.map(|number| (Label::Receipt, number.to_string()));
            let date = payment.map(|payment| (Label::Date, instant(payment.created_at)));
            let po_number = payment.and_then(|payment| payment.po_number.as_deref());
            [
                receipt,
                date,
                Some((Label::Amount, added)),
                Some((Label::UsableUntil, instant(expires_at))),
                card,
                po_number.map(|number| (Label::PoNumber, one_line(number))),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
        Notice::RechargeFailed { amount: asked, retry_at, .. } => {
            let again = (Label::TriedAgain, instant(retry_at));
            [Some((Label::Amount, amount(asked))), card, Some(again)].into_iter().flatten().collect()
        }
        Notice::RechargeNeedsAction { amount: asked, .. } => {
            [Some((Label::Amount, amount(asked))), card].into_iter().flatten().collect()
        }
        Notice::BalanceDepleted { available } if available.is_negative() => {
            vec![(Label::Owed, amount(-available))]
        }
        Notice::BalanceDepleted { available } => vec![(Label::Available, amount(available))],
        Notice::BalanceWarning { available, amount: warning } => {
            vec![(Label::Available, amount(available)), (Label::WarningAmount, amount(warning))]
        }
        Notice::FundsExpiring { amount: unused, lots } => {
            [vec![(Label::Amount, amount(unused))], rows_of_lots(Label::UsableUntil, lots, locale)].concat()
        }
        Notice::FundsExpired { amount: forfeited, lots } => {
            [vec![(Label::Amount, amount(forfeited))], rows_of_lots(Label::ExpiredAt, lots, locale)].concat()
        }
        Notice::PoolUsed(share) => vec![
            (Label::Plan, one_line(&share.pool)),
            (Label::Month, wording::month(share.month, locale)),
            (Label::MinutesUsed, wording::count(share.used, locale)),
            (Label::MinutesIncluded, wording::count(share.size, locale)),
        ],
        Notice::SettingsChanged { changed, by, new, .. } => {
            let mut rows = vec![(Label::Changed, language.changed(changed))];
            if occasion.reader != Reader::Removed {
                rows.extend(rows_of_new_values(language, new, locale));
            }
            rows.push((Label::ChangedBy, one_line(by)));
            rows.push((Label::ChangedAt, instant(occasion.event.at)));
            rows
        }
        Notice::RechargeLimited { until, .. } => vec![(Label::TriedAgain, instant(until))],
        Notice::RechargeStopped { amount: asked, .. } => {
            [asked.map(|asked| (Label::Amount, amount(asked))), card].into_iter().flatten().collect()
        }
        Notice::SwitchCompleted { owed, funds } => {
            let rows = [(Label::Available, funds), (Label::NextInvoice, owed)];
            let rows = rows.into_iter().filter(|(_, value)| value.reaches_minor_unit());
            rows.map(|(label, value)| (label, amount(value))).collect()
        }
        Notice::InvoiceIssued(claim) | Notice::InvoiceOverdue(claim) => {
            vec![
                (Label::Invoice, claim.number.to_string()),
                (Label::Month, wording::month(claim.month, locale)),
                (Label::Amount, amount(claim.amount)),
                (Label::Due, wording::date(claim.due_at, locale)),
            ]
        }
        Notice::RechargePaused { .. } | Notice::SwitchPending => Vec::new(),
    }
}

/// The rows of new values.
fn rows_of_new_values(language: &dyn Language, new: &NewValues, locale: Locale) -> Vec<(Label, String)> {
    let none = || language.word(Word::None).to_owned();
    let mut rows = Vec::new();
    if let Some(cards) = &new.payment_method {
        let shown = |card: &Option<ShownCard>| {
            let card = card.as_ref();
            card.map_or_else(none, |card| language.card(&one_line(&card.brand), &one_line(&card.last4)))
        };
        rows.push((Label::Card, shown(&cards.card)));
        rows.push((Label::BackupCard, shown(&cards.backup)));
    }
    if let Some(recharge) = &new.auto_recharge {
        let state = match (recharge.enabled, recharge.resumed) {
            (false, _) => Word::Off,
            (true, false) => Word::On,
            (true, true) => Word::Resumed,
        };
        rows.push((Label::AutoRecharge, language.word(state).to_owned()));
        if recharge.enabled {
            let amount =
                |amount: Option<Money>| amount.map_or_else(none, |amount| wording::amount(amount, locale));
            rows.push((Label::RechargeAmount, amount(recharge.recharge_amount)));
            rows.push((Label::TriggerAmount, amount(recharge.trigger_amount)));
            rows.push((Label::MonthlyLimit, amount(recharge.monthly_limit)));
        }
    }
    if let Some(recipients) = &new.notification_emails {
        let recipients = recipients.iter().map(|address| one_line(address)).collect::<Vec<_>>().join(", ");
        rows.push((
            Label::Recipients,
            if recipients.is_empty() { language.word(Word::Nobody).to_owned() } else { recipients },
        ));
    }
    rows
}

/// When each lot expires, and what is unused of it where there are several. A long list is cut, and the last row says
/// what is left out.
fn rows_of_lots(label: Label, lots: &[UnusedFunds], locale: Locale) -> Vec<(Label, String)> {
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
        rows.push((Label::FurtherLots, format!("{count} ({})", wording::amount(sum, locale))));
    }
    rows
}

//! Statements, read back from the PDF (T2, T3).

use domain::account::{DayEnd, PostUsage};
use domain::journal::{EntryDetails, JournalEntry};
use domain::rate::RatingBasis;
use domain::statement::{Lines, Statement};
use domain::time::{Days, Month};
use domain::usage::Number;
use domain::{
    Account, AccountId, BillingModel, CardPaymentKind, Currency, Fingerprint, JournalKey, Locale, Lot, LotId,
    Money, PaymentId, Profile, RecordId, Service, UsageRecord,
};
use jiff::Timestamp;
use pdf_extract::{Document, Object};
use receipts::statement::Paper;

use crate::{assert_says, money, plain};

const NOW: &str = "2026-12-02T09:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn eur(amount: &str) -> Money {
    money(amount, "EUR")
}

/// An entry that moves the balance, and what the next invoice asks for, by these amounts.
fn entry(amount: &str, post_usage: &str, details: EntryDetails) -> JournalEntry {
    JournalEntry {
        key: JournalKey::from_stored("2026-11-05T09:00:00.000Z#usage#r#1"),
        at: at("2026-11-05T09:00:00Z"),
        posted_at: at("2026-11-05T09:00:00Z"),
        amount: eur(amount),
        balance: eur("0"),
        version: 2,
        sequence: 0,
        draws: Vec::new(),
        post_usage: eur(post_usage),
        fingerprint: Fingerprint::of(["x"]),
        requires: None,
        unmarks: None,
        lasting: None,
        details,
    }
}

fn purchase(amount: &str) -> JournalEntry {
    let payment = PaymentId::parse("pur_1").unwrap();
    let details = EntryDetails::Funds {
        kind: CardPaymentKind::Purchase,
        payment,
        expires_at: at("2027-11-05T09:00:00Z"),
    };
    entry(amount, "0", details)
}

fn record(service: Service) -> UsageRecord {
    UsageRecord {
        id: RecordId::parse("r").unwrap(),
        revision: 1,
        call_id: None,
        user_id: None,
        service,
        service_by_rates: false,
        number: Number::parse("+33123456789").unwrap(),
        started_at: at("2026-11-05T09:00:00Z"),
        duration_seconds: 90,
        charge: None,
        currency: None,
        plan: None,
        user_country: None,
        cost_centre: None,
        hold_id: None,
    }
}

/// A call of two billed minutes, and the part of its charge that the next invoice asks for.
fn call(service: Service, destination: &str, charge: &str, post_usage: &str) -> JournalEntry {
    let basis = RatingBasis::Rated {
        prefix: "33".to_owned(),
        destination: destination.to_owned(),
        country: String::new(),
        per_minute: "0.0195".parse().unwrap(),
        connection_fee: "0".parse().unwrap(),
        billed_seconds: 120,
        increments: "60/60".to_owned(),
        effective_from: Timestamp::UNIX_EPOCH,
        included: Vec::new(),
    };
    let amount = eur(post_usage) - eur(charge);
    let details = EntryDetails::Usage { record: record(service), charge: eur(charge), basis };
    entry(&amount.to_string(), post_usage, details)
}

fn unrated() -> JournalEntry {
    entry("0", "0", EntryDetails::Unrated { record: record(Service::UserOut) })
}

fn expiry(amount: &str) -> JournalEntry {
    entry(amount, "0", EntryDetails::Expiry { lot: LotId::parse("pur_0").unwrap(), returned_by: None })
}

/// The statement of these entries in November 2026, of an account that had 20 euros before, as PDF and as its text.
fn drawn(name: &str, locale: Locale, entries: &[JournalEntry]) -> (Vec<u8>, String) {
    let currency = Currency::parse("EUR").unwrap();
    let id = AccountId::parse("contoso").unwrap();
    let account = Account::open(id, currency, BillingModel::Prepaid, at("2026-01-01T00:00:00Z"));
    let mut lines = Lines::none(currency);
    for entry in entries {
        lines.add(entry).unwrap();
    }
    let moved = lines.sum(|_| true);
    let opening = DayEnd { balance: eur("20"), ..DayEnd::of(&account) };
    let balance = opening.balance + moved.amount;
    let lot = |days: &str, remaining: Money| Lot {
        remaining,
        ..Lot::new(
            LotId::parse("pur_1").unwrap(),
            at(days),
            Lot::expiry_of_purchase(at(days)),
            eur("5000"),
            at(days),
        )
    };
    let lots = vec![lot("2026-03-01T08:30:00Z", eur("1")), lot("2026-11-05T09:00:00Z", balance - eur("1"))];
    let post_usage =
        PostUsage { month: Month::parse("2026-11").unwrap(), amount: moved.post_usage, carried: eur("0") };
    let closing = DayEnd { balance, lots, post_usage, ..opening.clone() };
    let statement = Statement::new(opening, lines, closing).unwrap();
    let profile = Profile { name: name.to_owned(), locale, ..Profile::default() };
    let days = Days::between("2026-11-01".parse().unwrap(), "2026-11-30".parse().unwrap()).unwrap();
    let pdf = Paper { account: &account, profile: &profile, days, statement: &statement, now: at(NOW) }.pdf();
    crate::keep(&pdf, &format!("statement-{}-{}", locale.as_str(), entries.len()));
    let text = plain(&pdf_extract::extract_text_from_mem(&pdf).unwrap());
    (pdf, text)
}

fn entries() -> Vec<JournalEntry> {
    vec![
        purchase("5000"),
        call(Service::UserOut, "Germany", "0.0390", "0"),
        call(Service::UserOut, "Germany", "0.0390", "0"),
        call(Service::UserOut, "France", "1234.5", "0"),
        call(Service::TollFreeIn, "United States, toll-free", "0.1080", "0"),
        unrated(),
        expiry("-12.5"),
    ]
}

#[test]
fn it_says_how_the_balance_came_about() {
    let (_, text) = drawn("Contoso", Locale::En, &entries());
    assert_says(
        &text,
        &[
            "Statement",
            "Contoso",
            "Account: contoso",
            "1 November 2026 to 30 November 2026",
            "Days are in UTC",
            "Amounts are in EUR.",
            "Opening balance 20.0000",
            "Funds bought 1 5,000.0000",
            "Calls 4 -1,234.6860",
            "Expired funds 1 -12.5000",
            "Closing balance 3,772.8140",
            "Available balance: EUR 3,772.8140.",
            "Destination Calls Billed time Included min. Charge",
            "Incoming calls, toll-free numbers 1 0:02:00 0 0.1080",
            "United States, toll-free 1 0:02:00 0 0.1080",
            "Outgoing calls 3 0:06:00 0 1,234.5780",
            "France 1 0:02:00 0 1,234.5000",
            "Germany 2 0:04:00 0 0.0780",
            "Total 4 0:08:00 0 1,234.6860",
            "Calls that have no rate yet, and are in no charge: 1.",
            "5 November 2026, 09:00 UTC 5 November 2027, 09:00 UTC 5,000.0000 3,771.8140",
            "Total 3,772.8140",
            "Page 1 of 1",
        ],
    );
    assert!(!text.contains("invoice"), "{text}");
}

#[test]
fn it_is_in_the_accounts_language() {
    let (pdf, text) = drawn("Société Générale d’Été", Locale::Fr, &entries());
    assert_says(
        &text,
        &[
            "Relevé",
            "Compte : contoso",
            "du 1er novembre 2026 au 30 novembre 2026",
            "Les jours sont en UTC",
            "Solde d’ouverture 20,0000",
            "Achats de fonds 1 5 000,0000",
            "Appels 4 -1 234,6860",
            "Fonds expirés 1 -12,5000",
            "Solde de clôture 3 772,8140",
            "Appels sortants 3 0:06:00 0 1 234,5780",
            "Page 1 sur 1",
        ],
    );
    let document = Document::load_mem(&pdf).unwrap();
    let catalog = document.catalog().unwrap();
    assert_eq!(catalog.get(b"Lang").and_then(Object::as_str).unwrap(), b"fr");
    assert!(catalog.has(b"StructTreeRoot"));
}

#[test]
fn s8_it_shows_the_part_that_invoices_ask_for() {
    let month = Month::parse("2026-10").unwrap();
    let entries = [
        purchase("50"),
        call(Service::UserOut, "Germany", "0.5000", "0.2000"),
        entry("0", "-0.15", EntryDetails::Invoice { month, number: Some(1) }),
    ];
    let (_, text) = drawn("Contoso", Locale::En, &entries);
    assert_says(
        &text,
        &[
            "Calls 1 -0.3000",
            "Left to the next invoice",
            "Opening balance 0.0000 Calls 0.2000 Invoiced -0.1500 Closing balance 0.0500",
            "Charge From balance To invoice",
            "Germany 1 0:02:00 0 0.5000 0.3000 0.2000",
        ],
    );
}

#[test]
fn many_destinations_take_several_pages_with_the_heads_of_their_columns() {
    let calls = (0..120).map(|number| call(Service::UserOut, &format!("Place {number:03}"), "0.0195", "0"));
    let entries: Vec<_> = std::iter::once(purchase("50")).chain(calls).collect();
    let (pdf, text) = drawn("Contoso", Locale::En, &entries);
    let pages = Document::load_mem(&pdf).unwrap().get_pages().len();
    assert!(pages >= 3, "{pages}");
    let said: Vec<_> = (1..=pages).map(|page| format!("Page {page} of {pages}")).collect();
    assert_says(&text, &said.iter().map(String::as_str).collect::<Vec<_>>());
    let places: Vec<_> = (0..120).map(|number| format!("Place {number:03} 1 0:02:00 0 0.0195")).collect();
    assert_says(&text, &places.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(text.matches("Destination Calls Billed time").count(), pages, "{text}");
    assert_eq!(text.matches("Total 120").count(), 1);
}

#[test]
fn the_longest_values_stay_on_the_page() {
    let long = "Wallis and Futuna, mobile and satellite, ".repeat(6);
    let name: String = "Ämter für Straßen ".chars().cycle().take(199).collect();
    let entries =
        [purchase("99999999999999.9999"), call(Service::UserOut, &long, "9999999999999.9999", "0.0001")];
    for locale in Locale::ALL {
        let (pdf, text) = drawn(&name, locale, &entries);
        let squeezed = |text: &str| text.replace(' ', "");
        assert_says(&squeezed(&text), &[&squeezed(&name), &squeezed(&long)]);
        assert!(crate::lowest_baseline(&pdf) > 30);
    }
}

#[test]
fn the_same_statement_gives_the_same_bytes() {
    let [one, other] = [(); 2].map(|()| drawn("Contoso", Locale::En, &entries()).0);
    assert_eq!(one, other);
}

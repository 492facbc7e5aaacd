//! Rejected records of the queue, whose sender gets no answer: each is kept in the journal and published (S3).

use domain::account::Warning;
use domain::change::MAX_ITEMS_PER_COMMIT;
use domain::debit::{self, Decided, Outcome};
use domain::hold::Holds;
use domain::journal::EntryDetails;
use domain::rejected_record::{Message, RejectionStatus};
use domain::{
    Account, BillingModel, Decision, EventDetails, MessageId, RateTable, RejectedRecord, UsageRecord,
};

use crate::books::Books;
use crate::given::{account, at, call, changed_at, euros, money, priced};

const NOON: &str = "2027-01-10T12:00:00Z";
const SENT: &str = "2027-01-10T11:00:00.123Z";

fn rejection(index: u32) -> RejectedRecord {
    RejectedRecord {
        message: Message { id: MessageId::parse("m-1").unwrap(), sent_at: at(SENT) },
        index,
        record_id: Some(format!("r{index}")),
        status: RejectionStatus::Invalid,
        field: "number".to_owned(),
        detail: "expected an E.164 number".to_owned(),
        text: format!("{{\"id\":\"r{index}\"}}"),
    }
}

fn decide(account: &Account, records: &[UsageRecord], refused: &[RejectedRecord]) -> Decision<Decided> {
    let (records, refused): (Vec<_>, Vec<_>) = (records.iter().collect(), refused.iter().collect());
    let decision =
        debit::decide(account, at(NOON), &records, &refused, priced(&RateTable::default()), &Holds::new());
    if let Some(change) = &decision.change {
        Books::of(account).enter(account, change);
    }
    decision
}

#[test]
fn s3_rejected_records_are_kept_beside_accepted_ones_and_move_no_money() {
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "10")]);
    let decision = decide(&account, &[call("c", at(NOON), 60, Some("4"))], &[rejection(3), rejection(7)]);
    assert!(matches!(decision.answer.outcomes[..], [Outcome::Charged { .. }]));
    assert_eq!(decision.answer.kept, 2);
    let change = decision.change.unwrap();
    let rows: Vec<_> =
        change.entries.iter().map(|row| format!("{} {} = {}", row.key, row.amount, row.balance)).collect();
    assert_eq!(
        rows,
        [
            "2027-01-10T11:59:00.000Z#usage#c#1 -4.0000 = 6.0000",
            "2027-01-10T11:00:00.123Z#rejected#m-1#003 0.0000 = 6.0000",
            "2027-01-10T11:00:00.123Z#rejected#m-1#007 0.0000 = 6.0000",
        ]
    );
    let row = &change.entries[2];
    assert_eq!(row.details, EntryDetails::Rejected(rejection(7)));
    assert_eq!((row.at, row.posted_at), (at(SENT), at(NOON)));
    assert_eq!(row.key, rejection(7).key());

    let told = row.lasting.as_ref().unwrap();
    assert_eq!(change.events[told.number as usize], told.details);
    let EventDetails::UsageRejected {
        index: 7,
        record_id: Some(id),
        status: RejectionStatus::Invalid,
        field,
        ..
    } = &told.details
    else {
        panic!("{told:?}");
    };
    assert_eq!((id.as_str(), field.as_str()), ("r7", "number"));
}

#[test]
fn the_first_record_with_an_event_and_the_balance_after_each_are_told() {
    let mut account = changed_at(euros(&[("a", "2027-06-01T00:00:00Z", "10")]), at(NOON));
    let call = |(number, charge)| call(&format!("c{number}"), at(NOON), 60, Some(charge));
    let calls: Vec<_> = ["4", "-1", "5", "2"].into_iter().enumerate().map(call).collect();
    let first_event = |account: &Account, records: usize, refused: &[RejectedRecord]| {
        let decided = decide(account, &calls[..records], refused).answer;
        let balances: Vec<_> = decided.balances.iter().map(ToString::to_string).collect();
        assert_eq!(balances, ["6.0000", "6.0000", "1.0000", "-1.0000"][..records]);
        decided.first_event
    };
    // The fourth record brings the balance below zero. A record that cannot be accepted causes nothing.
    for (records, place) in [(3, None), (4, Some(3))] {
        assert_eq!(first_event(&account, records, &[]), place);
    }
    assert_eq!(first_event(&account, 3, &[rejection(0)]), Some(3), "rejected records come after the others");
    assert_eq!(first_event(&account, 4, &[rejection(0)]), Some(3));

    account.warning = Some(Warning { amount: money("1", "EUR"), told: false });
    assert_eq!(first_event(&account, 4, &[rejection(0)]), Some(2), "the warning amount is reached");
    account.warning = Some(Warning { amount: money("1", "EUR"), told: true });
    assert_eq!(first_event(&account, 4, &[]), Some(3));
}

#[test]
fn s3_rejected_records_alone_are_a_commit() {
    let account = euros(&[]);
    let change = decide(&account, &[], &[rejection(0)]).change.unwrap();
    assert_eq!((change.entries.len(), change.events.len()), (1, 1));
    assert_eq!(change.account.balance(), account.balance());
    assert!(decide(&account, &[], &[]).change.is_none());
}

#[test]
fn s3_a_commit_keeps_as_many_rejected_records_as_it_has_room_for() {
    let refused: Vec<_> = (0..200).map(rejection).collect();
    let records: Vec<_> = (0..60).map(|n| call(&format!("c{n}"), at(NOON), 60, Some("0"))).collect();
    let mut owes_invoice = account("EUR", BillingModel::PostUsage, at("2026-12-31T00:00:00Z"));
    owes_invoice.post_usage.amount = money("1", "EUR");
    let today = changed_at(euros(&[]), at(NOON));
    for (account, records, kept) in
        [(today.clone(), &records[..0], 99), (today, &records[..], 39), (owes_invoice, &records[..], 36)]
    {
        let decision = decide(&account, records, &refused);
        assert_eq!((decision.answer.outcomes.len(), decision.answer.kept), (records.len(), kept));
        assert_eq!(decision.change.unwrap().items(), MAX_ITEMS_PER_COMMIT);
    }
}

//! Changes of the profile, the recipients and the warning amount (A1, F10, N4, N9).

use domain::account::Warning;
use domain::event::{EventDetails, Setting};
use domain::settings::{self, NewSettings};
use domain::{Account, Decision, Profile};

use crate::given::{at, card_holder, euros, money};

const NOON: &str = "2027-01-10T12:00:00Z";

fn change(account: &Account, before: &Profile, profile: Profile, warning: Option<&str>) -> Decision<()> {
    let warning = warning.map(|amount| money(amount, "EUR"));
    settings::change(account, before, at(NOON), NewSettings { profile, warning, by: "ada".into() })
}

#[test]
fn n9_the_same_settings_are_no_commit() {
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "10")]);
    assert!(change(&account, &card_holder(), card_holder(), None).change.is_none());
}

#[test]
fn n9_either_card_is_a_changed_payment_method() {
    let card = card_holder().payment_method;
    let without = |before: &Profile, after: Profile| match &change(&euros(&[]), before, after, None)
        .change
        .unwrap()
        .events[..]
    {
        [EventDetails::SettingsChanged { fields, .. }] => fields.clone(),
        other => panic!("{other:?}"),
    };
    let backup = Profile { backup: card, ..card_holder() };
    assert_eq!(without(&card_holder(), backup.clone()), [Setting::PaymentMethod]);
    assert_eq!(
        without(&backup, Profile { payment_method: None, ..backup.clone() }),
        [Setting::PaymentMethod]
    );
}

#[test]
fn n9_an_event_names_the_author_the_settings_and_the_added_and_removed_recipients() {
    let before =
        Profile { notification_emails: vec!["a@x.example".into(), "b@x.example".into()], ..card_holder() };
    let after = Profile {
        name: "Contoso".into(),
        notification_emails: vec!["b@x.example".into(), "c@x.example".into()],
        ..card_holder()
    };
    let change = change(&euros(&[]), &before, after.clone(), None).change.unwrap();
    assert_eq!(change.profile, Some(after));
    let [EventDetails::SettingsChanged { fields, by, added_recipients, removed_recipients, new }] =
        &change.events[..]
    else {
        panic!("{:?}", change.events)
    };
    assert_eq!(fields[..], [Setting::Name, Setting::NotificationEmails]);
    assert_eq!(
        (by.as_str(), &added_recipients[..], &removed_recipients[..]),
        ("ada", &["c@x.example".to_owned()][..], &["a@x.example".to_owned()][..])
    );
    assert!(new.payment_method.is_none() && new.notification_emails.is_some());
}

#[test]
fn n4_a_new_warning_amount_waits_for_the_next_crossing() {
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "10")]);
    for (amount, told) in [("9.99", false), ("10", true), ("20", true)] {
        let change = change(&account, &card_holder(), card_holder(), Some(amount)).change.unwrap();
        assert_eq!(change.account.warning, Some(Warning { amount: money(amount, "EUR"), told }));
        assert!(
            matches!(&change.events[..], [EventDetails::SettingsChanged { fields, .. }] if fields[..] == [Setting::LowBalanceAmount])
        );
        let away = settings::change(
            &change.account,
            &card_holder(),
            at(NOON),
            NewSettings { profile: card_holder(), warning: None, by: "ada".into() },
        );
        assert_eq!(away.change.unwrap().account.warning, None);
    }
}

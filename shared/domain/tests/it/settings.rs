//! Changes of the profile, the recipients, the warning amount and the billing model (A1, F10, N4, N9, S8).

use std::collections::BTreeMap;

use domain::account::Warning;
use domain::declines::Declines;
use domain::event::{EventDetails, Setting};
use domain::profile::{Author, Card, CardUse, LastChange, MAX_SET_UPS, PaymentMethod, SettingGroup};
use domain::purchase::{self, PurchaseLimits, PurchaseRefusal};
use domain::recharge::{self, State};
use domain::settings::{self, EnteredCard, NewLimits, NewSettings, NoWayBack, SeenCard, save_entered_card};
use domain::time::Month;
use domain::{Account, BillingModel, Decision, EntryKind, Profile, Status, expiry};

use crate::given::{at, card_holder, decimal, euros, money, owing, purchase_of};

const NOON: &str = "2027-01-10T12:00:00Z";

fn change(account: &Account, before: &Profile, profile: Profile, warning: Option<&str>) -> Decision<()> {
    let warning = warning.map(|amount| money(amount, "EUR"));
    let new = NewSettings {
        profile,
        warning,
        billing_model: None,
        payment_term_days: account.payment_term_days,
        by: Author::new("ada", None),
    };
    settings::change(account, before, at(NOON), new).unwrap()
}

/// An account after it was asked to pay after use, and the events of that.
fn switched(account: &Account, to: BillingModel) -> Result<(Account, Vec<EventDetails>), NoWayBack> {
    let profile = card_holder();
    let new = NewSettings {
        profile: profile.clone(),
        warning: None,
        billing_model: Some(to),
        payment_term_days: account.payment_term_days,
        by: Author::new("ada", None),
    };
    let decision = settings::change(account, &profile, at(NOON), new)?;
    let change = decision.change;
    Ok(change.map_or_else(|| (account.clone(), Vec::new()), |change| (change.account, change.events)))
}

/// An account with auto-recharge on, which owes 0.30.
fn recharging() -> Account {
    let account = owing("0.30");
    let new = recharge::NewSettings {
        enabled: true,
        trigger: Some(decimal("50")),
        amount: Some(decimal("50")),
        monthly_limit: None,
        by: Author::new("ada", None),
    };
    let limits = PurchaseLimits::default();
    let decision = recharge::configure(&account, &card_holder(), at(NOON), &new, &limits).unwrap();
    decision.change.unwrap().account
}

#[test]
fn s8_without_auto_recharge_the_switch_is_complete_at_once() {
    // V12: 0.30 is owed.
    let (account, events) = switched(&owing("0.30"), BillingModel::PostUsage).unwrap();
    assert_eq!(account.billing_model, BillingModel::PostUsage);
    assert_eq!((account.owed, account.post_usage.amount), (money("0", "EUR"), money("0.30", "EUR")));
    assert!(account.balance().is_zero());
    let completed = EventDetails::SwitchCompleted { owed: money("0.30", "EUR"), funds: money("0", "EUR") };
    assert_eq!(events.last(), Some(&completed));
    assert_eq!(switched(&account, BillingModel::PostUsage).unwrap().1, [], "it is one already");
    assert_eq!(switched(&account, BillingModel::Prepaid), Err(NoWayBack));
}

#[test]
fn s8_with_auto_recharge_on_the_switch_waits_until_it_is_off() {
    let before = recharging();
    let (pending, events) = switched(&before, BillingModel::PostUsage).unwrap();
    assert_eq!((pending.billing_model, pending.owed), (BillingModel::Switching, before.owed));
    assert!(events.contains(&EventDetails::SwitchPending), "{events:?}");
    assert_eq!(pending.status(at(NOON)), Status::Depleted, "it lives as a prepaid account");
    assert_eq!(switched(&pending, BillingModel::Prepaid), Err(NoWayBack));
    let (still, events) = switched(&pending, BillingModel::PostUsage).unwrap();
    assert_eq!((still, events), (pending.clone(), Vec::new()));

    let off = recharge::NewSettings {
        enabled: false,
        trigger: None,
        amount: None,
        monthly_limit: None,
        by: Author::new("ada", None),
    };
    let limits = PurchaseLimits::default();
    let off = recharge::configure(&pending, &card_holder(), at(NOON), &off, &limits).unwrap();
    let without_card = Profile { payment_method: None, ..card_holder() };
    let removed = change(&pending, &card_holder(), without_card, None);
    for decision in [off, removed] {
        let change = decision.change.unwrap();
        assert_eq!(change.account.billing_model, BillingModel::PostUsage);
        let rows: Vec<_> = change.entries.iter().map(|entry| (entry.details.kind(), entry.amount)).collect();
        assert_eq!(rows, [(EntryKind::Switch, money("0.30", "EUR"))]);
        assert!(!change.account.recharge.enabled());
    }
}

#[test]
fn s8_an_account_that_waits_for_the_switch_cannot_buy() {
    let (pending, _) = switched(&recharging(), BillingModel::PostUsage).unwrap();
    let request = purchase_of("pur_1", decimal("50"));
    let refused = purchase::open(&pending, &card_holder(), at(NOON), &request, &PurchaseLimits::default());
    assert_eq!(refused.unwrap_err(), PurchaseRefusal::PostUsage);
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
fn f10_a_set_up_saves_its_card_once() {
    let account = euros(&[]);
    let entered = |number: usize, card: CardUse| {
        let mut method = card_holder().payment_method.unwrap();
        method.token = format!("pm_entered_{number}");
        EnteredCard {
            set_up: format!("cs_{number}"),
            method,
            card,
            by: Author::new("ada", Some("Ada Lovelace")),
        }
    };
    let mut profile = card_holder();
    for number in 0..=MAX_SET_UPS {
        let card = if number == 0 { CardUse::Backup } else { CardUse::Main };
        let entered = entered(number, card);
        let change =
            save_entered_card(&account, &profile, at(NOON), entered.clone()).change.expect("a change");
        let [EventDetails::SettingsChanged { fields, by, .. }] = &change.events[..] else {
            panic!("{:?}", change.events)
        };
        assert_eq!((&fields[..], by.as_str()), (&[Setting::PaymentMethod][..], "ada"));
        profile = change.profile.unwrap();
        let last = profile.last_changes[&SettingGroup::PaymentMethod].by.name.as_deref();
        assert_eq!(last, Some("Ada Lovelace"));
        assert!(save_entered_card(&account, &profile, at(NOON), entered).change.is_none(), "{number}");
    }
    let token = |method: &Option<PaymentMethod>| method.as_ref().unwrap().token.clone();
    assert_eq!(
        (token(&profile.payment_method), token(&profile.backup)),
        ("pm_entered_20".into(), "pm_entered_0".into())
    );
    assert_eq!((profile.set_ups.len(), profile.set_ups[0].as_str()), (MAX_SET_UPS, "cs_1"));
    // A set-up whose card is saved already tells nobody, and is remembered all the same.
    let same = EnteredCard { set_up: "cs_same".to_owned(), ..entered(MAX_SET_UPS, CardUse::Main) };
    let change = save_entered_card(&account, &profile, at(NOON), same).change.unwrap();
    assert!(change.events.is_empty(), "{:?}", change.events);
    assert_eq!(change.profile.unwrap().set_ups.last().unwrap(), "cs_same");
}

#[test]
fn f10_a_saved_card_follows_the_card_processor() {
    let account = recharging();
    let card = card_holder().payment_method.unwrap();
    let before = Profile {
        backup: Some(PaymentMethod { token: "pm_backup".into(), ..card.clone() }),
        ..card_holder()
    };
    let follow = |account: &Account, before: &Profile, token: &str, method: Option<PaymentMethod>| {
        let seen = SeenCard { token: token.to_owned(), method };
        settings::follow_processor(account, before, at(NOON), &[seen]).change
    };
    assert!(follow(&account, &before, &card.token, Some(card.clone())).is_none(), "it is as it was");
    assert!(follow(&account, &before, "pm_replaced", None).is_none(), "another card has replaced it");

    let mut renewed = card.clone();
    renewed.card.exp_year += 4;
    let change = follow(&account, &before, &card.token, Some(renewed.clone())).unwrap();
    let after = change.profile.unwrap();
    assert_eq!((&after.payment_method, &after.backup), (&Some(renewed), &before.backup));
    assert!(change.account.recharge.enabled());
    let told = |events: &[EventDetails]| {
        let fields = events.iter().find_map(|event| match event {
            EventDetails::SettingsChanged { fields, by, .. } => Some((fields.clone(), by.clone())),
            _ => None,
        });
        fields.unwrap()
    };
    assert_eq!(told(&change.events), (vec![Setting::PaymentMethod], Author::CARD_PROCESSOR.to_owned()));

    let change = follow(&account, &before, "pm_backup", None).unwrap();
    let after = change.profile.unwrap();
    assert_eq!((after.payment_method, after.backup), (Some(card.clone()), None));
    assert!(change.account.recharge.enabled(), "the main card is still there");

    let change = follow(&account, &before, &card.token, None).unwrap();
    assert!(change.profile.unwrap().payment_method.is_none());
    assert!(!change.account.recharge.enabled(), "without a card, auto-recharge is off");
    assert_eq!(told(&change.events).0, [Setting::PaymentMethod, Setting::AutoRecharge]);
}

#[test]
fn f10_a_renewed_card_starts_a_stopped_recharge_anew_and_leaves_an_open_one_alone() {
    let card = card_holder().payment_method.unwrap();
    let mut renewed = card.clone();
    renewed.card.exp_year += 4;
    let seen = [SeenCard { token: card.token, method: Some(renewed) }];
    for (state, then) in
        [(State::Stopped, State::Armed), (State::Charging { failures: 3 }, State::Charging { failures: 0 })]
    {
        let mut account = recharging();
        account.recharge.state = state;
        let change = settings::follow_processor(&account, &card_holder(), at(NOON), &seen).change.unwrap();
        assert_eq!(change.account.recharge.state, then);
        assert!(change.account.open_payments.iter().all(|open| !open.withdrawn));
    }
}

#[test]
fn f4_a_card_that_is_saved_anew_ends_the_count_of_declines_and_one_that_is_removed_does_not() {
    let card = |token: &str| PaymentMethod { token: token.into(), ..card_holder().payment_method.unwrap() };
    let before = Profile { payment_method: Some(card("pm_1")), backup: Some(card("pm_2")), ..card_holder() };
    let declines = Declines::from_stored(vec![at("2026-11-22T10:00:00Z")]);
    let account = Account { declines: declines.clone(), ..euros(&[]) };
    let after = |main: &str, backup: Option<&str>| {
        let profile =
            Profile { payment_method: Some(card(main)), backup: backup.map(card), ..before.clone() };
        change(&account, &before, profile, None).change.unwrap().account.declines
    };
    assert_eq!(after("pm_1", None), declines, "removed");
    assert_eq!(after("pm_2", Some("pm_1")), declines, "exchanged");
    assert_eq!(after("pm_3", Some("pm_2")), Declines::default());
    assert_eq!(after("pm_1", Some("pm_3")), Declines::default());
}

#[test]
fn n13_people_are_told_once_of_the_month_in_which_a_card_ends() {
    let holder = |main: (u8, u16), backup: Option<(u8, u16)>| {
        let card = |(exp_month, exp_year)| {
            let mut method = card_holder().payment_method.unwrap();
            method.token = format!("pm_{exp_month}_{exp_year}");
            method.card = Card { exp_month, exp_year, ..method.card };
            method
        };
        Profile { payment_method: Some(card(main)), backup: backup.map(card), ..card_holder() }
    };
    let month = |text: &str| Month::parse(text).unwrap();
    let save = |account: &Account, before: &Profile, after: Profile| {
        let change = change(account, before, after, None).change.unwrap();
        (change.account, change.profile.unwrap())
    };
    let sweep = |account: &Account, now: &str| expiry::sweep(account, at(now)).change;
    let told = |events: &[EventDetails]| {
        let of_card = |event: &EventDetails| match event {
            EventDetails::CardExpiring { month } => Some(*month),
            _ => None,
        };
        events.iter().filter_map(of_card).collect::<Vec<_>>()
    };

    let (account, before) = save(&euros(&[]), &Profile::default(), holder((2, 2027), Some((6, 2031))));
    assert_eq!(account.ending_cards, [month("2027-02"), month("2031-06")]);
    assert_eq!(account.due_for_expiry(), Some(at("2027-01-30T00:00:00Z")));
    assert!(sweep(&account, "2027-01-29T23:59:59Z").is_none());
    let warned = sweep(&account, "2027-01-30T00:15:00Z").unwrap();
    assert_eq!(told(&warned.events), [month("2027-02")]);
    assert!(sweep(&warned.account, "2027-01-31T00:15:00Z").is_none(), "once");
    assert_eq!(warned.account.due_for_expiry(), Some(at("2031-06-01T00:00:00Z")));

    // Another card with the month that was told of, and then a new card.
    let (replaced, profile) = save(&warned.account, &before, holder((2, 2027), Some((2, 2027))));
    assert!(replaced.ending_cards.is_empty());
    let (renewed, _) = save(&replaced, &profile, holder((2, 2032), None));
    assert_eq!(renewed.ending_cards, [month("2032-02")]);

    // A card that has ended is not told of: neither by a late sweep, nor when it is saved.
    let late = sweep(&account, "2027-03-01T00:00:00Z").unwrap();
    assert!(told(&late.events).is_empty() && late.account.ending_cards == [month("2031-06")]);
    assert!(save(&euros(&[]), &Profile::default(), holder((12, 2026), None)).0.ending_cards.is_empty());
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
    let written = change.profile.unwrap();
    let last = LastChange { at: at(NOON), by: Author::new("ada", None) };
    let last_changes =
        BTreeMap::from([SettingGroup::Notifications, SettingGroup::Other].map(|group| (group, last.clone())));
    assert_eq!(written, Profile { last_changes, ..after });
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
        let away = self::change(&change.account, &card_holder(), card_holder(), None);
        assert_eq!(away.change.unwrap().account.warning, None);
    }
}

#[test]
fn c2_limits_that_change_are_told_of_and_those_that_do_not_are_not() {
    let profile = Profile::default();
    let new = NewLimits { per_user_monthly: None, per_day: Some(money("5", "EUR")), margin_seconds: 2 };
    let account = euros(&[]);
    let change =
        settings::set_limits(&account, &profile, at(NOON), &new, &Author::new("ada", None)).change.unwrap();
    let [EventDetails::SettingsChanged { fields, by, .. }] = &change.events[..] else {
        panic!("{:?}", change.events)
    };
    assert_eq!((&fields[..], by.as_str()), (&[Setting::Limits][..], "ada"));
    let again = settings::set_limits(&change.account, &profile, at(NOON), &new, &Author::new("ada", None));
    assert!(again.change.is_none());
}

#[test]
fn n9_each_group_of_settings_has_its_last_author() {
    let account = recharging();
    let ada = Author::new("ada", Some("Ada Lovelace"));
    let off = recharge::NewSettings {
        enabled: false,
        trigger: None,
        amount: None,
        monthly_limit: None,
        by: ada.clone(),
    };
    let limits = PurchaseLimits::default();
    let off = recharge::configure(&account, &card_holder(), at(NOON), &off, &limits).unwrap().change.unwrap();
    let profile = off.profile.unwrap();
    let last = |by: &Author, now: &str| LastChange { at: at(now), by: by.clone() };
    let expected = BTreeMap::from([(SettingGroup::AutoRecharge, last(&ada, NOON))]);
    assert_eq!(profile.last_changes, expected);
    assert_eq!(
        settings::fingerprint(&off.account, &profile),
        settings::fingerprint(&off.account, &card_holder()),
        "the author is no setting"
    );

    // The next change of another group leaves it, and the removal of the card turns auto-recharge off, too.
    let (eve, later) = (Author::new("eve", None), "2027-01-11T12:00:00Z");
    let new = NewLimits { per_user_monthly: None, per_day: Some(money("5", "EUR")), margin_seconds: 2 };
    let limited = settings::set_limits(&off.account, &profile, at(later), &new, &eve).change.unwrap();
    let last_changes = limited.profile.unwrap().last_changes;
    assert_eq!(last_changes[&SettingGroup::AutoRecharge], last(&ada, NOON));
    assert_eq!(last_changes[&SettingGroup::Limits], last(&eve, later));
    let without_card = Profile { payment_method: None, ..card_holder() };
    let removed = change(&account, &card_holder(), without_card, None).change.unwrap();
    let groups: Vec<_> = removed.profile.unwrap().last_changes.into_keys().collect();
    assert_eq!(groups, [SettingGroup::AutoRecharge, SettingGroup::PaymentMethod]);
}

#[test]
fn an_author_has_a_name_that_is_no_address_and_not_too_long() {
    for (given, kept) in [
        (None, None),
        (Some(" Ada "), Some("Ada")),
        (Some(" "), None),
        (Some("ada@example.com"), None),
        (Some("é".repeat(200).as_str()), Some("é".repeat(200).as_str())),
        (Some("é".repeat(201).as_str()), None),
    ] {
        assert_eq!(Author::new("sub", given).name.as_deref(), kept);
    }
}

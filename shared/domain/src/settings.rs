//! Changing an account's profile, its cards, its warning amount, its pools, its limits, its billing model and
//! the term of its invoices (A1, F10, N4, N9, S7, C2, S8). Auto-recharge has settings of its own: see [`recharge::settings`](crate::recharge::settings).

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::account::{Account, BillingModel, Warning};
use crate::change::Decision;
use crate::declines::Declines;
use crate::draft::Draft;
use crate::event::{EventDetails, NewCards, NewValues, Setting, ShownCard};
use crate::id::Fingerprint;
use crate::limits::{DayLimit, Limit, Limits};
use crate::money::Money;
use crate::pool::PoolTerms;
use crate::profile::{Author, CardUse, MAX_SET_UPS, PaymentMethod, Profile};
use crate::recharge::settings::{card_changed, card_renewed, new_auto_recharge, turn_off};
use crate::time::{Month, day_of};

/// The settings as they are to be.
#[derive(Clone, Debug)]
pub struct NewSettings {
    /// The profile.
    pub profile: Profile,
    /// The warning amount, if there is to be one.
    pub warning: Option<Money>,
    /// The billing model, if it is to be another one.
    pub billing_model: Option<BillingModel>,
    /// The number of days after which an invoice is due.
    pub payment_term_days: u16,
    /// The author of the change.
    pub by: Author,
}

/// An account that pays after use, or has asked for it, was told to be prepaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account has switched to paying after use, or is about to, and cannot move back")]
pub struct NoWayBack;

/// Changes the settings that differ, and adds the event that says who changed them. If none differs, nothing changes. A new
/// card starts auto-recharge anew (F10). Without a card, auto-recharge is off.
///
/// The switch to paying after use is complete at once if auto-recharge is off. Otherwise it waits until it is (S8).
///
/// # Errors
///
/// [`NoWayBack`] if the account is to be prepaid again. Nothing changes then.
pub fn change(
    account: &Account,
    before: &Profile,
    now: Timestamp,
    new: NewSettings,
) -> Result<Decision<()>, NoWayBack> {
    let NewSettings { profile, warning, billing_model, payment_term_days, by } = new;
    let mut fields = changed(before, &profile);
    match (account.billing_model, billing_model) {
        (BillingModel::Prepaid, Some(BillingModel::PostUsage)) => fields.push(Setting::BillingModel),
        (BillingModel::Switching | BillingModel::PostUsage, Some(BillingModel::Prepaid)) => {
            return Err(NoWayBack);
        }
        _ => {}
    }
    if warning != account.warning.map(|warning| warning.amount) {
        fields.push(Setting::LowBalanceAmount);
    }
    if payment_term_days != account.payment_term_days {
        fields.push(Setting::PaymentTermDays);
    }
    if fields.is_empty() && profile == *before {
        return Ok(Decision::unchanged(()));
    }
    let mut draft = Draft::on(account, now);
    if fields.is_empty() {
        draft.set_profile(profile);
        return Ok(draft.finish(()));
    }
    // A month that this commit closes has the term that was set before.
    draft.account_mut().payment_term_days = payment_term_days;
    if fields.contains(&Setting::LowBalanceAmount) {
        let available = account.available(draft.now());
        // A new amount warns nobody at once: it waits for the next crossing (N4).
        draft.account_mut().warning = warning.map(|amount| Warning { amount, told: available <= amount });
    }
    if fields.contains(&Setting::PaymentMethod) {
        let ending_cards = ending_cards(account, before, &profile, draft.now());
        draft.account_mut().ending_cards = ending_cards;
        if has_new_card(before, &profile) {
            // Declines of other cards count no more (F4).
            draft.account_mut().declines = Declines::default();
        }
        card_changed(&mut draft);
        if profile.payment_method.is_none() && draft.account().recharge.enabled() {
            turn_off(&mut draft);
            fields.push(Setting::AutoRecharge);
        }
    }
    if fields.contains(&Setting::BillingModel) {
        draft.account_mut().billing_model = BillingModel::Switching;
        if draft.account().recharge.enabled() {
            draft.add_event(EventDetails::SwitchPending);
        }
    }
    let new = new_values(&fields, &profile, draft.account());
    draft.change_settings(fields, &by, before, profile, new);
    Ok(draft.finish(()))
}

/// A card that was entered on the processor's own page.
#[derive(Clone, Debug)]
pub struct EnteredCard {
    /// The processor's id of the set-up.
    pub set_up: String,
    /// The card to save.
    pub method: PaymentMethod,
    /// Which card of the account it is to be.
    pub card: CardUse,
    /// The person who began the set-up, and is the author of the change.
    pub by: Author,
}

/// Saves the card of a set-up, as [`change`] does. A set-up that has saved its card changes nothing any more, also if another
/// card has replaced it since.
pub fn save_entered_card(
    account: &Account,
    before: &Profile,
    now: Timestamp,
    entered: EnteredCard,
) -> Decision<()> {
    let EnteredCard { set_up, method, card, by } = entered;
    if before.set_ups.contains(&set_up) {
        return Decision::unchanged(());
    }
    let mut profile = before.clone();
    profile.set_ups.push(set_up);
    let forgotten = profile.set_ups.len().saturating_sub(MAX_SET_UPS);
    profile.set_ups.drain(..forgotten);
    match card {
        CardUse::Main => profile.payment_method = Some(method),
        CardUse::Backup => profile.backup = Some(method),
    }
    let new = NewSettings {
        profile,
        warning: account.warning.map(|warning| warning.amount),
        billing_model: None,
        payment_term_days: account.payment_term_days,
        by,
    };
    change(account, before, now, new).expect("the billing model stays as it is")
}

/// A saved card as the card processor has it now.
#[derive(Clone, Debug)]
pub struct SeenCard {
    /// The token that it was saved by.
    pub token: String,
    /// The card. `None` if the processor does not keep it any more.
    pub method: Option<PaymentMethod>,
}

/// Saves what has become of saved cards at the card processor, and adds the event that says so. A card that its network has renewed
/// gets its new data, and auto-recharge starts anew with it; a charge that is open goes on. A card that the processor does not keep
/// any more is removed. Without the main card, auto-recharge is off, as in [`change`].
///
/// A card that is not saved any more, or that is as it was, changes nothing.
pub fn follow_processor(
    account: &Account,
    before: &Profile,
    now: Timestamp,
    seen: &[SeenCard],
) -> Decision<()> {
    let as_seen = |saved: &Option<PaymentMethod>| {
        let saved = saved.as_ref()?;
        let seen = seen.iter().find(|card| card.token == saved.token);
        seen.map_or_else(|| Some(saved.clone()), |card| card.method.clone())
    };
    let profile = Profile {
        payment_method: as_seen(&before.payment_method),
        backup: as_seen(&before.backup),
        ..before.clone()
    };
    if profile == *before {
        return Decision::unchanged(());
    }
    let mut draft = Draft::on(account, now);
    let ending_cards = ending_cards(account, before, &profile, draft.now());
    draft.account_mut().ending_cards = ending_cards;
    let mut fields = vec![Setting::PaymentMethod];
    if profile.payment_method.is_none() && draft.account().recharge.enabled() {
        turn_off(&mut draft);
        fields.push(Setting::AutoRecharge);
    } else if profile.payment_method != before.payment_method {
        card_renewed(&mut draft);
    }
    let new = new_values(&fields, &profile, draft.account());
    draft.change_settings(fields, &Author::card_processor(), before, profile, new);
    draft.finish(())
}

/// Whether a card is saved that was not saved before. A card that is removed, or changes its place, is no new one.
fn has_new_card(before: &Profile, after: &Profile) -> bool {
    let tokens = |profile: &Profile| {
        let cards = [&profile.payment_method, &profile.backup].into_iter().flatten();
        cards.map(|method| method.token.clone()).collect::<BTreeSet<_>>()
    };
    !tokens(after).is_subset(&tokens(before))
}

/// The last months of the saved cards that people are still to be told of. A month that they were told of stays out, as long as a
/// card that has it is saved.
fn ending_cards(account: &Account, before: &Profile, after: &Profile, now: Timestamp) -> Vec<Month> {
    let last_months = |profile: &Profile| {
        let cards = [&profile.payment_method, &profile.backup].into_iter().flatten();
        cards.filter_map(|method| method.card.last_month()).collect::<BTreeSet<_>>()
    };
    let untold = account.ending_cards.iter().copied().collect();
    let told = &last_months(before) - &untold;
    last_months(after).into_iter().filter(|month| month.end() > now && !told.contains(month)).collect()
}

/// A fingerprint of an account's settings. It changes with them, and with nothing else, so that a person's changes can be refused if
/// somebody else has changed the settings since the person saw them.
pub fn fingerprint(account: &Account, profile: &Profile) -> Fingerprint {
    let Profile {
        name,
        locale,
        notification_emails,
        po_number,
        payment_method,
        backup,
        set_ups: _,
        pools,
        last_changes: _,
    } = profile;
    let method = |method: &Option<PaymentMethod>| {
        method.as_ref().map_or_else(String::new, |method| format!("{} {}", method.customer, method.token))
    };
    let amount = |amount: Option<Money>| amount.map_or_else(String::new, |amount| amount.to_string());
    let amounts = account.recharge.amounts.as_ref();
    let limits = &account.limits;
    let parts = [
        name.clone(),
        locale.as_str().to_owned(),
        notification_emails.join(" "),
        po_number.clone().unwrap_or_default(),
        method(payment_method),
        method(backup),
        pools.version.to_string(),
        amount(account.warning.map(|warning| warning.amount)),
        account.billing_model.as_str().to_owned(),
        account.payment_term_days.to_string(),
        account.recharge.enabled().to_string(),
        amount(amounts.map(|amounts| amounts.trigger)),
        amount(amounts.map(|amounts| amounts.amount)),
        amount(amounts.and_then(|amounts| amounts.monthly_limit)),
        amount(limits.per_user_monthly.map(|limit| limit.amount)),
        amount(limits.per_day.map(|day| day.limit.amount)),
        limits.margin_seconds.to_string(),
    ];
    Fingerprint::of(parts.iter().map(String::as_str))
}

/// Limits as they are to be.
#[derive(Clone, Copy, Debug)]
pub struct NewLimits {
    /// How much the calls of each user may cost in a month, if that is limited.
    pub per_user_monthly: Option<Money>,
    /// How much the calls of the account may cost in a day, if that is limited.
    pub per_day: Option<Money>,
    /// How many seconds of what is held a call is not granted.
    pub margin_seconds: u32,
}

/// Sets the spending limits (C2) and the margin (C1), and adds the event that says so. A limit that only gets another amount counts on;
/// a new one counts from now on. If nothing differs, nothing changes.
pub fn set_limits(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    new: &NewLimits,
    by: &Author,
) -> Decision<()> {
    let mut draft = Draft::on(account, now);
    let (now, before) = (draft.now(), account.limits);
    let limit =
        |amount, before: Option<Limit>| Limit { amount, since: before.map_or(now, |limit| limit.since) };
    let limits = Limits {
        per_user_monthly: new.per_user_monthly.map(|amount| limit(amount, before.per_user_monthly)),
        per_day: new.per_day.map(|amount| {
            let limit = limit(amount, before.per_day.map(|day| day.limit));
            match before.per_day {
                Some(day) => DayLimit { limit, ..day },
                None => DayLimit { limit, day: day_of(now), spent: Money::zero(account.currency) },
            }
        }),
        margin_seconds: new.margin_seconds,
    };
    if limits == before {
        return Decision::unchanged(());
    }
    draft.account_mut().limits = limits;
    draft.change_settings(vec![Setting::Limits], by, profile, profile.clone(), NewValues::default());
    draft.finish(())
}

/// Replaces the pools of included minutes (S7), and adds the event that says so. If the terms are the same, nothing changes.
pub fn set_pools(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    terms: Vec<PoolTerms>,
    by: &Author,
) -> Decision<()> {
    if profile.pools.terms().eq(&terms) {
        return Decision::unchanged(());
    }
    let mut draft = Draft::on(account, now);
    let pools = profile.pools.replaced(terms, Month::of(draft.now()));
    draft.account_mut().pools_version = pools.version;
    draft.tell_anew_of_pools(&pools);
    let after = Profile { pools, ..profile.clone() };
    draft.change_settings(vec![Setting::Pools], by, profile, after, NewValues::default());
    draft.finish(())
}

/// The settings of the profile that differ.
fn changed(before: &Profile, after: &Profile) -> Vec<Setting> {
    let cards_differ = before.payment_method != after.payment_method || before.backup != after.backup;
    [
        (Setting::Name, before.name != after.name),
        (Setting::Locale, before.locale != after.locale),
        (Setting::NotificationEmails, before.notification_emails != after.notification_emails),
        (Setting::PoNumber, before.po_number != after.po_number),
        (Setting::PaymentMethod, cards_differ),
    ]
    .into_iter()
    .filter_map(|(setting, differs)| differs.then_some(setting))
    .collect()
}

/// The values of changed settings as they are now, of those that people are told of (N9).
fn new_values(fields: &[Setting], after: &Profile, account: &Account) -> NewValues {
    let shown = |method: &Option<PaymentMethod>| {
        let card = method.as_ref().map(|method| &method.card);
        card.map(|card| ShownCard { brand: card.brand.clone(), last4: card.last4.clone() })
    };
    let cards = || NewCards { card: shown(&after.payment_method), backup: shown(&after.backup) };
    let emails = || after.notification_emails.clone();
    NewValues {
        notification_emails: fields.contains(&Setting::NotificationEmails).then(emails),
        payment_method: fields.contains(&Setting::PaymentMethod).then(cards),
        auto_recharge: fields.contains(&Setting::AutoRecharge).then(|| new_auto_recharge(account)),
    }
}

//! What of an account needs somebody's attention, the most urgent first. It follows from the account as it is at each load, so that it is
//! gone once it is dealt with.

use contract::{Account, Purchase, PurchaseStatus};
use domain::{BillingModel, Locale};
use jiff::Timestamp;
use rust_decimal::Decimal;
use wording::glossary;

use crate::account_view::{self, DEPLETED, billing_model, is_post_usage};
use crate::figures;
use crate::frame::{Notice, Tone};
use crate::words::ConcernWords;

/// Funds that expire in so many days are told.
const EXPIRY_TOLD_DAYS: i64 = 30;

/// Whose concerns they are, and when.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) locale: Locale,
    pub(super) now: Timestamp,
    /// Whether the reader may do something about them. Others are led nowhere where something changes.
    pub(super) may_change: bool,
}

/// The one notice on top of a page: the most urgent concern, and the others beneath it in a line each.
pub(super) fn notice(concerns: Vec<Notice>) -> Option<Notice> {
    let mut concerns = concerns.into_iter();
    let mut first = concerns.next()?;
    first.also.extend(concerns.map(|other| format!("{}. {}", other.title, other.text)));
    Some(first)
}

/// Whether the account has never had funds.
pub(super) fn is_new(account: &Account, purchases: &[Purchase], moved: bool) -> bool {
    let is_zero = |amount: &str| amount.parse::<Decimal>().is_ok_and(|amount| amount.is_zero());
    let bought = purchases.iter().any(|purchase| purchase.status.is_charged());
    let is_prepaid = billing_model(account) == BillingModel::Prepaid;
    is_prepaid && is_zero(&account.balance) && is_zero(&account.owed) && !bought && !moved
}

/// The amount of the recharge that auto-recharge waits for. It may be a multiple of the amount of the settings.
pub(super) fn open_recharge<'a>(account: &Account, purchases: &'a [Purchase]) -> Option<&'a str> {
    let is_open = |purchase: &&Purchase| {
        let states = [PurchaseStatus::Pending, PurchaseStatus::NeedsAction];
        purchase.kind == "recharge" && states.contains(&purchase.status)
    };
    let waits = ["charging", "needsAction"].contains(&account.auto_recharge.state.as_str());
    purchases.iter().find(is_open).filter(|_| waits).map(|purchase| purchase.amount.as_str())
}

/// The concerns of an account. `purchases` are the newest ones. `is_new` says that the account never had funds.
pub(super) fn of(account: &Account, purchases: &[Purchase], is_new: bool, reader: Reader) -> Vec<Notice> {
    let concerns = Concerns { account, purchases, reader, t: ConcernWords(reader.locale) };
    let found = [
        concerns.confirmation(),
        concerns.depleted().filter(|_| !is_new),
        concerns.recharge(),
        concerns.pending(),
        concerns.low(),
        concerns.switch(),
        concerns.expiry(),
        concerns.recipients(),
        concerns.card(),
    ];
    found.into_iter().flatten().collect()
}

struct Concerns<'a> {
    account: &'a Account,
    purchases: &'a [Purchase],
    reader: Reader,
    t: ConcernWords,
}

impl Concerns<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/accounts/{}/{rest}", self.account.account_id)
    }

    /// With a link to something that changes, for those who may.
    fn leading(&self, notice: Notice, label: String, rest: &str) -> Notice {
        if self.reader.may_change { notice.link(label, self.path(rest)) } else { notice }
    }

    fn adding_funds(&self, notice: Notice) -> Notice {
        if billing_model(self.account) != BillingModel::Prepaid {
            return notice;
        }
        self.leading(notice, self.t.add_funds().to_owned(), "funds/add")
    }

    fn shown(&self, amount: &str) -> String {
        figures::amount(amount, &self.account.currency, self.reader.locale)
    }

    fn confirmation(&self) -> Option<Notice> {
        let t = self.t;
        let listed = self.purchases.iter().find(|purchase| purchase.status == PurchaseStatus::NeedsAction);
        let (id, text) = match listed {
            Some(purchase) => (&purchase.purchase_id, t.confirm_advice(self.shown(&purchase.amount))),
            None if self.account.auto_recharge.state == "needsAction" => {
                let (_, sentence) = account_view::recharge_state(self.account, self.reader.locale);
                (self.account.open_purchases.first()?, sentence)
            }
            None => return None,
        };
        let notice = Notice::new(Tone::Warn, t.confirm(), text);
        Some(notice.link(t.see_payment(), self.path(&format!("purchases/{id}"))))
    }

    fn depleted(&self) -> Option<Notice> {
        let prepaid = BillingModel::Prepaid;
        let (_, sentence) = account_view::status(&self.account.status, prepaid, self.reader.locale);
        let notice = Notice::new(Tone::Bad, self.t.depleted(), sentence);
        (self.account.status == DEPLETED).then(|| self.adding_funds(notice))
    }

    /// What keeps auto-recharge from charging the card.
    fn recharge(&self) -> Option<Notice> {
        let (t, recharge) = (self.t, &self.account.auto_recharge);
        let (_, sentence) = account_view::recharge_state(self.account, self.reader.locale);
        let change_card = |notice| self.leading(notice, t.change_card(), "payment-method");
        let resume =
            |notice| self.leading(notice, t.resume_auto_recharge().to_owned(), "auto-recharge/resume");
        let edit = |notice| self.leading(notice, t.edit_auto_recharge().to_owned(), "auto-recharge");
        let notice = match recharge.state.as_str() {
            "stopped" => {
                let why = recharge.why.as_deref().map(|code| wording::decline(code, self.reader.locale).why);
                let text = why.map_or_else(|| sentence.clone(), |why| format!("{sentence} {why}"));
                resume(change_card(Notice::new(Tone::Bad, t.stopped(), text)))
            }
            "paused" => {
                let notice = Notice::new(Tone::Bad, t.paused(), sentence);
                let notice = match recharge.why.as_deref() {
                    Some("runaway") => notice.link(t.see_usage(), self.path("usage")),
                    _ => notice,
                };
                resume(notice)
            }
            "waiting" => self.adding_funds(change_card(Notice::new(Tone::Warn, t.waiting(), sentence))),
            "limited" => self.adding_funds(edit(Notice::new(Tone::Warn, t.limited(), sentence))),
            _ => return None,
        };
        Some(notice)
    }

    /// A purchase that a person made. A charge of auto-recharge is told by its state.
    fn pending(&self) -> Option<Notice> {
        let is_pending =
            |purchase: &&Purchase| purchase.status == PurchaseStatus::Pending && purchase.kind == "purchase";
        let purchase = self.purchases.iter().find(is_pending)?;
        let text = self.t.pending_advice(self.shown(&purchase.amount));
        let path = self.path(&format!("purchases/{}", purchase.purchase_id));
        Some(Notice::new(Tone::Info, self.t.pending(), text).link(self.t.see_payment(), path))
    }

    fn low(&self) -> Option<Notice> {
        let warned = self.account.low_balance_amount.as_deref()?;
        let available = self.account.available.parse::<Decimal>().ok()?;
        let is_low = self.account.status == "active" && available <= warned.parse().ok()?;
        let shown = figures::rounded(&self.account.available, &self.account.currency, self.reader.locale);
        let notice = Notice::new(Tone::Warn, self.t.low(), self.t.low_advice(shown, self.shown(warned)));
        (is_low && !is_post_usage(self.account)).then(|| self.adding_funds(notice))
    }

    fn switch(&self) -> Option<Notice> {
        let waits = billing_model(self.account) == BillingModel::Switching;
        let notice = Notice::new(Tone::Warn, self.t.switch_waits(), self.t.switch_waits_advice());
        waits.then(|| self.leading(notice, self.t.complete_switch(), "post-usage"))
    }

    fn expiry(&self) -> Option<Notice> {
        let (t, locale) = (self.t, self.reader.locale);
        let next = self.account.next_expiry.as_ref()?;
        let days = figures::days_until(self.reader.now, next.expires_at.into())?;
        let amount = figures::rounded(&next.amount, &self.account.currency, locale);
        let date = wording::date(next.expires_at.into(), locale);
        let text = t.expiring_advice(amount, date, glossary::in_days(days, locale));
        let notice = Notice::new(Tone::Warn, t.expiring(), text).link(t.see_funds(), self.path("funds"));
        (days <= EXPIRY_TOLD_DAYS).then_some(notice)
    }

    fn recipients(&self) -> Option<Notice> {
        let notice = Notice::new(Tone::Info, self.t.nobody(), self.t.nobody_advice());
        let nobody = self.account.notification_emails.is_empty();
        nobody.then(|| self.leading(notice, self.t.add_recipients(), "notifications"))
    }

    fn card(&self) -> Option<Notice> {
        let notice = Notice::new(Tone::Info, self.t.no_card(), self.t.no_card_advice());
        let is_needed =
            self.account.payment_method.is_none() && billing_model(self.account) == BillingModel::Prepaid;
        is_needed.then(|| self.leading(notice, self.t.add_card(), "payment-method"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// An account without concerns, with these members in place of its own.
    pub(in crate::pages) fn account(members: &Value) -> Account {
        let mut account = json!({
            "accountId": "contoso", "name": "Contoso", "currency": "EUR", "locale": "en", "billingModel": "prepaid",
            "status": "active", "balance": "145.5000", "available": "145.5000", "held": "0.0000", "owed": "0.0000",
            "paymentMethod": {"brand": "visa", "last4": "4242", "expMonth": 4, "expYear": 2030},
            "autoRecharge": {"enabled": false, "state": "off"},
            "notificationEmails": ["ada@example.com"],
            "postUsage": {"month": "2026-11", "amount": "0.0000"}, "paymentTermDays": 30, "pools": [],
            "limits": {"marginSeconds": 2, "purchase": {"minimum": "50", "maximum": "1000"}, "rechargesPerDay": 10},
            "openPurchases": [], "settingsVersion": "s", "version": 1, "createdAt": "2026-09-01T00:00:00.000Z",
        });
        for (name, value) in members.as_object().unwrap() {
            account[name] = value.clone();
        }
        serde_json::from_value(account).unwrap()
    }

    fn purchase(kind: &str, status: &str) -> Purchase {
        let purchase = json!({"purchaseId": "pur_1", "kind": kind, "status": status, "amount": "100.0000",
            "currency": "EUR", "createdAt": "2026-11-28T09:00:00.000Z"});
        serde_json::from_value(purchase).unwrap()
    }

    fn reader(may_change: bool) -> Reader {
        Reader { locale: Locale::En, now: "2026-11-28T12:00:00Z".parse().unwrap(), may_change }
    }

    fn titles(members: &Value, purchases: &[Purchase]) -> Vec<String> {
        let found = of(&account(members), purchases, false, reader(true));
        found.into_iter().map(|notice| notice.title).collect()
    }

    #[test]
    fn an_account_in_order_has_none() {
        assert_eq!(titles(&json!({}), &[purchase("purchase", "succeeded")]), [""; 0]);
        assert!(notice(Vec::new()).is_none());
    }

    #[test]
    fn the_most_urgent_comes_first_and_the_others_beneath() {
        let members = json!({
            "status": "depleted", "available": "0.0000", "paymentMethod": null, "notificationEmails": [],
            "lowBalanceAmount": "50.0000",
            "autoRecharge": {"enabled": true, "state": "stopped", "why": "stolen_card"},
            "nextExpiry": {"amount": "5.0000", "expiresAt": "2026-12-28T00:00:00.000Z"},
        });
        let purchases = [purchase("purchase", "pending"), purchase("purchase", "needsAction")];
        let expected = [
            "A payment waits for confirmation",
            "Your balance is used up",
            "Auto-recharge has stopped",
            "The outcome of a payment is not known yet",
            "Funds expire soon",
            "Nobody gets e-mail notifications",
            "No card is saved",
        ];
        assert_eq!(titles(&members, &purchases), expected);
        let top = notice(of(&account(&members), &purchases, false, reader(true))).unwrap();
        assert_eq!((top.tone, top.also.len()), (Tone::Warn, 6));
        assert!(top.also[1].contains("reported as stolen"), "{}", top.also[1]);
    }

    #[test]
    fn each_state_of_auto_recharge_that_holds_it_back_is_a_concern() {
        for (state, expected) in [
            ("off", None),
            ("armed", None),
            ("charging", None),
            ("waiting", Some("The last automatic charge failed")),
            ("limited", Some("Auto-recharge is at its limit")),
            ("paused", Some("Auto-recharge is paused")),
            ("stopped", Some("Auto-recharge has stopped")),
        ] {
            let members = json!({"autoRecharge": {"enabled": true, "state": state}});
            assert_eq!(titles(&members, &[]).first().map(String::as_str), expected, "{state}");
        }
        let members =
            json!({"autoRecharge": {"enabled": true, "state": "needsAction"}, "openPurchases": ["rch_1"]});
        let found = of(&account(&members), &[], false, reader(true));
        assert_eq!(found[0].links[0].1, "/accounts/contoso/purchases/rch_1");
    }

    #[test]
    fn a_charge_of_auto_recharge_without_an_outcome_is_no_concern() {
        assert_eq!(titles(&json!({}), &[purchase("recharge", "pending")]), [""; 0]);
    }

    #[test]
    fn a_charge_that_is_open_has_its_own_amount() {
        let charging = account(&json!({"autoRecharge": {"enabled": true, "state": "charging"}}));
        let purchases = [purchase("purchase", "pending"), purchase("recharge", "pending")];
        assert_eq!(open_recharge(&charging, &purchases), Some("100.0000"));
        assert_eq!(open_recharge(&charging, &purchases[..1]), None);
        assert_eq!(open_recharge(&account(&json!({})), &purchases), None);
    }

    #[test]
    fn a_low_balance_is_told_at_the_warning_amount() {
        for (available, is_low) in [("50.0000", true), ("50.0001", false), ("0.0100", true)] {
            let found = titles(&json!({"available": available, "lowBalanceAmount": "50.0000"}), &[]);
            assert_eq!(found == ["Your balance is low"], is_low, "{available}");
        }
    }

    #[test]
    fn expiry_is_told_thirty_days_before() {
        for (expires_at, is_told) in [("2026-12-28T12:00:00.000Z", true), ("2026-12-28T12:00:01.000Z", false)]
        {
            let found = titles(&json!({"nextExpiry": {"amount": "5.0000", "expiresAt": expires_at}}), &[]);
            assert_eq!(found == ["Funds expire soon"], is_told, "{expires_at}");
        }
    }

    #[test]
    fn after_the_switch_nothing_asks_to_buy() {
        let complete = json!({"billingModel": "postUsage", "switch": "complete", "paymentMethod": null,
            "lowBalanceAmount": "500.0000"});
        assert_eq!(titles(&complete, &[]), [""; 0]);
        let waits = json!({"billingModel": "postUsage", "switch": "pending", "status": "depleted",
            "autoRecharge": {"enabled": true, "state": "waiting"}});
        let found = of(&account(&waits), &[], false, reader(true));
        assert!(found.iter().all(|notice| notice.links.iter().all(|(_, href)| !href.ends_with("funds/add"))));
        assert_eq!(found.last().unwrap().title, "The switch to post-usage billing is not complete");
    }

    #[test]
    fn a_viewer_is_led_to_nothing_that_changes() {
        let members = json!({"status": "depleted", "paymentMethod": null, "notificationEmails": [],
            "autoRecharge": {"enabled": true, "state": "paused", "why": "runaway"}});
        let found = of(&account(&members), &[purchase("purchase", "needsAction")], false, reader(false));
        let links: Vec<_> =
            found.iter().flat_map(|notice| &notice.links).map(|(_, href)| href.as_str()).collect();
        assert_eq!(links, ["/accounts/contoso/purchases/pur_1", "/accounts/contoso/usage"]);
    }

    #[test]
    fn an_account_is_new_until_it_has_had_funds() {
        let empty = json!({"balance": "0.0000", "available": "0.0000", "status": "depleted"});
        assert!(is_new(&account(&empty), &[], false));
        assert!(is_new(&account(&empty), &[purchase("purchase", "declined")], false));
        assert!(!is_new(&account(&empty), &[purchase("purchase", "succeeded")], false));
        assert!(!is_new(&account(&empty), &[], true), "adjustments have moved the balance");
        assert!(!is_new(&account(&json!({})), &[], false));
        assert!(of(&account(&empty), &[], true, reader(true)).is_empty());
    }
}

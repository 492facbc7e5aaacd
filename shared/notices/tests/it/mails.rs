//! Snapshots of every mail in both languages. `INSTA_UPDATE=always cargo test -p notices` accepts changes.

use std::collections::BTreeSet;

use domain::event::Setting;
use domain::recharge::{Limit, Safeguard, State};
use domain::rejected_record::RejectionStatus;
use domain::time::Month;
use domain::{EventDetails, Locale, MessageId, PaymentId, PaymentKind, Profile};
use notices::notice::EVENTS;
use notices::{Mail, Notice, Reader};

use crate::given::{
    PREPAID, Situation, changed, contoso, euros, every_mail, expired, expiring, funds_added, instant, mail,
    mail_in, payment_id, recharge_failed,
};

const LOCALES: [(&str, Locale); 2] = [("en", Locale::En), ("fr", Locale::Fr)];

#[test]
fn every_mail_as_it_is_sent() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, situation, event) in every_mail() {
            for (language, locale) in LOCALES {
                let mail = mail_in(situation, event.clone(), &contoso(locale)).unwrap();
                let text = format!("Subject: {}\n\n{}", mail.subject, mail.text);
                insta::assert_snapshot!(format!("{name}.{language}.txt"), text);
                insta::assert_snapshot!(format!("{name}.{language}.html"), mail.html);
            }
        }
    });
}

#[test]
fn text_and_html_have_the_same_content() {
    for (name, situation, event) in every_mail() {
        for (language, locale) in LOCALES {
            let mail = mail_in(situation, event.clone(), &contoso(locale)).unwrap();
            let html = mail.html.replace("&#38;", "&").replace("&#39;", "'");
            for line in mail.text.lines().filter(|line| *line != "--") {
                // In HTML, label and value are separate cells. A line that ends with a colon introduces a link, and is the link's
                // text.
                let (label, value) = line.split_once(": ").unwrap_or((line, ""));
                let label = label.trim_end_matches([':', '\u{a0}']);
                for part in [label, value] {
                    let part = part.trim_end();
                    assert!(
                        html.contains(part) || line.ends_with(':'),
                        "{name} {language}: {part:?} is only in the text"
                    );
                }
            }
            assert!(!mail.text.contains(['<', '>']), "{name} {language}: {}", mail.text);
        }
    }
}

#[test]
fn french_punctuation_has_no_breaking_spaces() {
    for (name, situation, event) in every_mail() {
        let mail = mail_in(situation, event, &contoso(Locale::Fr)).unwrap();
        for mark in [" :", " ;", " !", " ?", " »", "« ", "'"] {
            for text in [&mail.subject, &mail.text] {
                assert!(!text.contains(mark), "{name}: {mark:?} in {text}");
            }
        }
    }
}

/// Events without a mail.
fn without_a_mail() -> Vec<EventDetails> {
    let declined = EventDetails::PaymentDeclined {
        payment_id: payment_id(),
        amount: euros("50"),
        reason: "card_declined".to_owned(),
    };
    vec![
        funds_added(PaymentKind::Adjustment),
        declined,
        EventDetails::BalanceLow { available: euros("1") },
        EventDetails::UsageRejected {
            message_id: MessageId::parse("m-1").unwrap(),
            index: 0,
            record_id: None,
            status: RejectionStatus::Invalid,
            field: "record".to_owned(),
            problem: "expected a JSON object".to_owned(),
        },
        changed(&[Setting::Name, Setting::Locale, Setting::PoNumber, Setting::LowBalanceAmount]),
        // The operator tells the organization.
        EventDetails::InvoicePaid {
            invoice_id: PaymentId::parse("inv_2026-10").unwrap(),
            number: 12,
            amount: euros("87.65"),
            paid_at: instant("2026-11-25T09:05:00Z"),
        },
        EventDetails::InvoiceVoided {
            invoice_id: PaymentId::parse("inv_2026-10").unwrap(),
            number: 12,
            amount: euros("87.65"),
            reason: "a mistake".to_owned(),
        },
        // The operator answers the bank.
        EventDetails::DisputeInquiry {
            payment_id: payment_id(),
            dispute_id: payment_id(),
            amount: euros("50"),
            reason: "fraudulent".to_owned(),
        },
        // Another event of the same commit has the mail.
        EventDetails::RechargePaused { why: Safeguard::Refund },
        EventDetails::RechargePaused { why: Safeguard::Dispute },
        recharge_failed("lost_card", None),
        EventDetails::BalanceWarning { available: euros("0"), amount: euros("20") },
        EventDetails::BalanceWarning { available: euros("-5"), amount: euros("20") },
        // The amounts are less than a minor unit.
        expiring(&[("0.0001", "2026-12-25T08:00:00Z"), ("0.0098", "2026-12-25T09:00:00Z")]),
        expired(&[("0.0099", "2026-11-22T08:00:00Z")]),
        expired(&[]),
    ]
}

#[test]
fn some_events_have_no_mail() {
    for event in without_a_mail() {
        assert_eq!(mail(event.clone(), &contoso(Locale::En)), None, "{event:?}");
    }
}

#[test]
fn the_events_that_can_have_a_mail_are_listed() {
    let name =
        |event: &EventDetails| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned();
    let events: Vec<_> =
        every_mail().into_iter().map(|(_, _, event)| event).chain(without_a_mail()).collect();
    let schema = schemars::schema_for!(EventDetails).to_value();
    let known = schema["oneOf"].as_array().unwrap().iter();
    let known: BTreeSet<_> =
        known.map(|event| event["properties"]["type"]["const"].as_str().unwrap().to_owned()).collect();
    assert_eq!(events.iter().map(name).collect::<BTreeSet<_>>(), known, "the samples have every type");
    let with_a_mail: BTreeSet<_> =
        events.iter().filter(|event| Notice::of(event).is_some()).map(name).collect();
    assert_eq!(with_a_mail, EVENTS.map(str::to_owned).into());
}

#[test]
fn n9_the_subject_of_a_change_of_recipients_has_no_name() {
    let profile = Profile { name: "Win a prize".to_owned(), ..contoso(Locale::En) };
    for reader in [Reader::Recipient, Reader::Added, Reader::Removed] {
        let situation = Situation { reader, ..PREPAID };
        let mail = mail_in(situation, changed(&[Setting::NotificationEmails]), &profile).unwrap();
        assert_eq!(mail.subject, "The recipients of notifications were changed");
        assert!(mail.text.contains("Win a prize"));
        let says_who = mail.text.contains("eve@contoso.example") || mail.html.contains("eve@contoso.example");
        assert_eq!(says_who, reader != Reader::Removed, "{}", mail.text);
    }
}

/// The address of the button.
fn link(mail: &Mail) -> &str {
    let (_, button) = mail.html.split_once("class=\"button\"").unwrap();
    let (_, link) = button.split_once("href=\"").unwrap();
    link.split_once('"').unwrap().0
}

#[test]
fn n13_a_card_that_was_replaced_is_not_told_of() {
    let event = EventDetails::CardExpiring { month: Month::parse("2026-12").unwrap() };
    let notice = Notice::of(&event).unwrap();
    let holder = contoso(Locale::En);
    assert!(!notice.is_moot(&holder));
    let replaced = Profile { payment_method: None, ..holder.clone() };
    assert!(notice.is_moot(&replaced));
    let backup = Profile { backup: holder.payment_method, ..replaced };
    assert!(!notice.is_moot(&backup), "a backup card counts, too");
}

#[test]
fn the_button_leads_to_the_page_where_the_reader_can_act() {
    let payment = payment_id();
    for (name, situation, event) in every_mail() {
        let page = match name.split('-').take(2).collect::<Vec<_>>()[..] {
            ["n1" | "n7" | "f9", _] | ["n2", "needs"] => format!("/purchases/{payment}"),
            ["n2", "failed"] | ["n9", "payment"] | ["n13", _] => "/payment-method".to_owned(),
            ["n3" | "n4" | "n9", _] if name.ends_with("post-usage") || name == "n9-several" => String::new(),
            ["n3" | "n4", _] => "/funds/add".to_owned(),
            ["n5" | "n6", _] => "/funds".to_owned(),
            ["n9", "auto"] | ["n10", _] | ["n12", "switch"] => "/auto-recharge".to_owned(),
            ["n9", "recipients"] => "/notifications".to_owned(),
            ["n12", "switched"] => "/post-usage".to_owned(),
            ["n12", _] => "/receipts".to_owned(),
            _ => {
                let mail = mail_in(situation, event, &contoso(Locale::Fr)).unwrap();
                assert_eq!(link(&mail), "https://credits.example.com/rates?account=contoso", "{name}");
                continue;
            }
        };
        let mail = mail_in(situation, event, &contoso(Locale::Fr)).unwrap();
        assert_eq!(link(&mail), format!("https://credits.example.com/accounts/contoso{page}"), "{name}");
    }
}

#[test]
fn french_mails_have_no_words_of_the_other_language_and_one_word_for_one_thing() {
    for (name, situation, event) in every_mail() {
        let mail = mail_in(situation, event.clone(), &contoso(Locale::Fr)).unwrap();
        let said = format!("{}\n{}", mail.subject, mail.text).to_lowercase();
        for word in
            ["communications credits", "seuil", "réglage", "avis", "comprise", "du crédit", "le crédit"]
        {
            assert!(!said.contains(word), "{name}: {word:?} in {said}");
        }
        let mail = mail_in(situation, event, &contoso(Locale::En)).unwrap();
        let said = format!("{}\n{}", mail.subject, mail.text);
        let said = said.replace("Communications Credits", "").replace("redit note", "");
        for word in ["credit ", "notices", "threshold"] {
            assert!(!said.contains(word), "{name}: {word:?} in {said}");
        }
    }
}

#[test]
fn n3_auto_recharge_is_advised_only_where_it_is_off() {
    let until = "2026-11-25T10:05:00Z".parse().unwrap();
    for recharge in [
        State::Armed,
        State::Charging { failures: 0 },
        State::NeedsAction { failures: 0 },
        State::Waiting { until, failures: 1 },
        State::Limited { until, why: Limit::Lots },
        State::Paused { why: Safeguard::Runaway },
        State::Stopped,
    ] {
        for event in [
            EventDetails::BalanceDepleted { available: euros("-55") },
            EventDetails::BalanceWarning { available: euros("5"), amount: euros("20") },
        ] {
            let text = mail_in(Situation { recharge, ..PREPAID }, event, &contoso(Locale::En)).unwrap().text;
            assert!(!text.contains("can do this for you"), "{recharge:?}: {text}");
            assert!(text.contains("Auto-recharge"), "{recharge:?}: {text}");
        }
    }
}

#[test]
fn amounts_from_a_minor_unit_on_have_a_mail() {
    let cent = [("0.0051", "2026-11-22T08:00:00Z"), ("0.0049", "2026-11-22T09:00:00Z")];
    for event in [expiring(&cent), expired(&cent)] {
        assert!(mail(event.clone(), &contoso(Locale::En)).is_some(), "{event:?}");
    }
}

#[test]
fn n2_common_decline_codes_are_explained_and_others_shown_as_they_are() {
    for (_, locale) in LOCALES {
        let text =
            |code| mail(recharge_failed(code, Some("2026-11-25T10:05:00Z")), &contoso(locale)).unwrap().text;
        let unknown = text("do_not_honor");
        assert!(unknown.contains("do_not_honor"), "{unknown}");
        for code in [
            "card_declined",
            "insufficient_funds",
            "expired_card",
            "lost_card",
            "stolen_card",
            "authentication_required",
            "processing_error",
        ] {
            let known = text(code);
            assert!(!known.contains(code) && known != unknown, "{known}");
        }
    }
}

//! Receipts and statements, read back from the PDF (F8).

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod statement;

use std::env;
use std::fs;

use domain::card_payment::{Backup, Repayments};
use domain::profile::{Card, PaymentMethod};
use domain::refund::{Origin, Payout, Refund, RefundState};
use domain::{
    AccountId, CardPayment, CardPaymentKind, CardPaymentState, Currency, Fingerprint, Locale, Money,
    PaymentId,
};
use domain::{Lot, Profile};
use pdf_extract::{Document, Object};
use receipts::Receipt;
use receipts::credit_note::CreditNote;

const EXPIRY_IN_ENGLISH: &str = "25 November 2027, 09:05 UTC";

/// A payment of 100 EUR that was charged.
fn payment(kind: CardPaymentKind) -> CardPayment {
    let account = AccountId::parse("contoso").unwrap();
    let card = Card { brand: "visa".to_owned(), last4: "4242".to_owned(), exp_month: 12, exp_year: 2034 };
    let method = PaymentMethod { customer: "cus_contoso".to_owned(), token: "pm_card_visa".to_owned(), card };
    CardPayment {
        id: PaymentId::derive(&account, kind.into(), "first"),
        account,
        kind,
        created_at: "2026-11-25T09:05:30Z".parse().unwrap(),
        amount: money("100", "EUR"),
        fingerprint: Fingerprint::of(["x"]),
        attempt: 1,
        method,
        backup: Backup::None,
        po_number: Some("PO-2026/117".to_owned()),
        recharge_amounts: None,
        revision: 3,
        state: CardPaymentState::Succeeded {
            intent: "pi_1".to_owned(),
            receipt_number: 7,
            repayments: Repayments::default(),
        },
    }
}

fn money(amount: &str, currency: &str) -> Money {
    Money::new(amount.parse().unwrap(), Currency::parse(currency).unwrap()).unwrap()
}

fn receipt(kind: CardPaymentKind, name: &str, locale: Locale) -> Receipt {
    let profile = Profile { name: name.to_owned(), locale, ..Profile::default() };
    Receipt::of(&payment(kind), &profile).unwrap()
}

/// Writes a PDF into the folder `RECEIPTS_FOLDER` for inspection, if it is set.
fn keep(pdf: &[u8], name: &str) {
    if let Some(folder) = env::var_os("RECEIPTS_FOLDER") {
        fs::write(std::path::Path::new(&folder).join(format!("{name}.pdf")), pdf).unwrap();
    }
}

/// The text that copying the whole receipt gives, on one line and with plain spaces.
fn text_of(receipt: &Receipt, name: &str) -> String {
    let pdf = receipts::pdf(receipt);
    keep(&pdf, name);
    let document = Document::load_mem(&pdf).unwrap();
    assert_eq!(document.get_pages().len(), 1, "a receipt has one page");
    plain(&pdf_extract::extract_text_from_mem(&pdf).unwrap())
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn f8_a_receipt_says_what_was_paid_by_whom_and_until_when_it_lasts() {
    let receipt = receipt(CardPaymentKind::Purchase, "Contoso", Locale::En);
    let text = text_of(&receipt, "english");
    let id = payment(CardPaymentKind::Purchase).id.to_string();
    assert_says(
        &text,
        &[
            "Receipt 7",
            "Paid",
            "EUR 100.00",
            "For Funds bought",
            "Date 25 November 2026, 09:05 UTC",
            "Card Visa ending in 4242",
            "PO number PO-2026/117",
            "Organization Contoso",
            "Account contoso",
            &format!("Purchase {id}"),
            &format!("Usable until {EXPIRY_IN_ENGLISH}"),
            &format!("can be used until {EXPIRY_IN_ENGLISH}."),
        ],
    );
    assert_eq!(receipt.file_name(), "receipt-CONTOSO-0007.pdf");
}

#[test]
fn f8_it_is_in_the_accounts_language() {
    let text = text_of(&receipt(CardPaymentKind::Recharge, "Société Générale d’Été", Locale::Fr), "french");
    assert_says(
        &text,
        &[
            "Reçu 7",
            "Payé",
            "100,00 EUR",
            "Crédits de communication",
            "Objet Fonds ajoutés par la recharge automatique",
            "Date 25 novembre 2026 à 09:05 UTC",
            "Carte Visa se terminant par 4242",
            "Bon de commande PO-2026/117",
            "Organisation Société Générale d’Été",
            "Recharge rch_",
            "Utilisables jusqu’au 25 novembre 2027 à 09:05 UTC",
            "sera perdu",
        ],
    );
}

#[test]
fn f8_amounts_have_the_decimals_of_their_currency() {
    for (amount, currency, english, french) in [
        ("1234567", "JPY", "JPY 1,234,567", "1 234 567 JPY"),
        ("1234.5", "KWD", "KWD 1,234.500", "1 234,500 KWD"),
    ] {
        for (locale, expected) in [(Locale::En, english), (Locale::Fr, french)] {
            let mut receipt = receipt(CardPaymentKind::Purchase, "Contoso", locale);
            receipt.amount = money(amount, currency);
            assert_says(&text_of(&receipt, currency), &[expected]);
        }
    }
}

#[test]
fn f8_without_a_po_number_there_is_no_row_for_one() {
    for (locale, label) in [(Locale::En, "PO number"), (Locale::Fr, "Bon de commande")] {
        let mut receipt = receipt(CardPaymentKind::Purchase, "Contoso", locale);
        receipt.po_number = None;
        let text = text_of(&receipt, "without-po-number");
        assert!(!text.contains(label), "{text}");
    }
}

#[test]
fn f8_the_longest_values_stay_on_the_page() {
    for (name, letters) in
        [("words", "Ämter für Straßen "), ("wide", "W"), ("greek", "Ωμέγα "), ("cyrillic", "Ж")]
    {
        let name_of_200: String = letters.chars().cycle().take(199).chain(['.']).collect();
        let mut receipt = receipt(CardPaymentKind::Purchase, &name_of_200, Locale::Fr);
        receipt.account = AccountId::parse("W".repeat(64)).unwrap();
        receipt.payment = PaymentId::parse("W".repeat(64)).unwrap();
        receipt.po_number = Some("W".repeat(64));
        receipt.amount = money("99999999999999.999", "KWD");
        receipt.card.brand = "W".repeat(40);
        let text = text_of(&receipt, &format!("longest-{name}"));
        let squeezed = |text: &str| text.replace(' ', "");
        assert_says(&squeezed(&text), &[&squeezed(&name_of_200), "99999999999999,999", "ceux-ci."]);
        let lowest = lowest_baseline(&receipts::pdf(&receipt));
        assert!(lowest > 40, "{lowest} points above the lower edge");
    }
}

/// The height of the page's last line above the lower edge, in points.
fn lowest_baseline(pdf: &[u8]) -> i64 {
    let document = Document::load_mem(pdf).unwrap();
    let page = *document.get_pages().values().next().unwrap();
    let content = document.get_and_decode_page_content(page).unwrap();
    let matrices = content.operations.iter().filter(|operation| operation.operator == "Tm");
    let heights = matrices.map(|matrix| match matrix.operands[5] {
        Object::Integer(height) => height,
        #[expect(clippy::cast_possible_truncation, reason = "whole points are enough")]
        Object::Real(height) => height as i64,
        _ => panic!("a text matrix has only numbers"),
    });
    heights.min().expect("the page has text")
}

#[test]
fn names_in_arabic_and_hebrew_are_printed() {
    for (name, letters) in [
        ("شركة كونتوسو للاتصالات", "ونتسرلص"),
        ("קונטוסו בע״מ (ישראל)", "קונטסבעמישראל"),
        ("Contoso קונטוסו SA, 24/7", "קונטסCoSA247"),
    ] {
        for locale in Locale::ALL {
            let receipt = receipt(CardPaymentKind::Purchase, name, locale);
            let text = text_of(&receipt, &format!("script-{}-{}", name.len(), locale.as_str()));
            for letter in letters.chars() {
                assert!(text.contains(letter), "no {letter} in {text}");
            }
            assert!(!text.contains("imprimé") && !text.contains("be printed"), "{text}");
        }
    }
    for name in ["e\u{301}te\u{301} Żółw", "Ελλάδα", "Україна"] {
        let receipt = receipt(CardPaymentKind::Purchase, name, Locale::En);
        assert!(!text_of(&receipt, "marks").contains("be printed"));
    }
}

#[test]
fn a_name_that_the_fonts_lack_is_replaced_by_a_sentence_with_the_account() {
    for name in ["株式会社コントソ", "콘토소 주식회사", "📞", "ไทย คอนโทโซ"]
    {
        let said = [
            (
                Locale::En,
                "The organization’s name cannot be printed in this document’s font; account contoso",
            ),
            (
                Locale::Fr,
                "Le nom de l’organisation ne peut pas être imprimé dans la police de ce document ; compte contoso",
            ),
        ];
        for (locale, said) in said {
            let text = text_of(
                &receipt(CardPaymentKind::Purchase, name, locale),
                &format!("lacking-{}", name.len()),
            );
            assert_says(&text, &[said]);
            assert!(!text.contains([name.chars().next().unwrap(), char::REPLACEMENT_CHARACTER]), "{text}");
        }
    }
    let partly = receipt(CardPaymentKind::Purchase, "Contoso 📞 株式会社", Locale::En);
    let text = text_of(&partly, "partly");
    assert_says(&text, &["Contoso (the rest cannot be printed in this document’s font)"]);
    let mut receipt = receipt(CardPaymentKind::Purchase, "<script>{{ \"Contoso\" }}", Locale::En);
    receipt.po_number = Some("注文 7".to_owned());
    let text = text_of(&receipt, "po-number");
    assert_says(&text, &["<script>{{ \"Contoso\" }}", "PO number 7 (the rest cannot be printed"]);
}

#[test]
fn the_same_receipt_gives_the_same_bytes() {
    let receipt = receipt(CardPaymentKind::Purchase, "Contoso", Locale::En);
    assert_eq!(receipts::pdf(&receipt), receipts::pdf(&receipt));
    let other = Receipt { number: 8, ..receipt.clone() };
    assert_ne!(receipts::pdf(&receipt), receipts::pdf(&other));
}

#[test]
fn the_pdf_has_a_title_a_language_and_tags() {
    for (locale, title, language) in
        [(Locale::En, "Receipt 7, Żółw", "en"), (Locale::Fr, "Reçu 7, Żółw", "fr")]
    {
        let pdf = receipts::pdf(&receipt(CardPaymentKind::Purchase, "Żółw", locale));
        let document = Document::load_mem(&pdf).unwrap();
        let info = document.trailer.get(b"Info").and_then(Object::as_reference).unwrap();
        let info = document.get_dictionary(info).unwrap();
        let written = info.get(b"Title").and_then(pdf_extract::decode_text_string).unwrap();
        assert_eq!(written, title);
        let catalog = document.catalog().unwrap();
        assert_eq!(catalog.get(b"Lang").and_then(Object::as_str).unwrap(), language.as_bytes());
        assert!(catalog.has(b"StructTreeRoot"));
    }
}

#[test]
fn f8_what_was_not_charged_has_no_receipt() {
    let profile = Profile::default();
    let charged = payment(CardPaymentKind::Purchase);
    assert!(Receipt::of(&charged, &profile).is_some());
    let url = "https://example.com".to_owned();
    for state in [
        CardPaymentState::Open { intent: None },
        CardPaymentState::NeedsAction { intent: "pi_1".to_owned(), url },
        CardPaymentState::Declined { reason: "card_declined".to_owned() },
    ] {
        assert_eq!(Receipt::of(&charged.moved_to(state), &profile), None);
    }
}

#[test]
fn f8_it_expires_with_its_lot() {
    let receipt = receipt(CardPaymentKind::Purchase, "Contoso", Locale::En);
    assert_eq!(receipt.expires_at, Lot::expiry_of_purchase(receipt.at));
    assert_eq!(receipt.expires_at.to_string(), "2027-11-25T09:05:30Z");
}

/// A payment of which 57.90 EUR was refunded.
fn refunded(state: RefundState) -> CardPayment {
    let refund = Refund {
        id: PaymentId::parse("ref_1").unwrap(),
        created_at: "2026-11-27T10:00:00Z".parse().unwrap(),
        amount: money("57.90", "EUR"),
        from_lot: money("57.90", "EUR"),
        post_usage: money("0", "EUR"),
        origin: Origin::Processor,
        state,
    };
    let repayments = Repayments { refunds: vec![refund], disputes: Vec::new() };
    let state = CardPaymentState::Succeeded { intent: "pi_1".to_owned(), receipt_number: 7, repayments };
    CardPayment { state, ..payment(CardPaymentKind::Purchase) }
}

fn payout() -> Payout {
    let at = "2026-11-27T10:00:03Z".parse().unwrap();
    Payout { processor_id: "re_1".to_owned(), credit_note: 3, at }
}

/// The text of the credit note of a payment.
fn credit_note(payment: &CardPayment, locale: Locale, name: &str) -> String {
    let profile = Profile { name: "Contoso".to_owned(), locale, ..Profile::default() };
    let note = CreditNote::of(payment, 3, &profile).unwrap();
    assert_eq!(note.file_name(), "credit-note-CONTOSO-0003.pdf");
    let pdf = note.pdf();
    keep(&pdf, name);
    assert_eq!(Document::load_mem(&pdf).unwrap().get_pages().len(), 1);
    plain(&pdf_extract::extract_text_from_mem(&pdf).unwrap())
}

#[test]
fn f9_a_credit_note_says_what_went_back_to_which_card() {
    let payment = refunded(RefundState::Paid(payout()));
    assert_says(
        &credit_note(&payment, Locale::En, "credit-note"),
        &[
            "Credit note 3",
            "Refunded",
            "EUR 57.90",
            "Date 27 November 2026, 10:00 UTC",
            "For receipt 7",
            "Card Visa ending in 4242",
            "PO number PO-2026/117",
            "Refund ref_1",
            "goes back to Visa ending in 4242",
        ],
    );
    let french = credit_note(&payment, Locale::Fr, "avoir");
    assert_says(&french, &["Avoir 3", "Remboursé", "57,90 EUR", "Pour le reçu 7"]);
}

#[test]
fn f9_a_credit_note_of_a_refund_that_failed_says_so() {
    let at = "2026-12-18T09:00:00Z".parse().unwrap();
    let failed =
        RefundState::Returned { paid: Some(payout()), at, reason: "expired_or_canceled_card".to_owned() };
    let text = credit_note(&refunded(failed), Locale::En, "credit-note-failed");
    assert_says(&text, &["This refund failed on 18 December 2026, 09:00 UTC", "holds no more"]);
    assert!(!text.contains("goes back"), "{text}");
}

#[test]
fn f9_there_is_no_credit_note_of_another_number_or_of_a_refund_under_way() {
    let profile = Profile::default();
    assert_eq!(CreditNote::of(&refunded(RefundState::Paid(payout())), 4, &profile), None);
    assert_eq!(CreditNote::of(&refunded(RefundState::Open), 3, &profile), None);
    assert_eq!(CreditNote::of(&payment(CardPaymentKind::Purchase), 3, &profile), None);
}

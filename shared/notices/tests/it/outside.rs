//! Texts from outside are escaped, and cannot forge a line or a header of a mail.

use domain::event::{NewValues, Setting};
use domain::{EventDetails, Locale, Profile};

use crate::given::{mail, recharge_failed};

const EVIL: &str = "<b>Évil</b> \"& Co\"\r\nBcc: eve@example.com\u{2028}\u{202e}Amount: nothing";

fn evil(locale: Locale) -> Profile {
    Profile { name: EVIL.to_owned(), locale, ..Profile::default() }
}

#[test]
fn a_name_or_an_author_cannot_forge_anything() {
    for locale in [Locale::En, Locale::Fr] {
        let event = EventDetails::SettingsChanged {
            fields: vec![Setting::AutoRecharge],
            by: EVIL.to_owned(),
            added_recipients: Vec::new(),
            removed_recipients: Vec::new(),
            new: NewValues::default(),
        };
        let mail = mail(event, &evil(locale)).unwrap();
        assert!(!mail.subject.chars().any(char::is_control), "{:?}", mail.subject);
        assert!(mail.subject.ends_with("<b>Évil</b> \"& Co\" Bcc: eve@example.com Amount: nothing"));
        assert!(!mail.html.contains("<b>"), "{}", mail.html);
        assert_eq!(mail.html.matches("&#60;b&#62;Évil&#60;/b&#62;").count(), 5, "title, texts and author");
        for forged in ["Bcc:", "Amount:"] {
            assert!(!mail.text.lines().any(|line| line.starts_with(forged)), "{}", mail.text);
        }
        for hidden in ['\r', '\u{2028}', '\u{202e}'] {
            assert!(!mail.text.contains(hidden) && !mail.html.contains(hidden));
        }
    }
}

#[test]
fn texts_from_outside_have_a_limit() {
    let profile = Profile { name: "é".repeat(5_000), ..Profile::default() };
    let event = recharge_failed(&"y".repeat(5_000), Some("2026-11-25T10:05:00Z"));
    let mail = mail(event, &profile).unwrap();
    assert!(mail.subject.ends_with(&format!("{}\u{2026}", "é".repeat(200))), "{}", mail.subject);
    assert!(mail.subject.chars().count() < 300 && mail.text.chars().count() < 3_000, "{}", mail.text);
}

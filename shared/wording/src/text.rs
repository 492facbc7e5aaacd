//! Texts: the typography of a language, and texts from outside.

use domain::Locale;
use domain::profile::Author;

use crate::glossary;

/// Texts from outside are cut to so many characters.
const LONGEST_TEXT: usize = 200;

/// A space that does not break, before the marks that French sets apart, and within its quotation marks.
const FRENCH: [(&str, &str); 7] = [
    (" :", "\u{a0}:"),
    (" ;", "\u{a0};"),
    (" !", "\u{a0}!"),
    (" ?", "\u{a0}?"),
    (" %", "\u{a0}%"),
    ("« ", "«\u{a0}"),
    (" »", "\u{a0}»"),
];

/// A text with its language's typography. It is written with plain spaces; French has no-break spaces before some marks, and within
/// quotation marks. English stays as it is.
///
/// # Example
///
/// ```
/// use wording::{Locale, typeset};
/// assert_eq!(typeset("Solde : 50 %", Locale::Fr), "Solde\u{a0}: 50\u{a0}%");
/// assert_eq!(typeset("Balance: 50%", Locale::En), "Balance: 50%");
/// ```
pub fn typeset(text: &str, locale: Locale) -> String {
    match locale {
        Locale::En => text.to_owned(),
        Locale::Fr => FRENCH.iter().fold(text.to_owned(), |text, (plain, set)| text.replace(plain, set)),
    }
}

/// The author of a change: by name, if that is known, or else by the subject of the token.
///
/// ```
/// use domain::Locale;
/// use domain::profile::Author;
///
/// assert_eq!(wording::author("4f1c", Some("Ada Lovelace"), Locale::En), "Ada Lovelace");
/// assert_eq!(wording::author("4f1c", None, Locale::En), "4f1c");
/// assert_eq!(wording::author(Author::CARD_PROCESSOR, None, Locale::Fr), "le prestataire de paiement");
/// ```
pub fn author(subject: &str, name: Option<&str>, locale: Locale) -> String {
    if subject == Author::CARD_PROCESSOR {
        return glossary::card_processor(locale).to_owned();
    }
    one_line(name.unwrap_or(subject))
}

/// A text from outside as it may stand in a title, in a subject or in a line of text: on one line, with at most 200 characters, and
/// without the characters that turn the direction of what follows.
///
/// # Example
///
/// ```
/// assert_eq!(wording::one_line("Contoso\r\nBcc:  eve@example.com\u{202e}"), "Contoso Bcc: eve@example.com");
/// ```
pub fn one_line(text: &str) -> String {
    let hidden = |c: char| {
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || c.is_control()
    };
    let text = text.replace(hidden, " ");
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST_TEXT) {
        line.truncate(cut);
        line.push('\u{2026}');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_has_a_limit() {
        assert_eq!(one_line(&"é".repeat(5_000)), "é".repeat(200) + "\u{2026}");
        assert_eq!(one_line(&"é".repeat(200)), "é".repeat(200));
    }
}

//! Texts from outside, as far as the fonts have their characters.

use std::sync::LazyLock;

use domain::{AccountId, Locale};

use crate::font::Typeface;

static FONTS: LazyLock<Typeface> = LazyLock::new(Typeface::regular);

/// The organization's name. A name in a script that the fonts lack is replaced by a sentence with the account's id.
pub(crate) fn organization(name: &str, account: &AccountId, locale: Locale) -> String {
    match printed(name) {
        Printed::Whole(name) => name,
        Printed::Part(part) => partly(&part, locale),
        Printed::Nothing => no_name(account.as_str(), locale),
    }
}

/// Another text, such as a PO number or a reason.
pub(crate) fn text(text: &str, locale: Locale) -> String {
    match printed(text) {
        Printed::Whole(text) => text,
        Printed::Part(part) => partly(&part, locale),
        Printed::Nothing => no_text(locale).to_owned(),
    }
}

/// As much of a text as the fonts have.
enum Printed {
    Whole(String),
    /// The words that are left have at least one letter or digit.
    Part(String),
    Nothing,
}

fn printed(text: &str) -> Printed {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().all(|letter| FONTS.prints(letter)) {
        return Printed::Whole(line);
    }
    let is_printed = |word: &&str| word.chars().all(|letter| FONTS.prints(letter));
    let left = line.split(' ').filter(is_printed).collect::<Vec<_>>().join(" ");
    if left.chars().any(char::is_alphanumeric) { Printed::Part(left) } else { Printed::Nothing }
}

wording::words! {
    fn partly(part: &str) {
        "{part} (the rest cannot be printed in this document’s font)",
        "{part} (le reste ne peut pas être imprimé dans la police de ce document)",
    }
    fn no_name(account: &str) {
        "The organization’s name cannot be printed in this document’s font; account {account}",
        "Le nom de l’organisation ne peut pas être imprimé dans la police de ce document ; compte {account}",
    }
    fn no_text() {
        "(cannot be printed in this document’s font)", "(ne peut pas être imprimé dans la police de ce document)",
    }
}

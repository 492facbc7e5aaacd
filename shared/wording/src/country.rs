//! Countries, and the destinations of calls, by their names in a language.
//!
//! The names come from Unicode's CLDR. The comments at the top of the data file give the version and the licence. ICU4X has them, too, but
//! in a crate that is experimental and holds every language of the world.

use domain::Locale;

/// The data: a line for each country, such as `DE|Germany|Allemagne`, and comment lines that begin with `#`.
const DATA: &str = include_str!("countries.txt");

/// The code, the English name and the French name of each country.
fn countries() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    DATA.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (code, names) = line.split_once('|')?;
        let (english, french) = names.split_once('|')?;
        Some((code, english, french))
    })
}

/// The name of a country by its ISO 3166-1 alpha-2 code. An unknown code is its own name.
///
/// ```
/// use domain::Locale;
/// assert_eq!(wording::country("DE", Locale::En), "Germany");
/// assert_eq!(wording::country("DE", Locale::Fr), "Allemagne");
/// assert_eq!(wording::country("ZZ", Locale::Fr), "ZZ");
/// ```
pub fn country(code: &str, locale: Locale) -> &str {
    match countries().find(|(known, _, _)| *known == code) {
        Some((_, english, _)) if locale == Locale::En => english,
        Some((_, _, french)) => french,
        None => code,
    }
}

/// A destination of the published rates: the English name of a country, or two that are joined by "and", and then the kind of its
/// numbers, if it has one. A destination of another form stays as it is in every language.
///
/// ```
/// use domain::Locale;
/// assert_eq!(wording::destination("Germany mobile", Locale::En), "Germany, mobile");
/// assert_eq!(wording::destination("Germany mobile", Locale::Fr), "Allemagne, mobile");
/// assert_eq!(wording::destination("Inmarsat", Locale::Fr), "Inmarsat");
/// ```
pub fn destination(name: &str, locale: Locale) -> String {
    /// Kinds of numbers in English, as they end a destination, and in French.
    const KINDS: [(&str, &str); 3] =
        [(" mobile", "mobile"), (" toll-free", "numéro gratuit"), (" premium rate", "numéro surtaxé")];
    for (kind, in_french) in KINDS {
        // A prefix may stand after the kind, as in `Italy premium rate 892`.
        let Some((place, prefix)) = name.split_once(kind) else { continue };
        if !prefix.bytes().all(|byte| byte == b' ' || byte.is_ascii_digit()) {
            continue;
        }
        if let Some(place) = translated(place, locale) {
            let kind = if locale == Locale::En { kind.trim_start() } else { in_french };
            return format!("{place}, {kind}{prefix}");
        }
    }
    translated(name, locale).unwrap_or_else(|| name.to_owned())
}

/// A country, or two that are joined, from English into the language.
fn translated(name: &str, locale: Locale) -> Option<String> {
    let known = |name: &str| {
        let (_, english, french) = countries().find(|(_, english, _)| *english == name)?;
        Some(if locale == Locale::En { english } else { french })
    };
    if let Some(country) = known(name) {
        return Some(country.to_owned());
    }
    let (first, second) = name.split_once(" and ")?;
    let and = if locale == Locale::En { "and" } else { "et" };
    Some(format!("{} {and} {}", known(first)?, known(second)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_the_names_of_a_country_and_of_its_kind_of_numbers() {
        for (name, french) in [
            ("United States", "États-Unis"),
            ("United States Virgin Islands", "Îles Vierges des États-Unis"),
            ("France toll-free", "France, numéro gratuit"),
            ("Italy premium rate 892", "Italie, numéro surtaxé 892"),
            ("United States and Canada toll-free", "États-Unis et Canada, numéro gratuit"),
            ("Bosnia and Herzegovina", "Bosnie-Herzégovine"),
            ("Niger", "Niger"),
            ("Nigeria mobile", "Nigeria, mobile"),
            ("Guinea-Bissau", "Guinée-Bissau"),
            ("Germany, Berlin", "Germany, Berlin"),
        ] {
            assert_eq!(destination(name, Locale::Fr), french);
        }
        assert_eq!(destination("Germany, Berlin", Locale::En), "Germany, Berlin");
        assert_eq!(destination("Italy premium rate 892", Locale::En), "Italy, premium rate 892");
    }

    #[test]
    fn every_line_of_the_data_has_a_code_and_two_names() {
        let lines = DATA.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!((countries().count(), lines), (256, 256));
        for (code, english, french) in countries() {
            assert!(code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase()), "{code}");
            assert!(!english.is_empty() && !french.is_empty() && !french.contains('|'), "{code}");
        }
    }
}

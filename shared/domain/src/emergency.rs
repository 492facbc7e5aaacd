//! Emergency numbers: calls to them are always allowed and never held (C3).
//!
//! The numbers come from libphonenumber's metadata of short numbers. The comments at the top of the data file name the
//! version.

/// The data: a line for each country, such as `FR 33 112 15 17 18`, and comment lines that begin with `#`.
const DATA: &str = include_str!("emergency_numbers.txt");

/// Mobile phones treat these numbers as emergency numbers in every country (3GPP TS 22.101, section 10.1.1).
const EVERYWHERE: [&str; 2] = ["112", "911"];

/// The emergency numbers of a country.
#[derive(Clone, Copy)]
struct Country {
    /// The country's code, ISO 3166-1 alpha-2, or a code that libphonenumber uses like one, such as `XK`.
    code: &'static str,
    /// The calling code, without `+`. Several countries may share one.
    calling_code: &'static str,
    /// The country's own emergency numbers, separated by spaces.
    numbers: &'static str,
}

impl Country {
    /// The country of a line of the data; none if the line is a comment.
    fn parse(line: &'static str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (code, rest) = line.split_once(' ')?;
        let (calling_code, numbers) = rest.split_once(' ')?;
        Some(Self { code, calling_code, numbers })
    }

    /// Every country of the data.
    fn all() -> impl Iterator<Item = Self> {
        DATA.lines().filter_map(Self::parse)
    }

    /// Whether these digits are an emergency number of the country.
    fn has(self, digits: &str) -> bool {
        EVERYWHERE.contains(&digits) || self.numbers.split(' ').any(|number| number == digits)
    }
}

/// Whether a dialled text is an emergency number (C3).
///
/// Digits without `+` are looked up in the caller's country, ISO 3166-1 alpha-2. If the country is not known, or the data does
/// not have it, an emergency number of any country counts: allowing a call that is no emergency call does less harm than
/// refusing one that is. With `+`, the digits are a calling code and then an emergency number of a country that has this code;
/// the caller's country does not matter. The numbers 112 and 911 count in every country, and also directly after the `+`.
///
/// ```
/// use domain::emergency::is_emergency;
///
/// assert!(is_emergency("15", Some("FR")));
/// assert!(is_emergency("+3315", Some("US")));
/// assert!(!is_emergency("15", Some("US")));
/// assert!(is_emergency("15", None));
/// assert!(!is_emergency("+33612345678", None));
/// ```
pub fn is_emergency(dialled: &str, caller_country: Option<&str>) -> bool {
    if let Some(digits) = dialled.strip_prefix('+') {
        let is_after_code_of = |country: Country| {
            digits.strip_prefix(country.calling_code).is_some_and(|digits| country.has(digits))
        };
        return EVERYWHERE.contains(&digits) || Country::all().any(is_after_code_of);
    }
    match caller_country.and_then(|code| Country::all().find(|country| country.code == code)) {
        Some(country) => country.has(dialled),
        None => Country::all().any(|country| country.has(dialled)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c3_digits_are_an_emergency_number_of_the_callers_country() {
        for (country, emergency, other) in [
            ("FR", &["15", "17", "18", "112", "911"][..], &["110", "999", "100", "1", "5", "114", "191"][..]),
            ("US", &["911", "112"], &["15", "110", "999", "988", "411", "1911"]),
            ("GB", &["999", "112", "911"], &["15", "110", "100", "101", "44999"]),
            ("DE", &["110", "112", "911"], &["15", "111", "999", "116117", "49110"]),
            ("IN", &["100", "101", "102", "108", "112", "1298", "2611", "911"], &["15", "298", "999", "26"]),
        ] {
            for digits in emergency {
                assert!(is_emergency(digits, Some(country)), "{digits} in {country}");
            }
            for digits in other {
                assert!(!is_emergency(digits, Some(country)), "{digits} in {country}");
            }
        }
    }

    #[test]
    fn c3_digits_are_an_emergency_number_of_any_country_if_the_callers_is_not_known() {
        // The metadata has no emergency number of Guinea, GN.
        for country in
            [None, Some("ZZ"), Some("GN"), Some("fr"), Some(""), Some("#"), Some("FR 33"), Some("33")]
        {
            for digits in ["15", "17", "110", "112", "911", "999", "2611", "90000"] {
                assert!(is_emergency(digits, country), "{digits} in {country:?}");
            }
            for digits in ["33", "44", "988", "11", "1120", "0612345678"] {
                assert!(!is_emergency(digits, country), "{digits} in {country:?}");
            }
        }
    }

    #[test]
    fn c3_an_emergency_number_may_follow_a_calling_code() {
        for country in [None, Some("FR"), Some("US"), Some("ZZ")] {
            // 999 is an emergency number of Dominica, which shares its calling code with the US. 911 is one in France, too.
            for dialled in [
                "+3315", "+33112", "+49110", "+44999", "+91108", "+912611", "+1911", "+1112", "+1999",
                "+33911", "+911", "+112",
            ] {
                assert!(is_emergency(dialled, country), "{dialled} in {country:?}");
            }
            for dialled in [
                "+33110", "+4915", "+44100", "+33", "+15", "+999", "+110", "+0112", "+331120", "+33 15",
                "+33+15",
            ] {
                assert!(!is_emergency(dialled, country), "{dialled} in {country:?}");
            }
        }
    }

    #[test]
    fn c3_other_texts_are_not_emergency_numbers() {
        for country in [None, Some("FR"), Some("US"), Some("GB"), Some("DE"), Some("IN")] {
            for dialled in [
                "+33612345678",
                "33612345678",
                "1120",
                "0112",
                "9112",
                "",
                " ",
                "+",
                "++112",
                "+ 112",
                "112 ",
                " 112",
                "1 12",
                "15 17",
                "112 15",
                "112\n",
                "112\0",
                "112*",
                "FR",
                "police",
                "+FR15",
                "sip:112",
                "#",
                "# The",
                "The",
                "9.0.43",
                "١١٢",
                "+٣٣١٥",
                "🚑",
            ] {
                assert!(!is_emergency(dialled, country), "{dialled:?} in {country:?}");
            }
        }
    }

    #[test]
    fn c3_every_line_of_the_data_is_a_country_or_a_comment() {
        let is_of_digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let lines: Vec<_> = DATA.lines().filter(|line| !line.starts_with('#')).collect();
        let countries: Vec<_> = Country::all().collect();
        assert_eq!(countries.len(), lines.len());
        assert!(countries.is_sorted_by(|one, next| one.code < next.code));
        for Country { code, calling_code, numbers } in countries {
            assert!(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()), "{code}");
            assert!(is_of_digits(calling_code, 3), "{code}: {calling_code}");
            assert!(numbers.split(' ').all(|number| is_of_digits(number, 6) && number.len() > 1), "{code}");
        }
    }
}

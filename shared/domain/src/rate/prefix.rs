//! The first digits of an E.164 number, packed into one integer.

use std::fmt;

/// The most digits of an E.164 number.
const MOST_DIGITS: usize = 15;

/// The bits of one digit, and of the count of digits.
const NIBBLE: u32 = 4;

/// The first 1 to 15 digits of an E.164 number, country code first.
///
/// The integer has the digits from its top, four bits each, and their count in its lowest four bits. Integers therefore
/// sort as the digits do in a dictionary: `33`, `331`, `3310`, `34`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(u64);

/// A text that is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 15 digits")]
pub struct InvalidPrefix;

impl Prefix {
    /// Reads 1 to 15 digits.
    ///
    /// ```
    /// use domain::rate::Prefix;
    /// assert_eq!(Prefix::parse("336").unwrap().to_string(), "336");
    /// assert!(Prefix::parse("+336").is_err());
    /// ```
    pub fn parse(digits: &str) -> Result<Self, InvalidPrefix> {
        if digits.is_empty() || digits.len() > MOST_DIGITS {
            return Err(InvalidPrefix);
        }
        let (mut packed, mut shift) = (digits.len() as u64, u64::BITS);
        for digit in digits.bytes() {
            if !digit.is_ascii_digit() {
                return Err(InvalidPrefix);
            }
            shift -= NIBBLE;
            packed |= u64::from(digit - b'0') << shift;
        }
        Ok(Self(packed))
    }

    /// The number of digits.
    pub fn digits(self) -> usize {
        (self.0 & 0xF) as usize
    }

    /// Whether `number` begins with these digits.
    ///
    /// ```
    /// use domain::rate::Prefix;
    /// let [prefix, number, other] = ["33", "3361", "3"].map(|digits| Prefix::parse(digits).unwrap());
    /// assert!(prefix.begins(number) && prefix.begins(prefix));
    /// assert!(!prefix.begins(other));
    /// ```
    pub fn begins(self, number: Self) -> bool {
        self.common_digits(number) == self.digits()
    }

    /// The prefix with one digit more, if 15 digits allow it.
    #[must_use]
    pub fn with_digit(self, digit: u8) -> Option<Self> {
        let digits = self.digits();
        let shift = u64::BITS - NIBBLE * (u32::try_from(digits).ok()? + 1);
        (digits < MOST_DIGITS && digit <= 9).then(|| Self((self.0 | u64::from(digit) << shift) + 1))
    }

    /// The first three digits as a number, as if zeros followed a shorter prefix.
    pub(super) fn beginning(self) -> u32 {
        let digit = |shift: u32| (self.0 >> shift & 0xF) as u32;
        digit(60) * 100 + digit(56) * 10 + digit(52)
    }

    /// The integer of a rate file's key.
    pub(super) fn key(self) -> u64 {
        self.0
    }

    /// The number of first digits that are the same in both.
    pub(super) fn common_digits(self, other: Self) -> usize {
        let same = ((self.0 ^ other.0).leading_zeros() / NIBBLE) as usize;
        same.min(self.digits()).min(other.digits())
    }

    /// The first digits of this number, 1 to as many as it has.
    pub(super) fn first(self, count: usize) -> Option<Self> {
        let mask = !(u64::MAX >> (NIBBLE as usize * count.min(MOST_DIGITS)));
        (1..=self.digits()).contains(&count).then_some(Self(self.0 & mask | count as u64))
    }

    /// The prefix of a rate file's key, if it is one.
    pub(super) fn of_key(key: u64) -> Option<Self> {
        const LOWEST_BITS: u64 = 0x1111_1111_1111_1110;
        let prefix = Self(key);
        // Four bits are more than 9 if the highest is set, and one of the next two.
        let above_nine = (key >> 3) & ((key >> 2) | (key >> 1)) & LOWEST_BITS;
        let beyond = (u64::MAX >> (u64::from(NIBBLE) * (key & 0xF))) & !0xF & key;
        (prefix.digits() > 0 && above_nine == 0 && beyond == 0).then_some(prefix)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut text, count) = ([0; MOST_DIGITS], self.digits());
        for (digit, shift) in text.iter_mut().zip((NIBBLE..u64::BITS).step_by(NIBBLE as usize).rev()) {
            *digit = b'0' + (self.0 >> shift & 0xF) as u8;
        }
        f.pad(std::str::from_utf8(&text[..count]).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(digits: &str) -> Prefix {
        Prefix::parse(digits).unwrap()
    }

    #[test]
    fn prefixes_sort_as_in_a_dictionary() {
        let sorted = ["0", "00", "1", "10", "100", "33", "330", "3300", "331", "34", "9", "999999999999999"];
        assert!(sorted.array_windows().all(|[one, other]| prefix(one) < prefix(other)));
        for digits in sorted {
            assert_eq!(
                (prefix(digits).to_string().as_str(), prefix(digits).digits()),
                (digits, digits.len())
            );
            assert_eq!(Prefix::of_key(prefix(digits).key()), Some(prefix(digits)));
        }
    }

    #[test]
    fn a_prefix_begins_the_numbers_that_have_its_digits_first() {
        for (one, other, begins) in [
            ("33", "331", true),
            ("33", "33", true),
            ("330", "33", false),
            ("33", "34", false),
            ("123456789012345", "123456789012345", true),
        ] {
            assert_eq!(prefix(one).begins(prefix(other)), begins, "{one} {other}");
        }
    }

    #[test]
    fn a_digit_can_be_added_up_to_15() {
        assert_eq!(prefix("33").with_digit(6), Some(prefix("336")));
        assert_eq!(prefix("12345678901234").with_digit(5), Some(prefix("123456789012345")));
        assert_eq!(prefix("123456789012345").with_digit(6), None);
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in ["", "+33", "3 3", "1234567890123456", "\u{663}"] {
            assert_eq!(Prefix::parse(text), Err(InvalidPrefix), "{text}");
        }
        for key in [0, 1 << 63, 0xA000_0000_0000_0001, 0x3300_0000_0000_0001] {
            assert_eq!(Prefix::of_key(key), None, "{key:x}");
        }
    }
}

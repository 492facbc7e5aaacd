//! Answers as CSV (RFC 4180), which programs read and people open in a spreadsheet.
//!
//! A spreadsheet reads a cell that looks like a number, a date or a formula as one: `+447900900123` becomes 4.479E+11, and
//! `=HYPERLINK(…)` runs. A text that could be taken for something else is therefore written as a formula that gives just
//! this text, `="+447900900123"`: see [`text_cell`]. [The decision](../../../docs/decisions/csv-cells.md) says why not with
//! an apostrophe.

use crate::problem::Problem;
use crate::reply::Reply;

/// The byte order mark, by which a spreadsheet reads the file as UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The most characters of one text in a formula. A spreadsheet takes at most 255 UTF-16 units; a character has at most two.
const LONGEST_TEXT_IN_FORMULA: usize = 127;

/// Rows under the names of their columns.
pub fn written<const N: usize>(
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<Reply, Problem> {
    let broken = |problem: String| Problem::Internal(format!("a page as CSV: {problem}"));
    let mut writer = ::csv::Writer::from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    writer.write_record(columns).map_err(|problem| broken(problem.to_string()))?;
    for row in rows {
        writer.write_record(row).map_err(|problem| broken(problem.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|problem| broken(problem.to_string()))?;
    String::from_utf8(bytes).map(Reply::csv).map_err(|problem| broken(problem.to_string()))
}

/// A cell that a spreadsheet shows as exactly this text.
///
/// A text that begins with a letter, has no digit and is no truth value is read as text, and stays as it is. Any other text
/// becomes `="text"`, with its quotes doubled; a text of more than 127 characters becomes `="part"&"part"`. No text that
/// stays as it is begins with `=`, so a program can tell the two apart.
///
/// ```
/// use api::csv::text_cell;
/// assert_eq!(text_cell("ada@contoso.example"), "ada@contoso.example");
/// assert_eq!(text_cell("+447900900123"), "=\"+447900900123\"");
/// assert_eq!(text_cell("=HYPERLINK(\"x\")"), "=\"=HYPERLINK(\"\"x\"\")\"");
/// ```
pub fn text_cell(text: &str) -> String {
    let is_letter_first = text.chars().next().is_none_or(char::is_alphabetic);
    let is_truth_value = ["TRUE", "FALSE", "VRAI", "FAUX"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_letter_first && !is_truth_value && !text.contains(char::is_numeric) {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let parts = characters.chunks(LONGEST_TEXT_IN_FORMULA).map(|part| {
        let part: String = part.iter().collect();
        format!("\"{}\"", part.replace('"', "\"\""))
    });
    format!("={}", parts.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that a cell stands for, as docs/decisions/csv-cells.md tells programs to read it.
    fn text_of(cell: &str) -> String {
        let Some(mut rest) = cell.strip_prefix('=') else { return cell.to_owned() };
        let mut text = String::new();
        while let Some(quoted) = rest.strip_prefix('"') {
            let mut characters = quoted.char_indices();
            rest = loop {
                match characters.next() {
                    Some((end, '"')) if quoted[end + 1..].starts_with('"') => {
                        text.push('"');
                        characters.next();
                    }
                    Some((end, '"')) => break &quoted[end + 1..],
                    Some((_, character)) => text.push(character),
                    None => panic!("{cell} has an open quote"),
                }
            };
            rest = rest.strip_prefix('&').unwrap_or(rest);
        }
        assert_eq!(rest, "", "{cell}");
        text
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_a_formula_that_gives_it() {
        for text in [
            "+447900900123",
            "=1+1",
            "-2+3+cmd",
            "@SUM(A1)",
            "\u{ff1d}1+1",
            "\u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}SUM",
            "\n=1",
            "\r=1",
            "\t=1",
            " =1",
            "\u{a0}=1",
            "\u{feff}=1",
            "0001",
            "1e5",
            "MAR1",
            "2026-11-22",
            "true",
            "Faux",
            "#N/A",
            "'+33",
            "\"quoted\"",
            &"\"".repeat(300),
            &"9é😀".repeat(200),
        ] {
            let cell = text_cell(text);
            assert!(cell.starts_with("=\"") && cell.ends_with('"'), "{cell}");
            assert_eq!(text_of(&cell), text);
            let longest = cell[1..].split("\"&\"").map(|part| part.encode_utf16().count()).max();
            assert!(longest.is_some_and(|longest| longest <= 2 * 255 + 2), "{cell}");
        }
        for text in ["", "Zoë", "a,b", "two\nlines", "Ada \"the Countess\"", "ada@contoso.example", "Ελένη"]
        {
            assert_eq!(text_cell(text), text);
            assert_eq!(text_of(text), text);
        }
    }
}

//! A strict parser of CSV rows (RFC 4180). A lenient parser, such as the crate `csv`, reads all rows from an unclosed quote to
//! the next quote as one row, and their charges are silently lost. This parser reports one broken row and goes on with the next
//! line (S3). Tests read back the output of the crate `csv`.

use std::borrow::Cow;

/// The most cells of a row that are kept. No report has as many columns.
pub(crate) const MAX_CELLS: usize = 256;

/// One row, or a line with broken quotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawRow<'a> {
    /// The line that the row begins on, from 1.
    pub(crate) line: u64,
    /// The row's cells, without their quotes. `None` if a quote is not closed, or stands in a cell that does not begin with one.
    pub(crate) cells: Option<Vec<Cow<'a, str>>>,
}

/// The rows of a text, without blank lines.
///
/// Reading takes linear time even if quotes are broken. While the end of a quote is searched across lines, each of these lines,
/// read by itself, ends outside quotes, so no second long search starts among them.
pub(crate) struct Rows<'a> {
    rest: &'a str,
    line: u64,
}

impl<'a> Rows<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }

    fn take_bytes(&mut self, len: usize) {
        let (taken, rest) = self.rest.split_at(len);
        self.line += taken.bytes().map(|byte| u64::from(byte == b'\n')).sum::<u64>();
        self.rest = rest;
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = RawRow<'a>;

    fn next(&mut self) -> Option<RawRow<'a>> {
        loop {
            let line_len = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
            if line_len == 0 {
                return None;
            }
            if !self.rest[..line_len].trim().is_empty() {
                let line = self.line;
                let (cells, len) = row(self.rest).map_or((None, line_len), |(cells, len)| (Some(cells), len));
                self.take_bytes(len);
                return Some(RawRow { line, cells });
            }
            self.take_bytes(line_len);
        }
    }
}

/// Parses the first row of a text. Returns its cells and its length with the line break, or `None` if its quotes are broken.
fn row(text: &str) -> Option<(Vec<Cow<'_, str>>, usize)> {
    let mut cells = Vec::new();
    let mut start = 0;
    loop {
        let rest = &text[start..];
        let (cell, len) = if rest.starts_with('"') { quoted(rest)? } else { unquoted(rest)? };
        if cells.len() < MAX_CELLS {
            cells.push(cell);
        }
        let end = start + len;
        if text[end..].starts_with(',') {
            start = end + 1;
        } else {
            return Some((cells, end + line_break(&text[end..])?));
        }
    }
}

/// The length of the line break that a text begins with: 0 if the text is empty, `None` if it begins with anything else.
fn line_break(text: &str) -> Option<usize> {
    match text {
        "" => Some(0),
        "\r" => Some(1),
        _ if text.starts_with('\n') => Some(1),
        _ if text.starts_with("\r\n") => Some(2),
        _ => None,
    }
}

/// Parses a cell without quotes. Returns its content, up to the comma or line break, and its length.
fn unquoted(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let end = text.find([',', '\n', '"']).unwrap_or(text.len());
    if text[end..].starts_with('"') {
        return None;
    }
    let cell = &text[..end];
    let cell = if text[end..].starts_with(',') { cell } else { cell.strip_suffix('\r').unwrap_or(cell) };
    Some((Cow::Borrowed(cell), cell.len()))
}

/// Parses a cell that begins with a quote. Returns its content, and its length with both quotes.
fn quoted(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let mut end = 1;
    loop {
        end += text[end..].find('"')?;
        if !text[end + 1..].starts_with('"') {
            break;
        }
        end += 2;
    }
    let content = &text[1..end];
    let content = if content.contains('"') {
        Cow::Owned(content.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(content)
    };
    Some((content, end + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str) -> Vec<(u64, Option<Vec<String>>)> {
        Rows::of(text)
            .map(|row| (row.line, row.cells.map(|cells| cells.into_iter().map(Cow::into_owned).collect())))
            .collect()
    }

    fn good(line: u64, cells: &[&str]) -> (u64, Option<Vec<String>>) {
        (line, Some(cells.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn rows_of_rfc_4180() {
        for (text, expected) in [
            ("", vec![]),
            ("a,b\r\nc,d", vec![good(1, &["a", "b"]), good(2, &["c", "d"])]),
            ("\n\r\n  \na,\n", vec![good(4, &["a", ""])]),
            ("\"a,\"\"b\"\"\",\"\"\r\n", vec![good(1, &["a,\"b\"", ""])]),
            ("\"two\nlines\",x\ny,z\r", vec![good(1, &["two\nlines", "x"]), good(3, &["y", "z"])]),
            ("a\rb,c\n", vec![good(1, &["a\rb", "c"])]),
        ] {
            assert_eq!(rows(text), expected, "{text:?}");
        }
    }

    #[test]
    fn s3_a_broken_quote_costs_its_own_line_only() {
        let b = |line| good(line, &["b", "2"]);
        for (text, expected) in [
            ("\"a,1\nb,2\nb,2\n", vec![(1, None), b(2), b(3)]),
            ("a,\"1\nb,2", vec![(1, None), b(2)]),
            // A lenient parser would join both rows at the next quote, with the right number of cells.
            ("\"a,1\n\"b\",2\nb,2\n", vec![(1, None), b(2), b(3)]),
            ("a \"x\" a,1\nb,2\n", vec![(1, None), b(2)]),
            ("\"a\"x,1\nb,2\n", vec![(1, None), b(2)]),
            ("\"a,1\n\"b,2\nb,2\n", vec![(1, None), (2, None), b(3)]),
        ] {
            assert_eq!(rows(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_row_of_commas_is_not_kept_whole() {
        let rows = rows(&",".repeat(100_000));
        assert_eq!(rows[0].1.as_ref().unwrap().len(), MAX_CELLS);
    }

    #[test]
    fn broken_quotes_stay_linear() {
        // This would take seconds in a debug build if every line were read to the end of the text.
        for line in ["\"\n", "\"\"\"\n", "a\",\"c\n", "\"\",\"\n"] {
            let lines = 200_000;
            assert!(Rows::of(&line.repeat(lines)).count() <= lines);
        }
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_is_read_back(
            table in prop::collection::vec(prop::collection::vec("[a\",\r\n é]{0,6}", 2..4), 0..5)
        ) {
            let mut writer = csv::WriterBuilder::new()
                .flexible(true)
                .quote_style(csv::QuoteStyle::Always)
                .from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read: Vec<_> = rows(&text).into_iter().map(|(_, cells)| cells.unwrap()).collect();
            prop_assert_eq!(read, table);
        }

        #[test]
        fn every_line_is_accounted_for(text in "[ab\",\r\n]{0,60}") {
            let lines: Vec<u64> = Rows::of(&text).map(|row| row.line).collect();
            prop_assert!(lines.is_sorted_by(|a, b| a < b));
        }
    }
}

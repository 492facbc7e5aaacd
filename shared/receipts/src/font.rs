//! The fonts of receipts and statements. They measure text and break it into lines.

use std::ops::Range;

use krilla::geom::Point;
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Face, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};

/// The scripts' fonts. A character is drawn with the first that has it.
const REGULAR: [&[u8]; 3] = [
    include_bytes!("../fonts/NotoSans-Regular.ttf"),
    include_bytes!("../fonts/NotoSansArabic-Regular.ttf"),
    include_bytes!("../fonts/NotoSansHebrew-Regular.ttf"),
];
const BOLD: [&[u8]; 3] = [
    include_bytes!("../fonts/NotoSans-Bold.ttf"),
    include_bytes!("../fonts/NotoSansArabic-Bold.ttf"),
    include_bytes!("../fonts/NotoSansHebrew-Bold.ttf"),
];

/// Fonts of one weight that draw and measure text.
pub(crate) struct Typeface {
    fonts: Vec<ScriptFont>,
}

/// The font of a script.
struct ScriptFont {
    font: Font,
    face: Face<'static>,
}

/// Glyphs of one font, from left to right.
struct Run<'a> {
    font: &'a Font,
    glyphs: Vec<KrillaGlyph>,
}

impl Run<'_> {
    /// The width, in ems.
    fn width(&self) -> f32 {
        self.glyphs.iter().map(|glyph| glyph.x_advance).sum()
    }
}

impl ScriptFont {
    fn read(file: &'static [u8]) -> Self {
        let font = Font::new(file.into(), 0).expect("the embedded file is a font");
        let face = Face::from_slice(file, 0).expect("the embedded file is a font");
        Self { font, face }
    }

    fn has(&self, letter: char) -> bool {
        self.face.glyph_index(letter).is_some()
    }

    /// The glyphs of a part of a line, each with the part of the line that it stands for.
    fn shape(&self, line: &str, part: Range<usize>, level: Level) -> Run<'_> {
        let mut buffer = UnicodeBuffer::new();
        for (at, letter) in line[part.clone()].char_indices() {
            buffer.add(letter, u32::try_from(part.start + at).expect("a line is short"));
        }
        buffer.guess_segment_properties();
        let direction = if level.is_rtl() { Direction::RightToLeft } else { Direction::LeftToRight };
        buffer.set_direction(direction);
        let shaped = rustybuzz::shape(&self.face, &[], buffer);
        let starts: Vec<_> = shaped.glyph_infos().iter().map(|glyph| glyph.cluster as usize).collect();
        let em = self.font.units_per_em();
        #[expect(clippy::cast_precision_loss, reason = "a glyph is far from 2^24 units wide")]
        let ems = |units: i32| units as f32 / em;
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).zip(&starts);
        let glyphs = glyphs.map(|((glyph, place), &start)| {
            let end = starts.iter().copied().filter(|&next| next > start).min().unwrap_or(part.end);
            KrillaGlyph::new(
                GlyphId::new(glyph.glyph_id),
                ems(place.x_advance),
                ems(place.x_offset),
                ems(place.y_offset),
                ems(place.y_advance),
                start..end,
                None,
            )
        });
        Run { font: &self.font, glyphs: glyphs.collect() }
    }
}

impl Typeface {
    pub(crate) fn regular() -> Self {
        Self { fonts: REGULAR.map(ScriptFont::read).into() }
    }

    pub(crate) fn bold() -> Self {
        Self { fonts: BOLD.map(ScriptFont::read).into() }
    }

    /// Draws one line, which begins at the left also where it has words of a script from right to left.
    pub(crate) fn draw(&self, surface: &mut Surface<'_>, baseline: Point, size: f32, line: &str) {
        let mut at = baseline;
        for run in self.shape(line) {
            surface.draw_glyphs(at, &run.glyphs, run.font.clone(), line, size, false);
            at = Point::from_xy(at.x + run.width() * size, at.y);
        }
    }

    /// The width of a line, in points.
    pub(crate) fn width(&self, line: &str, size: f32) -> f32 {
        self.shape(line).iter().map(|run| run.width() * size).sum()
    }

    /// Whether a font has this character, or nothing is drawn for it.
    pub(crate) fn prints(&self, letter: char) -> bool {
        is_invisible(letter) || self.fonts.iter().any(|font| font.has(letter))
    }

    /// The runs of a line from left to right (UAX #9).
    fn shape(&self, line: &str) -> Vec<Run<'_>> {
        let bidi = BidiInfo::new(line, Some(Level::ltr()));
        let mut runs = Vec::new();
        for paragraph in &bidi.paragraphs {
            let (levels, visual) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for part in visual {
                let level = levels[part.start];
                let mut shaped: Vec<_> = self
                    .by_font(line, part)
                    .into_iter()
                    .map(|(font, part)| self.fonts[font].shape(line, part, level))
                    .collect();
                if level.is_rtl() {
                    shaped.reverse();
                }
                runs.append(&mut shaped);
            }
        }
        runs
    }

    /// The parts of a part of a line, each with the number of its font. A character stays with the font of the one before, if that
    /// font has it.
    fn by_font(&self, line: &str, part: Range<usize>) -> Vec<(usize, Range<usize>)> {
        let mut parts: Vec<(usize, Range<usize>)> = Vec::new();
        for (at, letter) in line[part.clone()].char_indices() {
            let range = part.start + at..part.start + at + letter.len_utf8();
            match parts.last_mut() {
                Some((font, before)) if is_invisible(letter) || self.fonts[*font].has(letter) => {
                    before.end = range.end;
                }
                _ => {
                    let font = self.fonts.iter().position(|font| font.has(letter));
                    parts.push((font.unwrap_or_default(), range));
                }
            }
        }
        parts
    }

    /// Breaks a text into lines no wider than `widest` points. A line ends between words, or inside a word that is wider than a
    /// whole line. The space between two words stays at the end of a line, so that copied text has it.
    pub(crate) fn lines(&self, text: &str, size: f32, widest: f32) -> Vec<String> {
        let fits = |line: &str| self.width(line, size) <= widest;
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if fits(&longer) {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(format!("{line} "));
                line.clear();
            }
            for letter in word.chars() {
                line.push(letter);
                if !fits(&line) && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, letter.to_string()));
                }
            }
        }
        lines.push(line);
        lines
    }
}

/// Whether nothing is drawn for this character: it joins, separates, turns or varies others.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_too_wide_and_no_letter_is_lost() {
        let regular = Typeface::regular();
        let long_word = "Donaudampfschifffahrtsgesellschaft".repeat(4);
        for text in
            ["", "Contoso", "one two three four five six seven", &long_word, &format!("a {long_word} b")]
        {
            let lines = regular.lines(text, 10.0, 90.0);
            assert!(lines.iter().all(|line| regular.width(line.trim_end(), 10.0) <= 90.0), "{lines:?}");
            assert_eq!(lines.concat(), text);
        }
        assert_eq!(regular.lines("one two", 10.0, 25.0), ["one ", "two"]);
        assert_eq!(regular.lines("Contoso", 10.0, 0.0).len(), 7, "a line has at least one letter");
    }

    #[test]
    fn words_from_right_to_left_are_drawn_so_within_a_line_from_left_to_right() {
        for typeface in [Typeface::regular(), Typeface::bold()] {
            for line in ["شركة Contoso ٢٤", "Contoso קונטוסו בע״מ 24", "Żółw\u{200f} 7"] {
                let runs = typeface.shape(line);
                let glyphs: Vec<_> = runs.iter().flat_map(|run| &run.glyphs).collect();
                assert!(glyphs.iter().all(|glyph| glyph.glyph_id.to_u32() != 0), "{line}");
                let mut parts: Vec<_> = glyphs.iter().map(|glyph| glyph.text_range.clone()).collect();
                parts.sort_by_key(|part| part.start);
                parts.dedup();
                assert_eq!(parts.iter().map(|part| &line[part.clone()]).collect::<String>(), line);
            }
            let shown: Vec<_> = typeface.shape("a אב c").iter().flat_map(|run| run.glyphs.clone()).collect();
            let starts: Vec<_> = shown.iter().map(|glyph| glyph.text_range.start).collect();
            assert_eq!(starts, [0, 1, 4, 2, 6, 7]);
        }
    }
}

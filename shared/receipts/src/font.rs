//! The fonts of receipts and statements. They measure text and break it into lines.

use krilla::geom::Point;
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Face, UnicodeBuffer};

const REGULAR: &[u8] = include_bytes!("../fonts/NotoSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/NotoSans-Bold.ttf");

/// A font that draws and measures text.
pub(crate) struct Typeface {
    font: Font,
    face: Face<'static>,
}

impl Typeface {
    pub(crate) fn regular() -> Self {
        Self::read(REGULAR)
    }

    pub(crate) fn bold() -> Self {
        Self::read(BOLD)
    }

    fn read(file: &'static [u8]) -> Self {
        let font = Font::new(file.into(), 0).expect("the embedded file is a font");
        let face = Face::from_slice(file, 0).expect("the embedded file is a font");
        Self { font, face }
    }

    /// Draws one line. A character that is drawn as `�` is kept as text beside it, so that it can be copied.
    pub(crate) fn draw(&self, surface: &mut Surface<'_>, baseline: Point, size: f32, line: &str) {
        surface.draw_glyphs(baseline, &self.shape(line), self.font.clone(), line, size, false);
    }

    /// The width of a line, in points.
    pub(crate) fn width(&self, line: &str, size: f32) -> f32 {
        self.shape(line).iter().map(|glyph| glyph.x_advance * size).sum()
    }

    /// The glyphs of a line, each with the part of the text that it stands for. A character that the font lacks has the glyph
    /// of `�`.
    fn shape(&self, line: &str) -> Vec<KrillaGlyph> {
        let mut buffer = UnicodeBuffer::new();
        for (at, letter) in line.char_indices() {
            let has = self.face.glyph_index(letter).is_some();
            let at = u32::try_from(at).expect("a line is short");
            buffer.add(if has { letter } else { char::REPLACEMENT_CHARACTER }, at);
        }
        buffer.guess_segment_properties();
        buffer.set_direction(Direction::LeftToRight);
        let shaped = rustybuzz::shape(&self.face, &[], buffer);
        let starts: Vec<_> = shaped.glyph_infos().iter().map(|glyph| glyph.cluster as usize).collect();
        let em = self.font.units_per_em();
        #[expect(clippy::cast_precision_loss, reason = "a glyph is far from 2^24 units wide")]
        let ems = |units: i32| units as f32 / em;
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).zip(&starts);
        let glyphs = glyphs.map(|((glyph, place), &start)| {
            let end = starts.iter().copied().find(|&next| next > start).unwrap_or(line.len());
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
        glyphs.collect()
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
}

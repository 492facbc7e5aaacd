//! Drawing on a page: lengths, colours, texts and thin lines. Every text is tagged with its role, for screen readers.

use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, SpanTag, TagGroup, TagKind};

use crate::font::Typeface;

// All lengths are in points. A4 is 210 by 297 mm.
const WIDTH: f32 = 595.28;
pub(crate) const HEIGHT: f32 = 841.89;
pub(crate) const MARGIN: f32 = 64.0;
pub(crate) const RIGHT: f32 = WIDTH - MARGIN;
pub(crate) const HAIRLINE: f32 = 0.6;

pub(crate) const INK: [u8; 3] = [0x1d, 0x24, 0x30];
pub(crate) const MUTED: [u8; 3] = [0x5b, 0x66, 0x75];
const LINE: [u8; 3] = [0xdd, 0xe3, 0xea];
pub(crate) const ACCENT: [u8; 3] = [0x1f, 0x5f, 0xbf];

/// The settings of a page of A4.
pub(crate) fn a4() -> PageSettings {
    PageSettings::from_wh(WIDTH, HEIGHT).expect("the size of A4 is valid")
}

/// The look of a text.
#[derive(Clone, Copy)]
pub(crate) struct Style<'a> {
    pub(crate) typeface: &'a Typeface,
    pub(crate) size: f32,
    pub(crate) colour: [u8; 3],
}

impl Style<'_> {
    /// The distance from one line to the next.
    pub(crate) fn leading(&self) -> f32 {
        self.size * 1.45
    }

    /// The width of a line of text.
    pub(crate) fn width(&self, line: &str) -> f32 {
        self.typeface.width(line, self.size)
    }

    /// A text as lines no wider than this.
    pub(crate) fn lines(&self, text: &str, widest: f32) -> Vec<String> {
        self.typeface.lines(text, self.size, widest)
    }
}

/// Draws on the page from top to bottom. `y` is the upper edge of the next element.
pub(crate) struct Pen<'a, 'b> {
    pub(crate) surface: &'a mut Surface<'b>,
    pub(crate) y: f32,
}

impl Pen<'_, '_> {
    /// Writes a text between two edges, on as many lines as it needs, and moves below it.
    pub(crate) fn write(
        &mut self,
        tag: impl Into<TagKind>,
        text: &str,
        style: Style<'_>,
        left: f32,
        right: f32,
    ) -> TagGroup {
        let mut group = TagGroup::new(tag);
        for line in style.lines(text, right - left) {
            group.push(self.surface.start_tagged(ContentTag::Span(SpanTag::empty())));
            self.draw(&line, style, left);
            self.surface.end_tagged();
            self.y += style.leading();
        }
        group
    }

    /// Writes a line of text that ends at the right edge, and stays beside it.
    pub(crate) fn write_to(
        &mut self,
        tag: impl Into<TagKind>,
        text: &str,
        style: Style<'_>,
        right: f32,
    ) -> TagGroup {
        let mut group = TagGroup::new(tag);
        group.push(self.surface.start_tagged(ContentTag::Span(SpanTag::empty())));
        self.draw(text, style, right - style.width(text));
        self.surface.end_tagged();
        group
    }

    /// Writes a line of text that is no part of the document's content, such as a page number, and stays beside it.
    pub(crate) fn note(&mut self, kind: ArtifactType, text: &str, style: Style<'_>, left: f32) {
        self.surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(kind)));
        self.draw(text, style, left);
        self.surface.end_tagged();
    }

    fn draw(&mut self, line: &str, style: Style<'_>, left: f32) {
        self.surface.set_fill(Some(fill_of(style.colour)));
        let baseline = Point::from_xy(left, self.y + style.size);
        style.typeface.draw(self.surface, baseline, style.size, line);
    }

    /// Draws a thin line from margin to margin, and moves below it.
    pub(crate) fn line(&mut self) {
        let mut path = PathBuilder::new();
        let line = Rect::from_xywh(MARGIN, self.y, RIGHT - MARGIN, HAIRLINE).expect("the size is valid");
        path.push_rect(line);
        self.surface.set_fill(Some(fill_of(LINE)));
        self.surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
        self.surface.draw_path(&path.finish().expect("a rectangle is a valid path"));
        self.surface.end_tagged();
        self.y += HAIRLINE;
    }
}

fn fill_of([red, green, blue]: [u8; 3]) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }
}

//! The layout of a receipt: a heading, the amount, a table, and a note on how funds expire. Every element is tagged with its
//! role, for screen readers.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, SpanTag, TableHeaderScope, Tag, TagGroup, TagTree,
};

use crate::Receipt;
use crate::font::Typeface;
use crate::words::{PRODUCT, Words};

// All lengths are in points. A4 is 210 by 297 mm.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const MARGIN: f32 = 64.0;
const RIGHT: f32 = WIDTH - MARGIN;
/// The left edge of the table's values.
const VALUES: f32 = MARGIN + 132.0;
const HAIRLINE: f32 = 0.6;

const INK: [u8; 3] = [0x1d, 0x24, 0x30];
const MUTED: [u8; 3] = [0x5b, 0x66, 0x75];
const LINE: [u8; 3] = [0xdd, 0xe3, 0xea];
const ACCENT: [u8; 3] = [0x1f, 0x5f, 0xbf];

/// The look of a text.
#[derive(Clone, Copy)]
struct Style<'a> {
    typeface: &'a Typeface,
    size: f32,
    colour: [u8; 3],
}

impl Style<'_> {
    /// The distance from one line to the next.
    fn leading(&self) -> f32 {
        self.size * 1.45
    }
}

pub(crate) fn draw(receipt: &Receipt) -> Vec<u8> {
    let words = Words::of(receipt);
    let mut document = Document::new();
    let title = format!("{}, {}", words.heading, receipt.organization);
    let metadata = Metadata::new().title(title).language(words.language.to_owned());
    document.set_metadata(metadata.authors(vec![PRODUCT.to_owned()]));

    let settings = PageSettings::from_wh(WIDTH, HEIGHT).expect("the size of A4 is valid");
    let mut page = document.start_page_with(settings);
    let mut surface = page.surface();
    let tags = fill(&mut surface, &words);
    surface.finish();
    page.finish();
    document.set_tag_tree(tags);
    document.finish().expect("a receipt has to meet no PDF standard")
}

/// Draws all elements from top to bottom, and returns their tags.
fn fill(surface: &mut Surface<'_>, words: &Words) -> TagTree {
    let (regular, bold) = (Typeface::regular(), Typeface::bold());
    let plain = Style { typeface: &regular, size: 10.5, colour: INK };
    let small = Style { size: 9.0, colour: MUTED, ..plain };
    let product = Style { typeface: &bold, size: 10.5, colour: ACCENT };
    let heading = Style { typeface: &bold, size: 26.0, colour: INK };
    let label = Style { colour: MUTED, ..plain };
    let figure = Style { size: 34.0, ..heading };

    let mut tags = TagTree::new();
    let mut pen = Pen { surface, y: MARGIN };
    tags.push(pen.write(Tag::P, PRODUCT, product, MARGIN, RIGHT));
    pen.y += 10.0;
    let top_level = NonZeroU16::MIN;
    tags.push(pen.write(Tag::Hn(top_level, None), &words.heading, heading, MARGIN, RIGHT));
    pen.y += 34.0;
    tags.push(pen.write(Tag::P, words.paid, label, MARGIN, RIGHT));
    tags.push(pen.write(Tag::P, &words.amount, figure, MARGIN, RIGHT));
    pen.y += 28.0;

    let mut table = TagGroup::new(Tag::Table);
    for (name, value) in &words.rows {
        pen.line();
        pen.y += 7.0;
        let top = pen.y;
        let mut row = TagGroup::new(Tag::TR);
        row.push(pen.write(Tag::TH(TableHeaderScope::Row), name, label, MARGIN, VALUES));
        pen.y = top;
        row.push(pen.write(Tag::TD, value, plain, VALUES, RIGHT));
        pen.y += 7.0;
        table.push(row);
    }
    pen.line();
    tags.push(table);
    pen.y += 24.0;
    tags.push(pen.write(Tag::P, &words.footer, small, MARGIN, RIGHT));
    tags
}

/// Draws on the page from top to bottom. `y` is the upper edge of the next element.
struct Pen<'a, 'b> {
    surface: &'a mut Surface<'b>,
    y: f32,
}

impl Pen<'_, '_> {
    /// Writes a text between two edges, on as many lines as it needs, and moves below it.
    fn write(
        &mut self,
        tag: impl Into<krilla::tagging::TagKind>,
        text: &str,
        style: Style<'_>,
        left: f32,
        right: f32,
    ) -> TagGroup {
        let mut group = TagGroup::new(tag);
        self.surface.set_fill(Some(fill_of(style.colour)));
        for line in style.typeface.lines(text, style.size, right - left) {
            let baseline = Point::from_xy(left, self.y + style.size);
            group.push(self.surface.start_tagged(ContentTag::Span(SpanTag::empty())));
            style.typeface.draw(self.surface, baseline, style.size, &line);
            self.surface.end_tagged();
            self.y += style.leading();
        }
        group
    }

    /// Draws a thin line from margin to margin, and moves below it.
    fn line(&mut self) {
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

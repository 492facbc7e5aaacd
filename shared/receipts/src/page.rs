//! The layout of a receipt or a credit note: a heading, the amount, a table, and a note below.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::metadata::Metadata;
use krilla::surface::Surface;
use krilla::tagging::{TableHeaderScope, Tag, TagGroup, TagTree};

use crate::font::Typeface;
use crate::pen::{ACCENT, INK, MARGIN, MUTED, Pen, RIGHT, Style, a4};
use crate::words::Words;

/// The left edge of the table's values, in points.
const VALUES: f32 = MARGIN + 132.0;

pub(crate) fn draw(words: &Words, organization: &str) -> Vec<u8> {
    let mut document = Document::new();
    let title = format!("{}, {organization}", words.heading);
    let metadata = Metadata::new().title(title).language(words.language.to_owned());
    document.set_metadata(metadata.authors(vec![words.product.to_owned()]));

    let mut page = document.start_page_with(a4());
    let mut surface = page.surface();
    let tags = fill(&mut surface, words);
    surface.finish();
    page.finish();
    document.set_tag_tree(tags);
    document.finish().expect("the page has to meet no PDF standard")
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
    tags.push(pen.write(Tag::P, words.product, product, MARGIN, RIGHT));
    pen.y += 10.0;
    let top_level = NonZeroU16::MIN;
    tags.push(pen.write(Tag::Hn(top_level, None), &words.heading, heading, MARGIN, RIGHT));
    pen.y += 34.0;
    tags.push(pen.write(Tag::P, words.label, label, MARGIN, RIGHT));
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

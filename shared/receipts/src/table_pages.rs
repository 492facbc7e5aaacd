//! The layout of a heading and tables over as many pages as they need. A table that goes on has its column heads on each page.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::metadata::Metadata;
use krilla::tagging::{ArtifactType, TableHeaderScope, Tag, TagGroup, TagTree};

use crate::font::Typeface;
use crate::pen::{ACCENT, HAIRLINE, HEIGHT, INK, MARGIN, MUTED, Pen, RIGHT, Style, a4};

/// Nothing but the page's number is drawn below this height, in points.
const BOTTOM: f32 = HEIGHT - MARGIN;
/// The height of the page's number.
const FOOT: f32 = HEIGHT - 44.0;
/// The space above and below the text of a row.
const PADDING: f32 = 3.5;
/// The space between two columns.
const GUTTER: f32 = 12.0;
/// How far the rows of a group are indented.
const INDENT: f32 = 10.0;
/// The space above the heading of a table.
const ABOVE_TABLE: f32 = 24.0;
/// The least width of the first column. A table whose values leave less has smaller letters.
const NARROWEST: f32 = 110.0;

/// A document of tables.
pub(crate) struct Paper {
    /// The product's name.
    pub(crate) product: &'static str,
    /// The title, for the reader's window.
    pub(crate) title: String,
    /// The language's code.
    pub(crate) language: &'static str,
    /// The heading.
    pub(crate) heading: String,
    /// The lines below the heading, the first one in bold.
    pub(crate) below: Vec<String>,
    /// The tables.
    pub(crate) tables: Vec<Table>,
    /// The text of a page's number, by the number and the count of pages.
    pub(crate) page: fn(usize, usize) -> String,
}

/// A table. Its first column has labels, and the others have values that end at their right edge.
pub(crate) struct Table {
    pub(crate) heading: String,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
    /// A note below the table.
    pub(crate) note: Option<String>,
}

/// A row, with a cell for each column of its table.
pub(crate) struct Row {
    pub(crate) kind: RowKind,
    pub(crate) cells: Vec<String>,
}

impl Row {
    pub(crate) fn plain<const N: usize>(cells: [String; N]) -> Self {
        Self { kind: RowKind::Plain, cells: cells.into() }
    }

    pub(crate) fn bold<const N: usize>(cells: [String; N]) -> Self {
        Self { kind: RowKind::Bold, cells: cells.into() }
    }
}

/// The look of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKind {
    Plain,
    /// It belongs to the group above.
    Indented,
    /// It heads a group or has a balance or total.
    Bold,
}

/// The looks of the texts.
struct Styles<'a> {
    product: Style<'a>,
    heading: Style<'a>,
    table_heading: Style<'a>,
    plain: Style<'a>,
    bold: Style<'a>,
    head: Style<'a>,
    note: Style<'a>,
}

impl<'a> Styles<'a> {
    fn of(regular: &'a Typeface, bold: &'a Typeface) -> Self {
        let plain = Style { typeface: regular, size: 9.5, colour: INK };
        let strong = Style { typeface: bold, ..plain };
        Self {
            product: Style { size: 10.5, colour: ACCENT, ..strong },
            heading: Style { size: 26.0, ..strong },
            table_heading: Style { size: 13.0, ..strong },
            plain,
            bold: strong,
            head: Style { size: 8.5, colour: MUTED, ..plain },
            note: Style { size: 9.0, colour: MUTED, ..plain },
        }
    }

    fn row(&self, kind: RowKind, scale: f32) -> Style<'a> {
        let style = if kind == RowKind::Bold { self.bold } else { self.plain };
        Style { size: style.size * scale, ..style }
    }

    fn head(&self, scale: f32) -> Style<'a> {
        Style { size: self.head.size * scale, ..self.head }
    }
}

/// A part of the document that is on one page.
#[derive(Clone, Copy)]
enum Block {
    Opening,
    TableHeading(usize),
    /// The column heads of a table, and whether they are there again.
    Head(usize, bool),
    Row(usize, usize),
    Note(usize),
}

pub(crate) fn draw(paper: &Paper) -> Vec<u8> {
    let (regular, bold) = (Typeface::regular(), Typeface::bold());
    let layout = Layout::of(paper, Styles::of(&regular, &bold));
    let pages = layout.pages();
    let mut document = Document::new();
    let metadata = Metadata::new().title(paper.title.clone()).language(paper.language.to_owned());
    document.set_metadata(metadata.authors(vec![paper.product.to_owned()]));
    let mut tags = Tags { tree: TagTree::new(), table: None };
    for (number, blocks) in pages.iter().enumerate() {
        let mut page = document.start_page_with(a4());
        let mut surface = page.surface();
        let mut pen = Pen { surface: &mut surface, y: MARGIN };
        for block in blocks {
            layout.block(&mut pen, *block, &mut tags);
        }
        pen.y = FOOT;
        let text = (paper.page)(number + 1, pages.len());
        let left = RIGHT - layout.styles.head.width(&text);
        pen.note(ArtifactType::PageNumber, &text, layout.styles.head, left);
        surface.finish();
        page.finish();
    }
    document.set_tag_tree(tags.finish());
    document.finish().expect("a statement has to meet no PDF standard")
}

/// The tags so far. A table's rows are collected over its pages.
struct Tags {
    tree: TagTree,
    table: Option<TagGroup>,
}

impl Tags {
    fn push(&mut self, group: TagGroup) {
        self.end_table();
        self.tree.push(group);
    }

    fn push_row(&mut self, row: TagGroup) {
        self.table.get_or_insert_with(|| TagGroup::new(Tag::Table)).push(row);
    }

    fn end_table(&mut self) {
        if let Some(table) = self.table.take() {
            self.tree.push(table);
        }
    }

    fn finish(mut self) -> TagTree {
        self.end_table();
        self.tree
    }
}

/// The document with its looks, and the columns of each table.
struct Layout<'a> {
    paper: &'a Paper,
    styles: Styles<'a>,
    columns: Vec<Columns>,
}

/// The columns of a table.
struct Columns {
    /// The size of its letters, as a part of the usual size.
    scale: f32,
    /// The right edge of each column.
    edges: Vec<f32>,
}

impl<'a> Layout<'a> {
    fn of(paper: &'a Paper, styles: Styles<'a>) -> Self {
        let columns = paper.tables.iter().map(|table| Columns::of(table, &styles)).collect();
        Self { paper, styles, columns }
    }

    /// The blocks of each page. The heading of a table is on the page of its first row, the head of a group on that of the
    /// group's first row, and the last row on that of the row before.
    fn pages(&self) -> Vec<Vec<Block>> {
        let mut pages = vec![vec![Block::Opening]];
        let mut y = MARGIN + self.height(Block::Opening);
        for (number, table) in self.paper.tables.iter().enumerate() {
            let mut before = vec![Block::TableHeading(number), Block::Head(number, false)];
            let rows = (0..table.rows.len()).map(|row| Block::Row(number, row));
            for block in rows.chain(table.note.iter().map(|_| Block::Note(number))) {
                let needed = self.sum(&before) + self.height(block) + self.kept_below(block);
                if y + needed > BOTTOM {
                    pages.push(Vec::new());
                    y = MARGIN;
                    if before.is_empty() && matches!(block, Block::Row(..)) {
                        before.push(Block::Head(number, true));
                    }
                }
                before.push(block);
                y += self.sum(&before);
                pages.last_mut().expect("there is a first page").append(&mut before);
            }
        }
        pages
    }

    fn sum(&self, blocks: &[Block]) -> f32 {
        blocks.iter().map(|block| self.height(*block)).sum()
    }

    /// The height of the next row, if it has to be on the page of this one.
    fn kept_below(&self, block: Block) -> f32 {
        let Block::Row(table, row) = block else { return 0.0 };
        let rows = &self.paper.tables[table].rows;
        let next = row + 1;
        let is_kept = next + 1 == rows.len() || rows[row].kind == RowKind::Bold && next < rows.len();
        if is_kept { self.height(Block::Row(table, next)) } else { 0.0 }
    }

    fn height(&self, block: Block) -> f32 {
        let Styles { product, heading, table_heading, note, plain, .. } = self.styles;
        let text = |text: &str, style: Style<'_>| {
            style.lines(text, RIGHT - MARGIN).iter().map(|_| style.leading()).sum::<f32>()
        };
        match block {
            Block::Opening => {
                let below = self.paper.below.iter().map(|line| text(line, plain)).sum::<f32>();
                product.leading() + 10.0 + text(&self.paper.heading, heading) + 8.0 + below
            }
            Block::TableHeading(table) => {
                ABOVE_TABLE + text(&self.paper.tables[table].heading, table_heading) + PADDING
            }
            Block::Head(table, _) => self.styles.head(self.columns[table].scale).leading() + PADDING,
            Block::Row(table, row) => {
                let row = &self.paper.tables[table].rows[row];
                let Columns { scale, edges } = &self.columns[table];
                let style = self.styles.row(row.kind, *scale);
                let label = style.lines(&row.cells[0], edges[0] - left_of(row.kind));
                HAIRLINE + 2.0 * PADDING + label.iter().map(|_| style.leading()).sum::<f32>()
            }
            Block::Note(table) => {
                let said = self.paper.tables[table].note.as_deref().unwrap_or_default();
                HAIRLINE + 2.0 * PADDING + text(said, note)
            }
        }
    }

    fn block(&self, pen: &mut Pen<'_, '_>, block: Block, tags: &mut Tags) {
        match block {
            Block::Opening => self.opening(pen, tags),
            Block::TableHeading(table) => {
                let level = NonZeroU16::MIN.saturating_add(1);
                pen.y += ABOVE_TABLE;
                let heading = &self.paper.tables[table].heading;
                let style = self.styles.table_heading;
                tags.push(pen.write(Tag::Hn(level, None), heading, style, MARGIN, RIGHT));
                pen.y += PADDING;
            }
            Block::Head(table, again) => self.head(pen, table, again, tags),
            Block::Row(table, row) => self.row(pen, table, &self.paper.tables[table].rows[row], tags),
            Block::Note(table) => {
                let said = self.paper.tables[table].note.as_deref().unwrap_or_default();
                pen.line();
                pen.y += 2.0 * PADDING;
                tags.push(pen.write(Tag::P, said, self.styles.note, MARGIN, RIGHT));
            }
        }
    }

    fn opening(&self, pen: &mut Pen<'_, '_>, tags: &mut Tags) {
        let Styles { product, heading, plain, bold, .. } = self.styles;
        tags.push(pen.write(Tag::P, self.paper.product, product, MARGIN, RIGHT));
        pen.y += 10.0;
        let level = NonZeroU16::MIN;
        tags.push(pen.write(Tag::Hn(level, None), &self.paper.heading, heading, MARGIN, RIGHT));
        pen.y += 8.0;
        for (place, line) in self.paper.below.iter().enumerate() {
            let style = if place == 0 { bold } else { plain };
            tags.push(pen.write(Tag::P, line, style, MARGIN, RIGHT));
        }
    }

    fn head(&self, pen: &mut Pen<'_, '_>, table: usize, again: bool, tags: &mut Tags) {
        let Columns { scale, edges } = &self.columns[table];
        let style = self.styles.head(*scale);
        let columns = self.paper.tables[table].columns.iter().zip(edges);
        let mut row = TagGroup::new(Tag::TR);
        for (place, (name, edge)) in columns.enumerate() {
            let left = if place == 0 { MARGIN } else { edge - style.width(name) };
            if again {
                pen.note(ArtifactType::Header, name, style, left);
            } else {
                row.push(pen.write_to(
                    Tag::TH(TableHeaderScope::Column),
                    name,
                    style,
                    left + style.width(name),
                ));
            }
        }
        if !again {
            tags.push_row(row);
        }
        pen.y += style.leading() + PADDING;
    }

    fn row(&self, pen: &mut Pen<'_, '_>, table: usize, row: &Row, tags: &mut Tags) {
        let Columns { scale, edges } = &self.columns[table];
        let style = self.styles.row(row.kind, *scale);
        pen.line();
        pen.y += PADDING;
        let mut group = TagGroup::new(Tag::TR);
        let top = pen.y;
        let label =
            pen.write(Tag::TH(TableHeaderScope::Row), &row.cells[0], style, left_of(row.kind), edges[0]);
        group.push(label);
        let below = pen.y;
        pen.y = top;
        for (cell, edge) in row.cells.iter().zip(edges).skip(1) {
            group.push(pen.write_to(Tag::TD, cell, style, *edge));
        }
        pen.y = below + PADDING;
        tags.push_row(group);
    }
}

fn left_of(kind: RowKind) -> f32 {
    if kind == RowKind::Indented { MARGIN + INDENT } else { MARGIN }
}

impl Columns {
    /// Values get the width that they need, and labels the rest.
    fn of(table: &Table, styles: &Styles<'_>) -> Self {
        let width = |column: usize| {
            let cells = table.rows.iter().map(|row| styles.row(row.kind, 1.0).width(&row.cells[column]));
            cells.fold(styles.head.width(table.columns[column]), f32::max)
        };
        let widths: Vec<_> = (1..table.columns.len()).map(width).collect();
        let gutters = widths.iter().map(|_| GUTTER).sum::<f32>();
        let room = RIGHT - MARGIN - NARROWEST - gutters;
        let scale = (room / widths.iter().sum::<f32>()).min(1.0);
        let mut edge = RIGHT;
        let mut edges = Vec::new();
        for width in widths.iter().rev() {
            edges.push(edge);
            edge -= width * scale + GUTTER;
        }
        edges.push(edge);
        edges.reverse();
        Self { scale, edges }
    }
}

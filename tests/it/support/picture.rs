//! Pictures of windows: the cells of a terminal's screen as SVG, with a ground of their own, so that they can be read on
//! a light page and on a dark one.

use std::fmt::Write;

/// The size of a cell, and what is left free around the cells.
const CELL: (f32, f32) = (8.4, 19.0);
const MARGIN: f32 = 14.0;
/// The height of the row above the cells, in which the title stands.
const TITLE: f32 = 30.0;
const GAP: f32 = 16.0;

const FONT: &str = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const GROUND: Colour = Colour(0x1c, 0x20, 0x28);
const TEXT: Colour = Colour(0xd8, 0xdc, 0xe4);
const EDGE: Colour = Colour(0x3a, 0x40, 0x4d);

/// The sixteen colours that a terminal has names for.
const NAMED: [Colour; 16] = [
    Colour(0x3f, 0x45, 0x52),
    Colour(0xe6, 0x72, 0x7b),
    Colour(0x98, 0xc3, 0x79),
    Colour(0xe5, 0xc0, 0x7b),
    Colour(0x6c, 0xb2, 0xf2),
    Colour(0xcb, 0x85, 0xe0),
    Colour(0x5f, 0xbf, 0xcb),
    Colour(0xc8, 0xcd, 0xd6),
    Colour(0x83, 0x8b, 0x9a),
    Colour(0xf2, 0x95, 0x9c),
    Colour(0xb5, 0xda, 0x98),
    Colour(0xf0, 0xd5, 0x9d),
    Colour(0x92, 0xc8, 0xf7),
    Colour(0xdb, 0xa8, 0xea),
    Colour(0x8a, 0xd5, 0xdd),
    Colour(0xff, 0xff, 0xff),
];

#[derive(Clone, Copy, Debug, PartialEq)]
struct Colour(u8, u8, u8);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Style {
    text: Colour,
    ground: Option<Colour>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

/// What stands in one cell, or in two.
#[derive(Clone, Debug, PartialEq)]
struct Cell {
    text: String,
    width: u16,
    style: Style,
}

/// A window as it was at one moment.
pub struct Window {
    title: String,
    columns: u16,
    rows: Vec<Vec<Cell>>,
    cursor: Option<(u16, u16)>,
}

impl Window {
    /// The screen of a terminal, without the empty rows at its end.
    pub fn of(title: &str, screen: &vt100::Screen) -> Self {
        let (height, width) = screen.size();
        let mut rows: Vec<Vec<Cell>> = (0..height.get()).map(|row| cells(screen, row, width.get())).collect();
        let cursor = (!screen.hide_cursor()).then(|| screen.cursor_position());
        let used = cursor.map_or(0, |(row, _)| usize::from(row) + 1);
        while rows.len() > used && rows.last().is_some_and(|row| row.iter().all(is_blank)) {
            rows.pop();
        }
        Self { title: title.to_owned(), columns: width.get(), rows, cursor }
    }

    /// Puts `to` where `from` stands in a row: what is behind it moves along. For what a picture shall not tell, such as
    /// the port of the test.
    pub fn replace(&mut self, from: &str, to: &str) {
        for row in &mut self.rows {
            replace(row, from, to);
        }
    }

    fn size(&self) -> (f32, f32) {
        (f32::from(self.columns) * CELL.0 + 2.0 * MARGIN, self.rows.len() as f32 * CELL.1 + TITLE + 2.0 * MARGIN - 6.0)
    }
}

/// The windows one below the other. `about` is for those who do not see it.
pub fn svg(about: &str, windows: &[Window]) -> String {
    let width = windows.iter().map(|window| window.size().0).fold(0.0, f32::max);
    let height: f32 = windows.iter().map(|window| window.size().1 + GAP).sum::<f32>() - GAP;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" font-family=\"{FONT}\" font-size=\"14\">\n<title>{}</title>\n",
        escape(about)
    );
    let mut top = 0.0;
    for window in windows {
        draw(window, top, &mut out);
        top += window.size().1 + GAP;
    }
    out + "</svg>\n"
}

fn draw(window: &Window, top: f32, out: &mut String) {
    let (width, height) = window.size();
    let _ = writeln!(
        out,
        "<rect x=\"0.5\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"{}\" stroke=\"{}\"/>",
        top + 0.5,
        width - 1.0,
        height - 1.0,
        hex(GROUND),
        hex(EDGE)
    );
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{:.1}\" fill=\"{}\">{}</text>",
        top + 20.0,
        hex(NAMED[8]),
        escape(&window.title)
    );
    let _ = writeln!(out, "<path d=\"M1 {y:.1}H{:.1}\" stroke=\"{}\"/>", width - 1.0, hex(EDGE), y = top + TITLE);
    let cells = top + TITLE + MARGIN - 4.0;
    if let Some((row, column)) = window.cursor {
        let (x, y) = (MARGIN + f32::from(column) * CELL.0, cells + f32::from(row) * CELL.1);
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\" fill-opacity=\"0.55\"/>",
            CELL.0,
            CELL.1,
            hex(TEXT)
        );
    }
    for (row, y) in window.rows.iter().zip(0..) {
        draw_row(row, cells + y as f32 * CELL.1, out);
    }
}

/// A row, in pieces of one style. Each piece is told how wide it is, so that everything is in its column whatever font
/// the reader has.
fn draw_row(row: &[Cell], y: f32, out: &mut String) {
    let (mut at, mut column) = (0, 0);
    while at < row.len() {
        let first = &row[at];
        let alone = |cell: &Cell| cell.width > 1 || !cell.text.is_ascii();
        let same = row[at + 1..].iter().take_while(|cell| !alone(first) && !alone(cell) && cell.style == first.style);
        let piece = &row[at..=at + same.count()];
        let end = if is_blank(first) {
            piece.iter().take_while(|cell| is_blank(cell)).count()
        } else {
            // A wide gap is left out, and so is the one at the end.
            let gap = piece.windows(2).position(|two| two.iter().all(is_blank)).unwrap_or(piece.len());
            piece[..gap].iter().rposition(|cell| !is_blank(cell)).map_or(1, |last| last + 1)
        };
        let piece = &piece[..end];
        let width: u16 = piece.iter().map(|cell| cell.width).sum();
        draw_piece(piece, (MARGIN + f32::from(column) * CELL.0, y), f32::from(width) * CELL.0, out);
        column += width;
        at += piece.len();
    }
}

fn draw_piece(piece: &[Cell], (x, y): (f32, f32), width: f32, out: &mut String) {
    let style = piece[0].style;
    if let Some(ground) = style.ground {
        let height = CELL.1;
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{}\"/>",
            hex(ground)
        );
    }
    let text: String = piece.iter().map(|cell| cell.text.as_str()).collect();
    if text.trim().is_empty() && !style.underline {
        return;
    }
    let _ = write!(out, "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\"", y + 14.0);
    let _ = write!(out, " lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{}\"", hex(style.text));
    for (is, said) in [
        (style.bold, " font-weight=\"bold\""),
        (style.dim, " fill-opacity=\"0.65\""),
        (style.italic, " font-style=\"italic\""),
        (style.underline, " text-decoration=\"underline\""),
    ] {
        out.push_str(if is { said } else { "" });
    }
    let _ = writeln!(out, ">{}</text>", escape(&text));
}

fn is_blank(cell: &Cell) -> bool {
    cell.text == " " && cell.style.ground.is_none() && !cell.style.underline
}

fn cells(screen: &vt100::Screen, row: u16, width: u16) -> Vec<Cell> {
    let cells = (0..width).filter_map(|column| screen.cell(row, column));
    let seen = cells.filter(|cell| !cell.is_wide_continuation());
    seen.map(|cell| Cell {
        text: if cell.has_contents() { cell.contents().to_owned() } else { " ".to_owned() },
        width: if cell.is_wide() { 2 } else { 1 },
        style: style(cell),
    })
    .collect()
}

fn style(cell: &vt100::Cell) -> Style {
    let (mut text, mut ground) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
    if cell.inverse() {
        (text, ground) = (Some(ground.unwrap_or(GROUND)), Some(text.unwrap_or(TEXT)));
    }
    Style {
        text: text.unwrap_or(TEXT),
        ground,
        bold: cell.bold(),
        dim: cell.dim(),
        italic: cell.italic(),
        underline: cell.underline(),
    }
}

fn colour(colour: vt100::Color) -> Option<Colour> {
    match colour {
        vt100::Color::Default => None,
        vt100::Color::Idx(n @ 0..16) => Some(NAMED[usize::from(n)]),
        vt100::Color::Idx(n @ 16..232) => {
            let part = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            Some(Colour(part((n - 16) / 36), part((n - 16) / 6 % 6), part((n - 16) % 6)))
        }
        vt100::Color::Idx(n) => {
            let grey = 8 + 10 * (n - 232);
            Some(Colour(grey, grey, grey))
        }
        vt100::Color::Rgb(red, green, blue) => Some(Colour(red, green, blue)),
    }
}

fn hex(Colour(red, green, blue): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text as it may stand in XML, whatever a program has written.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn replace(row: &mut Vec<Cell>, from: &str, to: &str) {
    let sought: Vec<String> = from.chars().map(String::from).collect();
    let mut at = 0;
    while at + sought.len() <= row.len() {
        if !row[at..].iter().zip(&sought).all(|(cell, c)| cell.text == *c) {
            at += 1;
            continue;
        }
        let style = row[at].style;
        let put = to.chars().map(|c| Cell { text: c.to_string(), width: 1, style });
        row.splice(at..at + sought.len(), put);
        at += to.chars().count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(written: &str) -> Window {
        let mut parser = vt100::Parser::new(5.try_into().unwrap(), 20.try_into().unwrap(), 0);
        parser.process(written.as_bytes());
        Window::of("a & b", parser.screen())
    }

    /// The pieces of text, with where they begin and how wide they are, in cells.
    fn pieces(svg: &str) -> Vec<(u32, u32, &str)> {
        let texts = svg.lines().filter(|line| line.contains("textLength"));
        let number = |line: &str, name: &str| -> f32 {
            let (_, rest) = line.split_once(&format!("{name}=\"")).expect(name);
            rest.split('"').next().and_then(|number| number.parse().ok()).expect(name)
        };
        let cells = |width: f32| (width / CELL.0).round() as u32;
        texts
            .map(|line| {
                let text = line.split_once('>').and_then(|(_, rest)| rest.strip_suffix("</text>")).expect("an end");
                (cells(number(line, " x") - MARGIN), cells(number(line, "textLength")), text)
            })
            .collect()
    }

    #[test]
    fn every_piece_is_in_its_column_and_wide_characters_take_two() {
        let svg = svg("about", &[window("a日b \x1b[1mbold\x1b[0m    far\r\n🦀x")]);
        let expected =
            [(0, 1, "a"), (1, 2, "日"), (3, 1, "b"), (5, 4, "bold"), (13, 3, "far"), (0, 2, "🦀"), (2, 1, "x")];
        assert_eq!(pieces(&svg), expected);
    }

    #[test]
    fn what_a_program_writes_is_no_markup() {
        let svg = svg("\"<", &[window("<script>&\"")]);
        assert!(svg.contains(">&lt;script&gt;&amp;&quot;</text>"), "{svg}");
        assert!(svg.contains("<title>&quot;&lt;</title>") && svg.contains(">a &amp; b</text>"), "{svg}");
    }

    #[test]
    fn colours_and_styles_are_those_of_the_cells() {
        let svg = svg("", &[window("\x1b[31mred\x1b[0m \x1b[2mdim\x1b[0m \x1b[7minverse\x1b[0m \x1b[38;5;196mx")]);
        let of = |text: &str| svg.lines().find(|line| line.contains(&format!(">{text}<"))).expect("it is there");
        assert!(of("red").contains(&format!("fill=\"{}\"", hex(NAMED[1]))));
        assert!(of("dim").contains("fill-opacity"));
        assert!(of("inverse").contains(&format!("fill=\"{}\"", hex(GROUND))));
        assert!(of("x").contains("fill=\"#ff0000\""));
    }

    #[test]
    fn what_is_replaced_moves_the_rest_of_its_row_along() {
        let mut window = window("at 127.0.0.1:40123 x\r\nport 40123");
        window.replace("127.0.0.1:40123", "192.0.2.2:5000");
        window.replace("port 40123", "port 5000");
        let svg = svg("", &[window]);
        let texts: Vec<_> = pieces(&svg).into_iter().map(|(_, _, text)| text).collect();
        assert_eq!(texts, ["at 192.0.2.2:5000 x", "port 5000"]);
    }
}

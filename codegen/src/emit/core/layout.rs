//! Expressions laid out as rustfmt lays them out (width 100, heuristics "Max"), so that nobody
//! has to run a formatter over the output.

const WIDTH: usize = 100;
/// rustfmt packs the items of an array into lines when none is longer.
const SHORT_ITEM: usize = 10;

/// A Rust expression of the few forms that tables and calls need.
pub enum Layout {
    /// Never broken.
    Atom(String),
    /// `Name { field: value }`
    Struct(String, Vec<(String, Layout)>),
    /// `&[a, b]`, with its opening
    List(&'static str, Vec<Layout>),
    /// `name(argument)`
    Call(String, Box<Layout>),
}

impl Layout {
    pub fn atom(text: impl Into<String>) -> Self {
        Self::Atom(text.into())
    }

    pub fn some(inner: Self) -> Self {
        Self::Call("Some".to_owned(), Box::new(inner))
    }

    /// Prints the expression for a place `column` characters into a line of `indent`; `tail`
    /// characters follow on its last line.
    pub fn print(&self, indent: usize, column: usize, tail: usize) -> String {
        let mut text = String::new();
        self.write(&mut text, indent, column, tail);
        text
    }

    fn write(&self, out: &mut String, indent: usize, column: usize, tail: usize) {
        if column + self.flat_length() + tail <= WIDTH {
            self.write_flat(out);
            return;
        }
        match self {
            Self::Atom(text) => out.push_str(text),
            Self::Call(name, argument) if matches!(**argument, Self::Atom(_)) => {
                out.push_str(name);
                out.push_str("(\n");
                pad(out, indent + 4);
                argument.write_flat(out);
                out.push_str(",\n");
                pad(out, indent);
                out.push(')');
            }
            Self::Call(name, argument) => {
                out.push_str(name);
                out.push('(');
                argument.write(out, indent, column + name.len() + 1, tail + 1);
                out.push(')');
            }
            Self::Struct(name, fields) => {
                out.push_str(name);
                out.push_str(" {\n");
                for (field, value) in fields {
                    pad(out, indent + 4);
                    out.push_str(field);
                    out.push_str(": ");
                    value.write(out, indent + 4, indent + 4 + field.len() + 2, 1);
                    out.push_str(",\n");
                }
                pad(out, indent);
                out.push('}');
            }
            Self::List(open, items) => write_list(out, open, items, indent, column, tail),
        }
    }

    fn flat_length(&self) -> usize {
        match self {
            Self::Atom(text) => text.len(),
            Self::Call(name, argument) => name.len() + 2 + argument.flat_length(),
            Self::Struct(name, fields) if fields.is_empty() => name.len() + 3,
            Self::Struct(name, fields) => {
                let fields: usize =
                    fields.iter().map(|(field, value)| field.len() + 4 + value.flat_length()).sum();
                name.len() + 3 + fields
            }
            Self::List(open, items) => {
                let items: usize = items.iter().map(|item| item.flat_length() + 2).sum();
                open.len() + 1 + items.saturating_sub(2)
            }
        }
    }

    fn write_flat(&self, out: &mut String) {
        match self {
            Self::Atom(text) => out.push_str(text),
            Self::Call(name, argument) => {
                out.push_str(name);
                out.push('(');
                argument.write_flat(out);
                out.push(')');
            }
            Self::Struct(name, fields) => {
                out.push_str(name);
                out.push_str(" {");
                for (index, (field, value)) in fields.iter().enumerate() {
                    out.push_str(if index == 0 { " " } else { ", " });
                    out.push_str(field);
                    out.push_str(": ");
                    value.write_flat(out);
                }
                out.push_str(" }");
            }
            Self::List(open, items) => {
                out.push_str(open);
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.write_flat(out);
                }
                out.push(']');
            }
        }
    }
}

fn write_list(
    out: &mut String,
    open: &str,
    items: &[Layout],
    indent: usize,
    column: usize,
    tail: usize,
) {
    out.push_str(open);
    if let [only @ (Layout::Struct(..) | Layout::List(..) | Layout::Call(..))] = items {
        only.write(out, indent, column + open.len(), tail + 1);
        out.push(']');
        return;
    }
    let packed = items.iter().all(|item| item.flat_length() <= SHORT_ITEM);
    let mut column = WIDTH;
    for item in items {
        let length = item.flat_length();
        if packed && column + 1 + length < WIDTH {
            out.push(' ');
            column += 1;
        } else {
            out.push('\n');
            pad(out, indent + 4);
            column = indent + 4;
        }
        item.write(out, indent + 4, indent + 4, 1);
        out.push(',');
        column += length + 1;
    }
    out.push('\n');
    pad(out, indent);
    out.push(']');
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atoms(length: usize, count: usize) -> Vec<Layout> {
        std::iter::repeat_with(|| Layout::atom("x".repeat(length))).take(count).collect()
    }

    #[test]
    fn what_fits_stays_on_its_line() {
        let layout = Layout::List("&[", atoms(3, 3));
        assert_eq!(layout.print(0, 0, 0), "&[xxx, xxx, xxx]");
        let fields = vec![("a".to_owned(), Layout::atom("1"))];
        assert_eq!(Layout::Struct("S".to_owned(), fields).print(0, 0, 0), "S { a: 1 }");
    }

    #[test]
    fn long_items_stand_below_each_other_and_short_ones_are_packed() {
        let long = Layout::List("&[", atoms(40, 3)).print(0, 0, 0);
        assert_eq!(long.lines().count(), 5);
        let short = Layout::List("&[", atoms(8, 20)).print(0, 0, 0);
        assert_eq!(short.lines().count(), 5);
        assert!(short.lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn a_single_struct_hugs_its_list() {
        let fields = vec![
            ("a".to_owned(), Layout::atom("x".repeat(60))),
            ("b".to_owned(), Layout::atom("y".repeat(60))),
        ];
        let list = Layout::List("&[", vec![Layout::Struct("S".to_owned(), fields)]);
        let text = list.print(4, 10, 1);
        assert!(text.starts_with("&[S {\n        a: "), "{text}");
        assert!(text.ends_with("\n    }]"), "{text}");
    }
}

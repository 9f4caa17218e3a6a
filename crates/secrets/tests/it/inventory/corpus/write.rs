//! Writing a tree down, in all the ways in which people and programs do.

use std::ops::Range;

use super::{
    generate::{Entry, Kind, Node, Random, Tree},
    spell::{self, Place},
};

/// A file without its meaning.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    /// For each value.
    pub(super) spots: Vec<Spot>,
    pub(super) comments: Vec<String>,
    pub(super) commented_out: usize,
}

/// Where a value is.
#[derive(Clone, Default)]
pub(super) struct Spot {
    pub(super) range: Range<usize>,
    pub(super) comment: Option<String>,
    pub(super) is_blank: bool,
    /// Whether the file ends before the line break that belongs to it.
    pub(super) is_cut: bool,
}

pub(super) fn write(random: &mut Random, tree: &Tree, payloads: &[String], is_json: bool) -> Written {
    let eol = if random.percent(18) { "\r\n" } else { "\n" };
    let mut writer = Writer {
        step: 1 + random.below(4),
        has_indentless_lists: random.percent(50),
        is_plain: random.percent(25),
        tree,
        payloads,
        is_json,
        eol,
        out: String::new(),
        spots: vec![Spot::default(); tree.values.len()],
        comments: Vec::new(),
        commented_out: 0,
        last: Last::Line,
        random,
    };
    if is_json {
        writer.json();
    } else {
        writer.document();
    }
    writer.finish()
}

/// What was written last, which decides what may follow.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Line,
    /// A block, into which deeper comments would go.
    Block,
    /// A block that takes blank lines in too (`|+`).
    Keeping,
}

struct Writer<'a> {
    random: &'a mut Random,
    tree: &'a Tree,
    payloads: &'a [String],
    is_json: bool,
    eol: &'static str,
    /// How far it indents, mostly.
    step: usize,
    has_indentless_lists: bool,
    /// Without any whims.
    is_plain: bool,
    out: String,
    spots: Vec<Spot>,
    comments: Vec<String>,
    commented_out: usize,
    last: Last,
}

impl Writer<'_> {
    fn document(&mut self) {
        match self.random.below(6) {
            0 => self.line("%YAML 1.1"),
            1 => self.comment_line(0),
            _ => {}
        }
        if self.out.starts_with('%') || self.random.percent(40) {
            self.out += "---";
            self.line_end();
        }
        let root = &self.tree.root;
        match &root.kind {
            Kind::Mapping(entries) if entries.is_empty() => self.line("{}"),
            Kind::Mapping(entries) => self.entries(entries, 0, false),
            Kind::List(items) => self.items(items, 0, false),
            Kind::Leaf(_) | Kind::Alias(_) => {}
        }
        self.gap(0);
        if self.random.percent(8) {
            self.line("...");
            self.comment_line(0);
        }
    }

    fn finish(mut self) -> Written {
        let is_last = |spot: &&mut Spot| spot.range.end + self.eol.len() == self.out.len() && !spot.range.is_empty();
        if self.last != Last::Keeping && self.random.percent(18) && self.out.ends_with(self.eol) {
            if let Some(spot) = self.spots.iter_mut().find(is_last) {
                spot.is_cut = self.last == Last::Block;
            }
            self.out.truncate(self.out.len() - self.eol.len());
        }
        let mut bytes = Vec::new();
        if !self.is_json && self.random.percent(5) {
            bytes.extend("\u{feff}".as_bytes());
        }
        let mark = bytes.len();
        bytes.extend(self.out.as_bytes());
        for spot in &mut self.spots {
            spot.range = spot.range.start + mark..spot.range.end + mark;
        }
        Written { bytes, spots: self.spots, comments: self.comments, commented_out: self.commented_out }
    }

    /// `one_line`: the first entry goes on where a dash is.
    fn entries(&mut self, entries: &[Entry], indent: usize, is_on_line: bool) {
        for (number, entry) in entries.iter().enumerate() {
            if number > 0 || !is_on_line {
                self.gap(indent);
                self.out += &" ".repeat(indent);
            }
            match entry {
                Entry::Own(key, value) => {
                    if self.whim(3) {
                        self.out += "? ";
                        self.key(key);
                        self.line_end();
                        self.out += &format!("{}:", " ".repeat(indent));
                        self.value(value, indent, Place::Item);
                    } else {
                        self.key(key);
                        self.out.push(':');
                        self.value(value, indent, Place::Value);
                    }
                }
                Entry::Merge(anchors, inline) => self.merge(anchors, inline.as_deref()),
            }
        }
    }

    fn items(&mut self, items: &[Node], indent: usize, is_on_line: bool) {
        for (number, item) in items.iter().enumerate() {
            if number > 0 || !is_on_line {
                self.gap(indent);
                self.out += &" ".repeat(indent);
            }
            self.out.push('-');
            self.value(item, indent, Place::Item);
        }
    }

    fn merge(&mut self, anchors: &[usize], inline: Option<&[Entry]>) {
        self.out += "<<: ";
        let is_list = anchors.len() > 1 || (inline.is_some() && !anchors.is_empty());
        let names: Vec<String> = anchors.iter().map(|anchor| format!("*{}", name(*anchor))).collect();
        if is_list {
            self.out.push('[');
        }
        self.out += &names.join(", ");
        if let Some(entries) = inline {
            if !anchors.is_empty() {
                self.out += ", ";
            }
            self.flow_entries(entries, 0, false);
        }
        if is_list {
            self.out.push(']');
        }
        self.line_end();
    }

    /// A value behind a colon or a dash, up to the end of its last line. `indent` is that of its key or dash.
    fn value(&mut self, node: &Node, indent: usize, place: Place) {
        let anchor = node.anchor.map(|anchor| format!("&{}", name(anchor)));
        match &node.kind {
            Kind::Leaf(value) => self.leaf(*value, anchor.as_deref(), indent, place),
            Kind::Alias(anchor) => {
                self.out += &format!(" *{}", name(*anchor));
                self.line_end();
            }
            Kind::Mapping(entries) if !entries.is_empty() && !self.is_flow(node) => {
                let step = if self.whim(10) { 1 + self.random.below(7) } else { self.step };
                if place == Place::Item && anchor.is_none() && self.random.percent(85) {
                    let blanks = if self.whim(15) { 1 + self.random.below(3) } else { 1 };
                    self.out += &" ".repeat(blanks);
                    self.entries(entries, indent + 1 + blanks, true);
                } else {
                    self.header(anchor.as_deref(), place);
                    self.entries(entries, indent + step, false);
                }
            }
            Kind::List(items) if !items.is_empty() && !self.is_flow(node) => {
                let step = if place == Place::Value && self.has_indentless_lists { 0 } else { self.step };
                if place == Place::Item && anchor.is_none() && self.random.percent(70) {
                    self.out.push(' ');
                    self.items(items, indent + 2, true);
                } else {
                    self.header(anchor.as_deref(), place);
                    self.items(items, indent + step, false);
                }
            }
            Kind::Mapping(_) | Kind::List(_) => {
                self.out.push(' ');
                let has_lines = self.random.percent(30);
                self.flow(node, indent, place, has_lines);
                self.line_end();
            }
        }
    }

    /// The rest of a key's line when its value stands below.
    fn header(&mut self, anchor: Option<&str>, place: Place) {
        if let Some(anchor) = anchor {
            self.out.push(' ');
            self.out += anchor;
        }
        if place == Place::Value { self.line_end() } else { self.line("") }
    }

    fn leaf(&mut self, value: usize, anchor: Option<&str>, indent: usize, place: Place) {
        let start = self.out.len();
        let value_of = &self.tree.values[value];
        let spelled = spell::block(self.random, value_of, anchor, indent, place, self.is_plain);
        let comment = self.random.percent(if self.is_plain { 3 } else { 15 }).then(|| self.new_comment());
        // No tab may stand directly behind a dash.
        let blanks: &[&str] = if spelled.is_blank { &[" ", "   "] } else { &[" ", "  ", "     ", "\t", " \t "] };
        let blanks = self.random.pick(blanks);
        let commented = if spelled.is_block { 0 } else { spelled.lines.len() - 1 };
        for (number, line) in spelled.lines.iter().enumerate() {
            if number > 0 {
                self.out += self.eol;
            }
            self.out += line;
            if number == commented {
                match &comment {
                    Some(comment) => self.out += &format!("{blanks}# {comment}"),
                    None if self.whim(4) && !spelled.is_blank => self.out += "  ",
                    None => {}
                }
            }
        }
        self.spots[value] = Spot { range: start..self.out.len(), comment, is_blank: spelled.is_blank, is_cut: false };
        self.out += self.eol;
        self.last = match (spelled.is_block, spelled.keeps) {
            (false, _) => Last::Line,
            (true, false) => Last::Block,
            (true, true) => Last::Keeping,
        };
    }

    /// Comments and blank lines.
    fn gap(&mut self, indent: usize) {
        if self.is_plain {
            return;
        }
        if self.random.percent(1) {
            self.commented_out(indent);
        }
        while self.random.percent(12) {
            match self.random.below(3) {
                0 if self.last == Last::Keeping => {}
                0 => self.out += self.eol,
                1 if self.last == Last::Line => {
                    let blanks = self.random.below(indent + 6);
                    self.comment_line(blanks);
                }
                _ => {
                    let blanks = self.random.below(indent + 1);
                    self.comment_line(blanks);
                }
            }
        }
    }

    fn comment_line(&mut self, indent: usize) {
        let comment = self.new_comment();
        self.out += &format!("{}# {comment}{}", " ".repeat(indent), self.eol);
        self.last = Last::Line;
    }

    /// A payload that was in use once.
    fn commented_out(&mut self, indent: usize) {
        let payload = &self.payloads[self.random.below(self.payloads.len())];
        self.commented_out += 1;
        let mark = format!("{}{}", " ".repeat(self.random.below(indent + 1)), self.random.pick(&["# ", "#", "##  "]));
        self.out += &format!("{mark}old: !vault |{}", self.eol);
        for line in payload.lines() {
            self.out += &format!("{mark}  {line}{}", self.eol);
        }
        self.last = Last::Line;
    }

    fn new_comment(&mut self) -> String {
        let number = self.comments.len();
        let text = self.random.pick(&["why", "TODO: {rotate} [soon]", "key: value", "é \"quoted'", "- item", "\ttab"]);
        let comment = format!("c{number} {text}");
        self.comments.push(comment.clone());
        comment
    }

    fn line(&mut self, text: &str) {
        self.out += text;
        self.out += self.eol;
        self.last = Last::Line;
    }

    /// The end of a line that has no value of its own.
    fn line_end(&mut self) {
        if self.whim(10) {
            let comment = self.new_comment();
            let blanks = self.random.pick(&[" ", "   ", "\t"]);
            self.out += &format!("{blanks}# {comment}");
        } else if self.whim(5) {
            self.out += self.random.pick(&["  ", "\t"]);
        }
        self.out += self.eol;
        self.last = Last::Line;
    }

    fn key(&mut self, key: &str) {
        let spelled = spell::key(self.random, key, self.is_json, false);
        self.out += &spelled;
        if self.whim(4) {
            self.out.push(' ');
        }
    }

    fn whim(&mut self, percent: usize) -> bool {
        !self.is_plain && self.random.percent(percent)
    }

    fn is_flow(&mut self, node: &Node) -> bool {
        self.random.percent(12) && !is_deep(node, 6)
    }

    /// A flow collection, on one line or on several.
    fn flow(&mut self, node: &Node, indent: usize, place: Place, has_lines: bool) {
        if let Some(anchor) = node.anchor {
            self.out += &format!("&{} ", name(anchor));
        }
        match &node.kind {
            Kind::Leaf(value) => {
                self.flow_leaf(*value, place);
                self.spots[*value].is_blank &= node.anchor.is_none();
            }
            Kind::Alias(anchor) => self.out += &format!("*{} ", name(*anchor)),
            Kind::Mapping(entries) => self.flow_entries(entries, indent, has_lines),
            Kind::List(items) => {
                self.out.push('[');
                for (number, item) in items.iter().enumerate() {
                    self.flow_gap(number, indent, has_lines);
                    self.flow(item, indent + 2, Place::Item, has_lines);
                }
                self.flow_close(items.len(), indent, has_lines);
                self.out.push(']');
            }
        }
    }

    fn flow_entries(&mut self, entries: &[Entry], indent: usize, has_lines: bool) {
        self.out.push('{');
        for (number, entry) in entries.iter().enumerate() {
            self.flow_gap(number, indent, has_lines);
            match entry {
                Entry::Own(key, value) => {
                    let key = spell::key(self.random, key, self.is_json, true);
                    self.out += &key;
                    self.out += if self.is_json && self.random.percent(10) { ":" } else { ": " };
                    self.flow(value, indent + 2, Place::Value, has_lines);
                }
                Entry::Merge(anchors, inline) => {
                    let names: Vec<String> = anchors.iter().map(|anchor| format!("*{} ", name(*anchor))).collect();
                    self.out += &format!("<<: [{}", names.join(", "));
                    if let Some(entries) = inline {
                        self.out += ", ";
                        self.flow_entries(entries, indent, false);
                    }
                    self.out.push(']');
                }
            }
        }
        self.flow_close(entries.len(), indent, has_lines);
        self.out.push('}');
    }

    fn flow_gap(&mut self, number: usize, indent: usize, has_lines: bool) {
        if number > 0 {
            self.out.push(',');
        }
        if has_lines {
            self.flow_line(indent + 2);
        } else if number > 0 || self.whim(10) {
            self.out.push(' ');
        }
    }

    fn flow_close(&mut self, len: usize, indent: usize, has_lines: bool) {
        if has_lines && len > 0 {
            if !self.is_json && self.whim(30) {
                self.out.push(',');
            }
            // libyaml does not mind where the closing bracket is.
            let indent = if !self.is_json && self.whim(20) { 0 } else { indent };
            self.flow_line(indent);
        } else if self.whim(10) {
            self.out.push(' ');
        }
    }

    fn flow_line(&mut self, indent: usize) {
        if !self.is_json && self.whim(8) {
            let comment = self.new_comment();
            self.out += &format!("  # {comment}");
        }
        self.out += self.eol;
        self.out += &" ".repeat(indent);
    }

    fn flow_leaf(&mut self, value: usize, place: Place) {
        let start = self.out.len();
        let value_of = &self.tree.values[value];
        self.out += &spell::flow(self.random, value_of, place, self.is_json);
        let is_blank = self.out.len() == start;
        self.spots[value] = Spot { range: start..self.out.len(), comment: None, is_blank, is_cut: false };
    }

    fn json(&mut self) {
        let has_lines = self.random.percent(80);
        let root = &self.tree.root;
        self.flow(root, 0, Place::Item, has_lines);
        self.out += self.eol;
    }
}

/// The name of an anchor.
fn name(anchor: usize) -> String {
    format!("{}{anchor}", ["tok", "defaults-", "a_"][anchor % 3])
}

fn is_deep(node: &Node, limit: usize) -> bool {
    if limit == 0 {
        return true;
    }
    match &node.kind {
        Kind::List(items) => items.iter().any(|item| is_deep(item, limit - 1)),
        Kind::Mapping(entries) => entries.iter().any(|entry| match entry {
            Entry::Own(_, value) => is_deep(value, limit - 1),
            Entry::Merge(..) => false,
        }),
        Kind::Leaf(_) | Kind::Alias(_) => false,
    }
}

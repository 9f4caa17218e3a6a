//! Where the parts of a value are in the text, to the byte; the parser's marks take blanks and comments along.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use super::document::{Document, Kind, Place};

/// Tag and anchor before a value.
pub(super) struct Properties<'text> {
    pub(super) anchor: Option<&'text str>,
    /// Where the value itself begins.
    pub(super) end: usize,
    /// Behind the last property.
    pub(super) tight_end: usize,
    pub(super) ends_in_tag: bool,
}

/// A scalar in the text.
pub(super) struct Scalar<'text> {
    pub(super) anchor: Option<&'text str>,
    /// From its first property, or the value itself: the header (`|`) only, for a block.
    pub(super) head: Range<usize>,
    /// The lines of a block, without the line break before and after; none when it has none but blank ones.
    pub(super) block: Option<Block<'text>>,
}

pub(super) struct Block<'text> {
    /// From the line behind the header on.
    pub(super) content: Range<usize>,
    pub(super) indent: &'text str,
    /// Behind the blank lines that belong to it, without the last line break.
    pub(super) end: usize,
}

impl Scalar<'_> {
    pub(super) fn end(&self) -> usize {
        self.block.as_ref().map_or(self.head.end, |block| block.end)
    }
}

/// The properties that begin at `start`.
pub(super) fn properties(text: &str, start: usize) -> Properties<'_> {
    let mut properties = Properties { anchor: None, end: start, tight_end: start, ends_in_tag: false };
    while text[properties.end..].starts_with(['&', '!']) {
        let rest = &text[properties.end..];
        let end = match rest.starts_with("!<") {
            true => rest.find('>').map(|at| at + 1),
            false => rest.find([' ', '\t', '\r', '\n', ',', ']', '}']),
        };
        let len = end.unwrap_or(rest.len());
        properties.ends_in_tag = rest.starts_with('!');
        if !properties.ends_in_tag {
            properties.anchor = Some(&rest[..len]);
        }
        properties.tight_end = properties.end + len;
        properties.end = skip_trivia(text, properties.tight_end);
    }
    properties
}

/// Behind blanks on one line.
pub(super) fn skip_blanks(text: &str, at: usize) -> usize {
    at + text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len()
}

/// Behind blanks, line breaks and comments.
pub(super) fn skip_trivia(text: &str, at: usize) -> usize {
    let mut at = at;
    loop {
        at += text[at..].len() - text[at..].trim_start_matches([' ', '\t', '\r', '\n']).len();
        if !text[at..].starts_with('#') {
            return at;
        }
        at = line_end(text, at);
    }
}

/// The end of the line that `at` is on, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    at + text[at..].find(['\r', '\n']).unwrap_or(text.len() - at)
}

/// Where the line begins that `at` is on.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |line_break| line_break + 1)
}

/// The length of the line break at `at`, 0 at the end of the text.
pub(super) fn line_break_len(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    if rest.starts_with("\r\n") { 2 } else { rest.len().min(1) }
}

/// The line break that lines around `at` end with.
pub(super) fn line_break(text: &str, at: usize) -> &'static str {
    let line_break = text[at..].find('\n').map(|found| at + found).or_else(|| text[..at].rfind('\n'));
    if line_break.is_some_and(|line_break| text[..line_break].ends_with('\r')) { "\r\n" } else { "\n" }
}

impl<'text> Document<'text> {
    /// Where a scalar is; `None` where it has no character of its own, or is not understood.
    pub(super) fn locate(&self, node: usize) -> Option<Scalar<'text>> {
        let Kind::Scalar { value, style } = &self.nodes[node].kind else { return None };
        let text = self.text;
        let node = &self.nodes[node];
        let (start, anchor, value_start) = if node.has_properties {
            let properties = properties(text, node.start);
            let value_start =
                if value.is_empty() && *style == ScalarStyle::Plain { properties.tight_end } else { properties.end };
            (node.start, properties.anchor, value_start)
        } else if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // The parser marks the content; the header is the first thing behind the colon or dash.
            let start = match node.place {
                Place::Value { key, .. } => skip_trivia(text, self.behind_colon(key)?),
                Place::Item { .. } => item_header(text, node.start),
                Place::Root | Place::Key => return None,
            };
            (start, None, start)
        } else if value.is_empty() && *style == ScalarStyle::Plain {
            return None;
        } else {
            (node.start, None, node.start)
        };
        let first = *text.as_bytes().get(value_start).unwrap_or(&b' ');
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let end = match style {
            ScalarStyle::Plain if value.is_empty() => value_start,
            ScalarStyle::Plain => value_start + plain_len(text.get(value_start..node.end)?),
            ScalarStyle::SingleQuoted if first == b'\'' => single_quoted_end(text, value_start)?,
            ScalarStyle::DoubleQuoted if first == b'"' => double_quoted_end(text, value_start)?,
            _ if block && matches!(first, b'|' | b'>') => {
                let header = &text[value_start..];
                value_start + header.find([' ', '\t', '\r', '\n']).unwrap_or(header.len())
            }
            _ => return None,
        };
        // Content may begin with blanks of its own, behind those of the indentation.
        let first_line = value.trim_start_matches('\n');
        let blanks = first_line.len() - first_line.trim_start_matches(' ').len();
        // One without a line ends with its header: what stands below it is a comment, or the next key.
        let has_lines = block && !first_line.is_empty();
        let block = if has_lines { Some(block_behind(text, value_start..end, blanks)?) } else { None };
        Some(Scalar { anchor, head: start..end, block })
    }

    /// A scalar's bytes, from its first property to its last character.
    pub(super) fn extent(&self, node: usize) -> Option<Range<usize>> {
        let scalar = self.locate(node)?;
        Some(scalar.head.start..scalar.end())
    }

    /// Where a scalar's own text begins, behind its tag and anchor.
    pub(super) fn value_start(&self, node: usize) -> Option<usize> {
        let scalar = self.locate(node)?;
        let has_properties = self.nodes[node].has_properties;
        Some(if has_properties { properties(self.text, scalar.head.start).end } else { scalar.head.start })
    }

    /// Behind the colon that follows a key.
    pub(super) fn behind_colon(&self, key: usize) -> Option<usize> {
        let end = match self.nodes[key].kind {
            Kind::Alias(_) => self.nodes[key].end,
            _ => self.locate(key)?.end(),
        };
        let colon = skip_trivia(self.text, end);
        self.text[colon..].starts_with(':').then_some(colon + 1)
    }

    /// Behind the last character of a value and everything in it.
    pub(super) fn tail(&self, node: usize) -> Option<usize> {
        let mut node = node;
        loop {
            let last = match &self.nodes[node].kind {
                Kind::Mapping { is_flow: true, .. } | Kind::Sequence { is_flow: true, .. } | Kind::Alias(_) => {
                    return Some(self.nodes[node].end);
                }
                Kind::Scalar { .. } => return self.scalar_tail(node),
                Kind::Mapping { entries, .. } => entries.last().map(|(_, value)| *value),
                Kind::Sequence { items, .. } => items.last().copied(),
            };
            node = last?;
        }
    }

    /// Where a flow collection's bracket is.
    pub(super) fn opening(&self, node: usize) -> usize {
        let here = &self.nodes[node];
        if here.has_properties { properties(self.text, here.start).end } else { here.start }
    }

    /// Where a key or an item begins, its `? ` or `- ` included.
    pub(super) fn begin(&self, node: usize) -> Option<usize> {
        let here = &self.nodes[node];
        if let Place::Item { sequence, index } = here.place {
            return self.dash(sequence, index);
        }
        let start = self.locate(node).map_or(here.start, |scalar| scalar.head.start);
        Some(self.text[..start].trim_end_matches([' ', '\t']).strip_suffix('?').map_or(start, str::len))
    }

    /// Where the dash of an item is: behind the item before it that has a text, and then behind that many dashes.
    fn dash(&self, sequence: usize, index: usize) -> Option<usize> {
        let here = &self.nodes[sequence];
        let Kind::Sequence { items, is_flow: false } = &here.kind else { return None };
        let empty = items[..index].iter().rev().take_while(|item| self.nodes[**item].is_empty()).count();
        let mut behind = match ((index - empty).checked_sub(1), here.place) {
            (Some(before), _) => self.tail(items[before])?,
            (None, _) if here.has_properties => properties(self.text, here.start).tight_end,
            (None, Place::Value { key, .. }) => self.behind_colon(key)?,
            (None, Place::Item { sequence, index }) => self.dash(sequence, index)? + 1,
            (None, Place::Root) => here.start,
            (None, Place::Key) => return None,
        };
        for _ in 0..=empty {
            let dash = skip_trivia(self.text, behind);
            behind = dash + 1;
            if !self.text[dash..].starts_with('-') {
                return None;
            }
        }
        Some(behind - 1)
    }

    /// Whether a scalar is a block (`|`, `>`).
    pub(super) fn is_block(&self, node: usize) -> bool {
        matches!(&self.nodes[node].kind, Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. })
    }

    /// How far a block mapping's keys are indented, in characters.
    pub(super) fn indent(&self, mapping: usize) -> Option<usize> {
        let Kind::Mapping { entries, is_flow: false } = &self.nodes[mapping].kind else { return None };
        let start = self.begin(entries.first()?.0)?;
        Some(self.place(start).1 - 1)
    }

    fn scalar_tail(&self, node: usize) -> Option<usize> {
        match (self.locate(node), self.nodes[node].place) {
            (Some(scalar), _) => Some(scalar.end()),
            (None, Place::Value { key, .. }) if self.nodes[node].is_empty() => self.behind_colon(key),
            (None, Place::Item { .. }) if self.nodes[node].is_empty() => Some(self.begin(node)? + 1),
            _ => None,
        }
    }
}

/// Where the header of a block is that is a list item, given its content: behind the dashes, and what may be in front of
/// them, of the line before.
fn item_header(text: &str, content: usize) -> usize {
    let content_line = text[..content].rfind('\n').unwrap_or(0);
    let before = text[..content_line].trim_end_matches([' ', '\r', '\n']);
    let line = &before[line_start(before, before.len())..];
    before.len() - line.trim_start_matches([' ', '-', '?', ':']).len()
}

/// The length of a plain scalar in a text that may go on with blanks and a comment.
fn plain_len(text: &str) -> usize {
    let comment = [" #", "\t#"].iter().filter_map(|mark| text.find(mark)).min();
    text[..comment.unwrap_or(text.len())].trim_end().len()
}

fn single_quoted_end(text: &str, start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += text[at..].find('\'')? + 1;
        if !text[at..].starts_with('\'') {
            return Some(at);
        }
        at += 1;
    }
}

fn double_quoted_end(text: &str, start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += text[at..].find(['"', '\\'])?;
        if text[at..].starts_with('"') {
            return Some(at + 1);
        }
        at += 1 + text[at + 1..].chars().next()?.len_utf8();
    }
}

/// The block whose header is at `header`, and whose first line begins with that many blanks of its own; `None` when it has
/// no line.
fn block_behind(text: &str, header: Range<usize>, blanks: usize) -> Option<Block<'_>> {
    let start = line_start_behind(text, header.end)?;
    let keeps_blank_lines = text[header].contains('+');
    let mut block: Option<Block<'_>> = None;
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        let indent = &content[..content.len() - content.trim_start_matches(' ').len()];
        let end = at + content.len();
        let is_blank = content.trim_start_matches(' ').is_empty();
        match &mut block {
            None if is_blank => {}
            None => {
                let indent = indent.get(..indent.len().checked_sub(blanks)?)?;
                block = Some(Block { content: start..end, indent, end });
            }
            // Blanks beyond the indentation are content too.
            Some(block) if content.len() > block.indent.len() && content.starts_with(block.indent) => {
                block.content.end = end;
                block.end = end;
            }
            Some(block) if is_blank && keeps_blank_lines => block.end = end,
            Some(_) if is_blank => {}
            Some(_) => break,
        }
        at += line.len();
    }
    block
}

/// The indentation, at least `indent`, of a block that is to end at `at`: deep enough that the blank lines and the
/// comment behind it do not become a part of it.
pub(super) fn clear_indent(text: &str, at: usize, indent: usize) -> usize {
    let mut indent = indent;
    for line in text[at..].lines().skip(1) {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        if line[blanks..].starts_with('#') {
            return indent.max(blanks + 1);
        }
        if blanks < line.len() {
            break;
        }
        indent = indent.max(blanks);
    }
    indent
}

/// The start of the next line.
fn line_start_behind(text: &str, at: usize) -> Option<usize> {
    text[at..].find('\n').map(|line_break| at + line_break + 1)
}

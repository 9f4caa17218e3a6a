//! Inventories made up from a seed, with what each of their values must read as. The end-to-end tests use them too.

use std::ops::Range;

use super::{
    meaning::Meaning,
    write::{Spot, Written},
};

/// A step of a key path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Key(String),
    Item(usize),
}

/// What a value is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// As it is written: `~`, `null`, or nothing.
    Null,
    /// A number, a truth value or a date, as it is written.
    Word(String),
    Text(String),
    /// Under `!unsafe`.
    Unsafe(String),
    /// A payload that ends in a line break.
    Vault(String),
}

impl Value {
    /// As the last line of a file, a block has no line break to end with.
    fn without_line_break(self) -> Value {
        match self {
            Value::Text(text) => Value::Text(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)),
            other => other,
        }
    }
}

/// One value of a file.
pub(crate) struct Leaf {
    pub(crate) value: Value,
    pub(crate) path: Vec<Step>,
    /// Other paths at which it shows, by aliases and merge keys.
    pub(crate) also: Vec<Vec<Step>>,
    /// The bytes that may change when another value is set: from behind the colon or the dash to the end of its last line;
    /// in flow collections, the value.
    pub(crate) range: Range<usize>,
    /// The comment on its line.
    pub(crate) comment: Option<String>,
    /// Whether the file ends before the line break that belongs to it.
    pub(crate) is_cut: bool,
    /// Whether there is nothing to see of it, so that keys can be put below.
    pub(crate) is_blank: bool,
}

/// A file and what is in it.
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaves: Vec<Leaf>,
    /// Mappings that keys can be added to.
    pub(crate) mappings: Vec<Vec<Step>>,
    /// Paths that lead through an alias or a merge key.
    pub(crate) borrowed: Vec<Vec<Step>>,
    /// Paths whose last key is there twice.
    pub(crate) twice: Vec<Vec<Step>>,
    /// Every comment, each different.
    pub(crate) comments: Vec<String>,
    /// How many payloads stand in comments.
    pub(crate) commented_out: usize,
}

/// The file of a seed, with some of these payloads in it.
pub(crate) fn file(seed: u64, payloads: &[String]) -> File {
    let mut random = Random::new(seed);
    let is_json = random.percent(8);
    let tree = Tree::new(&mut random, payloads, is_json);
    let meaning = super::meaning::of(&tree);
    let written = super::write::write(&mut random, &tree, payloads, is_json);
    let mut leaves = Vec::new();
    for ((value, (path, also)), spot) in tree.values.into_iter().zip(meaning.places).zip(written.spots) {
        let value = if spot.is_cut { value.without_line_break() } else { value };
        let Spot { range, comment, is_blank, is_cut } = spot;
        leaves.push(Leaf { value, path, also, range, comment, is_cut, is_blank });
    }
    let Meaning { mappings, borrowed, twice, .. } = meaning;
    let Written { bytes, comments, commented_out, .. } = written;
    File { bytes, leaves, mappings, borrowed, twice, comments, commented_out }
}

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// True that often in a hundred times.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// The file before it is written down.
pub(super) struct Tree {
    pub(super) root: Node,
    pub(super) values: Vec<Value>,
    /// The values that have anchors; aliases go by their names.
    pub(super) anchors: usize,
}

pub(super) struct Node {
    pub(super) anchor: Option<usize>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Leaf(usize),
    Mapping(Vec<Entry>),
    List(Vec<Node>),
    Alias(usize),
}

pub(super) enum Entry {
    Own(String, Node),
    /// `<<`: the anchors of mappings, and then maybe a mapping of its own.
    Merge(Vec<usize>, Option<Vec<Entry>>),
}

const KEYS: [&str; 34] = [
    "ghcr_pat",
    "ghcr_user",
    "ghcr_token",
    "vault_ghcr_pat",
    "registry",
    "ansible_host",
    "ansible_user",
    "port",
    "tags",
    "enabled",
    "path",
    "iaas_console",
    "observability",
    "env",
    "labels",
    "note",
    "my.dotted.key",
    "a key",
    "café_pat",
    "it's.quoted: yes",
    "クラスタ",
    "8080",
    "yes",
    "a#b",
    "with/slash",
    "x-y",
    "-dash",
    "é\"q\"",
    "{{ jinja }}",
    "back\\slash",
    "[bracket]",
    "null",
    "3.14",
    "a_rather_long_key_of_the_kind_that_generated_inventories_tend_to_be_full_of",
];

const TEXTS: [&str; 24] = [
    "octocat",
    "me",
    "ghcr.io",
    "plain text",
    "it's",
    "a # b",
    "a: b",
    "{{ vault_ghcr_pat }}",
    "{{ x }}: {{ 'y' }}",
    "yes",
    "1.0",
    "",
    "~",
    "null",
    "@at",
    "ünï ☃",
    "back\\slash",
    "say \"hi\"",
    "192.0.2.10",
    "/opt/app/config.yml",
    "*star",
    "&and",
    "- dash",
    "100% of [x], {y}",
];

const LINES: [&str; 6] = [
    "one\ntwo\n",
    "one\n\ntwo\n",
    "#!/bin/sh\nset -e\n\nrun --flag 'x'  # no comment\n",
    "key: value\nother: [1, 2]\n",
    "  indented\nless\n",
    "ends without",
];

const WORDS: [&str; 12] =
    ["1", "22", "-3", "0o17", "0x1f", "3.14", "1e3", "true", "no", "off", "2026-01-31", "12:30:45"];

impl Tree {
    /// `payloads` are those that may stand in the file.
    pub(super) fn new(random: &mut Random, payloads: &[String], is_json: bool) -> Tree {
        let mut maker = Maker { random, payloads, is_json, values: Vec::new(), anchors: Vec::new() };
        let root = maker.layout();
        let anchors = maker.anchors.len();
        Tree { root, values: maker.values, anchors }
    }
}

/// What an anchor stands for.
#[derive(Clone, Copy, PartialEq)]
enum Anchored {
    Mapping,
    Other,
}

struct Maker<'a> {
    random: &'a mut Random,
    payloads: &'a [String],
    is_json: bool,
    values: Vec<Value>,
    anchors: Vec<Anchored>,
}

impl Maker<'_> {
    /// One of the shapes that such files have in the world.
    fn layout(&mut self) -> Node {
        match self.random.below(8) {
            0..=3 => self.inventory(),
            4..=5 => {
                let mapping = self.mapping(0, 8);
                Node { anchor: None, kind: mapping }
            }
            6 => self.playbook(),
            _ => self.registries(),
        }
    }

    fn inventory(&mut self) -> Node {
        let mut all = Vec::new();
        for part in ["vars", "hosts", "children"] {
            if part != "vars" && self.random.percent(30) {
                continue;
            }
            let value = match part {
                "vars" => self.vars(),
                _ => self.named(part, 1),
            };
            let at = self.random.below(all.len() + 1);
            all.insert(if self.anchors.is_empty() { at } else { all.len() }, Entry::Own(part.to_owned(), value));
        }
        node(Kind::Mapping(vec![Entry::Own("all".to_owned(), node(Kind::Mapping(all)))]))
    }

    /// Variables with the dictionary that operators keep their token in.
    fn vars(&mut self) -> Node {
        let Kind::Mapping(mut entries) = self.mapping(2, 5) else { return node(Kind::List(Vec::new())) };
        if !has_key(&entries, "iaas_console") {
            let (user, pat) = (self.text("octocat"), self.vault());
            let console = vec![Entry::Own("ghcr_user".to_owned(), user), Entry::Own("ghcr_pat".to_owned(), pat)];
            entries.push(Entry::Own("iaas_console".to_owned(), node(Kind::Mapping(console))));
        }
        node(Kind::Mapping(entries))
    }

    /// Hosts or groups.
    fn named(&mut self, part: &str, depth: usize) -> Node {
        let mut entries = Vec::new();
        for number in 0..1 + self.random.below(3) {
            let name = format!("{}{number}{}", &part[..1], self.random.pick(&["", ".example.net", "-x", "[01:03].eu"]));
            let kind = match self.random.below(5) {
                0 => self.leaf(Value::Null),
                1 => Kind::Mapping(Vec::new()),
                _ if part == "children" && depth < 3 => {
                    let inner = self.random.pick(&["hosts", "children", "vars"]);
                    let value = if inner == "vars" { self.vars() } else { self.named(inner, depth + 1) };
                    Kind::Mapping(vec![Entry::Own(inner.to_owned(), value)])
                }
                _ => self.mapping(3, 4),
            };
            entries.push(Entry::Own(name, node(kind)));
        }
        node(Kind::Mapping(entries))
    }

    fn playbook(&mut self) -> Node {
        let mut plays = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let (hosts, vars) = (self.text("all"), self.vars());
            let mut tasks = Vec::new();
            for _ in 0..1 + self.random.below(3) {
                let (name, login) = (self.text("log in: ghcr.io"), self.mapping(3, 4));
                tasks.push(node(Kind::Mapping(vec![
                    Entry::Own("name".to_owned(), name),
                    Entry::Own("community.docker.docker_login".to_owned(), node(login)),
                ])));
            }
            plays.push(node(Kind::Mapping(vec![
                Entry::Own("hosts".to_owned(), hosts),
                Entry::Own("vars".to_owned(), vars),
                Entry::Own("tasks".to_owned(), node(Kind::List(tasks))),
            ])));
        }
        node(Kind::List(plays))
    }

    fn registries(&mut self) -> Node {
        let mut items = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let (registry, password) = (self.text("ghcr.io"), self.vault());
            items.push(node(Kind::Mapping(vec![
                Entry::Own("registry".to_owned(), registry),
                Entry::Own("password".to_owned(), password),
            ])));
        }
        let more = self.mapping(1, 3);
        node(Kind::Mapping(vec![
            Entry::Own("docker_login_registries".to_owned(), node(Kind::List(items))),
            Entry::Own("more".to_owned(), node(more)),
        ]))
    }

    fn mapping(&mut self, depth: usize, most: usize) -> Kind {
        let mut entries: Vec<Entry> = Vec::new();
        let merged = self.anchors.contains(&Anchored::Mapping) && self.random.percent(25);
        let merge_at = self.random.below(3);
        for number in 0..self.random.below(most) + usize::from(depth < 3) {
            if merged && number == merge_at {
                entries.push(self.merge());
            }
            let key = self.random.pick(&KEYS).to_owned();
            if !has_key(&entries, &key) {
                let value = self.value(depth + 1);
                entries.push(Entry::Own(key, value));
            }
        }
        if self.random.percent(2) {
            self.repeat(&mut entries);
        }
        Kind::Mapping(entries)
    }

    /// The same key once more.
    fn repeat(&mut self, entries: &mut Vec<Entry>) {
        let key = entries.iter().find_map(|entry| match entry {
            Entry::Own(key, Node { anchor: None, kind: Kind::Leaf(_) }) => Some(key.clone()),
            _ => None,
        });
        if let Some(key) = key {
            let value = self.leaf(Value::Text("the last one".to_owned()));
            entries.push(Entry::Own(key, node(value)));
        }
    }

    fn merge(&mut self) -> Entry {
        let mappings: Vec<usize> =
            (0..self.anchors.len()).filter(|at| self.anchors[*at] == Anchored::Mapping).collect();
        let mut of: Vec<usize> = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let anchor = mappings[self.random.below(mappings.len())];
            if !of.contains(&anchor) {
                of.push(anchor);
            }
        }
        let own = self.random.percent(20).then(|| {
            let value = self.text("merged");
            vec![Entry::Own("extra".to_owned(), value)]
        });
        Entry::Merge(of, own)
    }

    fn value(&mut self, depth: usize) -> Node {
        let deep = depth > 6;
        let kind = match self.random.below(20) {
            0..=2 if !deep => self.mapping(depth, 5),
            3 if !deep => self.list(depth),
            4 if depth < 3 => self.chain(),
            5 if !self.is_json && !self.anchors.is_empty() => Kind::Alias(self.random.below(self.anchors.len())),
            6..=8 => return self.vault(),
            9 => self.leaf(Value::Null),
            10..=11 => {
                let word = if self.is_json {
                    self.random.pick(&["1", "-3", "3.14", "true", "false"])
                } else {
                    self.random.pick(&WORDS)
                };
                self.leaf(Value::Word(word.to_owned()))
            }
            12 => {
                let lines = self.random.pick(&LINES).to_owned();
                self.leaf(Value::Text(lines))
            }
            13 if self.random.percent(10) => {
                // A payload whose tag was forgotten.
                let payload = self.payloads[0].clone();
                self.leaf(Value::Text(payload))
            }
            13 if !self.is_json => {
                let text = self.random.pick(&TEXTS).to_owned();
                self.leaf(Value::Unsafe(text))
            }
            _ => {
                let text = self.random.pick(&TEXTS).to_owned();
                return self.text(&text);
            }
        };
        self.maybe_anchored(kind)
    }

    fn list(&mut self, depth: usize) -> Kind {
        Kind::List((0..self.random.below(4)).map(|_| self.value(depth + 1)).collect())
    }

    /// A long way down.
    fn chain(&mut self) -> Kind {
        let mut inner = self.vault();
        for _ in 0..5 + self.random.below(25) {
            inner = match self.random.below(4) {
                0 => node(Kind::List(vec![inner])),
                _ => node(Kind::Mapping(vec![Entry::Own("down".to_owned(), inner)])),
            };
        }
        inner.kind
    }

    fn vault(&mut self) -> Node {
        let payload = self.payloads[self.random.below(self.payloads.len())].clone();
        let kind = self.leaf(Value::Vault(payload));
        self.maybe_anchored(kind)
    }

    fn text(&mut self, text: &str) -> Node {
        let kind = self.leaf(Value::Text(text.to_owned()));
        self.maybe_anchored(kind)
    }

    fn leaf(&mut self, value: Value) -> Kind {
        self.values.push(value);
        Kind::Leaf(self.values.len() - 1)
    }

    fn maybe_anchored(&mut self, kind: Kind) -> Node {
        let is_anchored = !self.is_json && self.anchors.len() < 6 && self.random.percent(6);
        let anchored = match kind {
            Kind::Alias(_) => return node(kind),
            Kind::Mapping(_) => Anchored::Mapping,
            _ => Anchored::Other,
        };
        let anchor = is_anchored.then(|| {
            self.anchors.push(anchored);
            self.anchors.len() - 1
        });
        Node { anchor, kind }
    }
}

fn node(kind: Kind) -> Node {
    Node { anchor: None, kind }
}

fn has_key(entries: &[Entry], name: &str) -> bool {
    entries.iter().any(|entry| matches!(entry, Entry::Own(key, _) if key == name))
}

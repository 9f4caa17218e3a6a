//! What a tree means to Ansible: which values show at which paths.

use std::collections::BTreeSet;

use super::generate::{Entry, Kind, Node, Step, Tree};

/// Where values show.
pub(super) struct Meaning {
    /// For each value: the path at which it is written, and others.
    pub(super) places: Vec<(Vec<Step>, Vec<Vec<Step>>)>,
    pub(super) mappings: Vec<Vec<Step>>,
    pub(super) borrowed: Vec<Vec<Step>>,
    pub(super) twice: Vec<Vec<Step>>,
}

pub(super) fn of(tree: &Tree) -> Meaning {
    let mut anchors = vec![None; tree.anchors];
    find_anchors(&tree.root, &mut anchors);
    let places = tree.values.iter().map(|_| (Vec::new(), Vec::new())).collect();
    let meaning = Meaning { places, mappings: Vec::new(), borrowed: Vec::new(), twice: Vec::new() };
    let mut walk = Walk { anchors, meaning, path: Vec::new() };
    walk.visit(&tree.root, false);
    walk.meaning
}

fn find_anchors<'a>(node: &'a Node, anchors: &mut Vec<Option<&'a Node>>) {
    if let Some(anchor) = node.anchor {
        anchors[anchor] = Some(node);
    }
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| find_anchors(item, anchors)),
        Kind::Mapping(entries) => {
            for entry in entries {
                match entry {
                    Entry::Own(_, value) => find_anchors(value, anchors),
                    Entry::Merge(..) => {}
                }
            }
        }
        Kind::Leaf(_) | Kind::Alias(_) => {}
    }
}

struct Walk<'a> {
    anchors: Vec<Option<&'a Node>>,
    meaning: Meaning,
    path: Vec<Step>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, node: &'a Node, is_elsewhere: bool) {
        if is_elsewhere {
            self.meaning.borrowed.push(self.path.clone());
        }
        match &node.kind {
            Kind::Alias(anchor) => {
                if let Some(target) = self.anchors[*anchor] {
                    self.visit(target, true);
                }
            }
            Kind::Leaf(value) => {
                let places = &mut self.meaning.places[*value];
                if is_elsewhere { places.1.push(self.path.clone()) } else { places.0 = self.path.clone() }
            }
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.step(Step::Item(index), item, is_elsewhere);
                }
            }
            Kind::Mapping(entries) => {
                if !is_elsewhere {
                    self.meaning.mappings.push(self.path.clone());
                }
                self.entries(entries, &mut BTreeSet::new(), is_elsewhere);
            }
        }
    }

    /// A mapping's own keys first, then those of its merge keys that it has not, from the first of these on.
    fn entries(&mut self, entries: &'a [Entry], taken: &mut BTreeSet<&'a str>, is_elsewhere: bool) {
        let mut own = BTreeSet::new();
        for entry in entries {
            if let Entry::Own(key, value) = entry {
                if !own.insert(key.as_str()) {
                    let path = self.path.iter().cloned().chain([Step::Key(key.clone())]);
                    self.meaning.twice.push(path.collect());
                }
                if !taken.contains(key.as_str()) {
                    self.step(Step::Key(key.clone()), value, is_elsewhere);
                }
            }
        }
        taken.extend(own);
        for entry in entries {
            let Entry::Merge(anchors, inline) = entry else { continue };
            for anchor in anchors {
                if let Some(Kind::Mapping(entries)) = self.anchors[*anchor].map(|node| &node.kind) {
                    self.entries(entries, taken, true);
                }
            }
            if let Some(inline) = inline {
                if !is_elsewhere {
                    self.place_inline(anchors.len(), inline);
                }
                self.entries(inline, taken, true);
            }
        }
    }

    /// The values of a mapping that is written down under the merge key itself.
    fn place_inline(&mut self, index: usize, entries: &[Entry]) {
        let item = (index > 0).then_some(Step::Item(index));
        for entry in entries {
            let Entry::Own(key, Node { kind: Kind::Leaf(value), .. }) = entry else { continue };
            let steps = [Some(Step::Key("<<".to_owned())), item.clone(), Some(Step::Key(key.clone()))];
            self.meaning.places[*value].0 = self.path.iter().cloned().chain(steps.into_iter().flatten()).collect();
        }
    }

    fn step(&mut self, step: Step, node: &'a Node, is_elsewhere: bool) {
        self.path.push(step);
        self.visit(node, is_elsewhere);
        self.path.pop();
    }
}

//! Where values show up beside the place where they are written.

use std::collections::{HashMap, HashSet};

use super::{
    document::{Document, Kind},
    key_path::{KeyPath, Step},
};

/// How many nodes are visited by way of aliases: a few lines can stand for billions.
const MAX_VISITS: usize = 100_000;
/// How many paths are given, in all.
const MAX_PLACES: usize = 10_000;
/// How many steps a path may have that is given.
const MAX_STEPS: usize = 64;

/// For each of the nodes `of`: the paths that lead there through an alias or a merge key.
pub(super) fn other_paths(document: &Document<'_>, of: &[usize]) -> HashMap<usize, Vec<KeyPath>> {
    let found = of.iter().map(|node| (*node, Vec::new())).collect();
    let mut walk = Walk { document, visits: 0, places: 0, steps: Vec::new(), found };
    let has_aliases = document.nodes.iter().any(|node| matches!(node.kind, Kind::Alias(_)));
    if let Some(root) = document.root().filter(|_| has_aliases) {
        walk.visit(root, false);
    }
    walk.found
}

struct Walk<'a> {
    document: &'a Document<'a>,
    visits: usize,
    places: usize,
    steps: Vec<Step>,
    found: HashMap<usize, Vec<KeyPath>>,
}

impl Walk<'_> {
    /// `is_elsewhere`: the steps so far are not those at which the node is written.
    fn visit(&mut self, node: usize, is_elsewhere: bool) {
        let target = self.document.follow(node);
        let is_elsewhere = is_elsewhere || target != node;
        self.visits += usize::from(is_elsewhere);
        if self.visits > MAX_VISITS || self.steps.len() > MAX_STEPS {
            return;
        }
        if is_elsewhere {
            self.note(target);
        }
        match &self.document.nodes[target].kind {
            Kind::Mapping { entries, .. } => {
                for (name, value) in keys(self.document, target) {
                    self.step(name, value, is_elsewhere);
                }
                if entries.iter().any(|(key, _)| self.document.is_merge_key(*key)) {
                    self.merged(target);
                }
            }
            Kind::Sequence { items, .. } => {
                for (index, item) in items.iter().enumerate() {
                    self.steps.push(Step::Item(index));
                    self.visit(*item, is_elsewhere);
                    self.steps.pop();
                }
            }
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }

    /// What a mapping has by its merge keys.
    fn merged(&mut self, mapping: usize) {
        let mut taken: HashSet<&str> = keys(self.document, mapping).map(|(name, _)| name).collect();
        for source in self.document.merged_mappings(mapping) {
            self.visits += 1;
            if self.visits > MAX_VISITS {
                return;
            }
            for (name, value) in keys(self.document, source) {
                if taken.insert(name) {
                    self.step(name, value, true);
                }
            }
        }
    }

    fn step(&mut self, name: &str, node: usize, is_elsewhere: bool) {
        self.steps.push(Step::Key(name.to_owned()));
        self.visit(node, is_elsewhere);
        self.steps.pop();
    }

    fn note(&mut self, node: usize) {
        let Some(paths) = self.found.get_mut(&node).filter(|_| self.places < MAX_PLACES) else { return };
        self.places += 1;
        paths.extend(KeyPath::new(self.steps.clone()));
    }
}

/// The keys of a mapping's own, and their values.
fn keys<'a>(document: &'a Document<'_>, mapping: usize) -> impl Iterator<Item = (&'a str, usize)> {
    let entries = match &document.nodes[mapping].kind {
        Kind::Mapping { entries, .. } => entries.as_slice(),
        _ => &[],
    };
    let own = entries.iter().filter(|(key, _)| !document.is_merge_key(*key));
    own.filter_map(|(key, value)| Some((document.scalar(document.follow(*key))?, *value)))
}

//! Where values show up beside the place where they are written.

use std::collections::{HashMap, HashSet};

use super::{
    document::{Document, Kind},
    key_path::{KeyPath, Step},
};

/// How many nodes are visited, aliases counted as often as they are used: a few lines can stand for billions.
const MAX_VISITS: usize = 100_000;
const MAX_DEPTH: usize = 64;

/// For each node that is reached through an alias or a merge key: the paths that lead there so.
pub(super) fn other_paths(document: &Document<'_>) -> HashMap<usize, Vec<KeyPath>> {
    let mut walk = Walk { document, visits: 0, steps: Vec::new(), found: HashMap::new() };
    let has_aliases = document.nodes.iter().any(|node| matches!(node.kind, Kind::Alias(_)));
    if let Some(root) = document.root().filter(|_| has_aliases) {
        walk.visit(root, false);
    }
    walk.found
}

struct Walk<'a> {
    document: &'a Document<'a>,
    visits: usize,
    steps: Vec<Step>,
    found: HashMap<usize, Vec<KeyPath>>,
}

impl Walk<'_> {
    /// `is_elsewhere`: the steps so far are not those at which the node is written.
    fn visit(&mut self, node: usize, is_elsewhere: bool) {
        self.visits += 1;
        if self.visits > MAX_VISITS || self.steps.len() > MAX_DEPTH {
            return;
        }
        let target = self.document.follow(node);
        let is_elsewhere = is_elsewhere || target != node;
        match &self.document.nodes[target].kind {
            Kind::Mapping { entries, .. } => {
                if let (true, Some(path)) = (self.document.json_vault(target).is_some(), self.path(is_elsewhere)) {
                    self.found.entry(target).or_default().push(path);
                    return;
                }
                for (key, value) in entries {
                    match self.document.scalar(self.document.follow(*key)) {
                        Some("<<") | None => {}
                        Some(name) => self.step(Step::Key(name.to_owned()), *value, is_elsewhere),
                    }
                }
                self.merged(target, &mut Vec::new(), &mut names(self.document, target));
            }
            Kind::Sequence { items, .. } => {
                for (index, item) in items.iter().enumerate() {
                    self.step(Step::Item(index), *item, is_elsewhere);
                }
            }
            Kind::Scalar { .. } => {
                if let Some(path) = self.path(is_elsewhere) {
                    self.found.entry(target).or_default().push(path);
                }
            }
            Kind::Alias(_) => {}
        }
    }

    /// What a mapping has by its merge keys; `taken` are the keys that others gave it before.
    fn merged(&mut self, mapping: usize, seen: &mut Vec<usize>, taken: &mut HashSet<String>) {
        for source in self.document.merge_sources(mapping).into_iter().rev() {
            let Kind::Mapping { entries, .. } = &self.document.nodes[source].kind else { continue };
            if seen.contains(&source) {
                continue;
            }
            seen.push(source);
            for (key, value) in entries {
                let Some(name) = self.document.scalar(self.document.follow(*key)).filter(|name| *name != "<<") else {
                    continue;
                };
                if taken.insert(name.to_owned()) {
                    self.step(Step::Key(name.to_owned()), *value, true);
                }
            }
            self.merged(source, seen, taken);
        }
    }

    fn step(&mut self, step: Step, node: usize, is_elsewhere: bool) {
        self.steps.push(step);
        self.visit(node, is_elsewhere);
        self.steps.pop();
    }

    fn path(&self, is_elsewhere: bool) -> Option<KeyPath> {
        is_elsewhere.then(|| KeyPath::new(self.steps.clone())).flatten()
    }
}

/// The keys of a mapping's own.
fn names(document: &Document<'_>, mapping: usize) -> HashSet<String> {
    let Kind::Mapping { entries, .. } = &document.nodes[mapping].kind else { return HashSet::new() };
    entries.iter().filter_map(|(key, _)| document.scalar(document.follow(*key)).map(str::to_owned)).collect()
}

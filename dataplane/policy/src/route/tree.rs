//! The tree of segments. Owns precedence. Invariant: a node is reached by one sequence of literals and parameters, so a
//! search visits no node twice.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use smallvec::SmallVec;

use super::pattern::{Pattern, Segment};

/// The root's place in `nodes`.
const ROOT: usize = 0;

/// Positions of the segments that parameters took.
pub(super) type Values = SmallVec<[usize; 4]>;

/// What a search ended with.
#[derive(Debug)]
pub(super) enum Slot {
    Route(usize, Values),
    OtherMethods,
    NoPath,
}

/// Nodes by index, the root first.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    depth_max: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    literals: Literals,
    parameter: Option<usize>,
    /// Either one entry without a method, or entries with different ones.
    routes: SmallVec<[(Option<Box<str>>, usize); 2]>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            depth_max: 0,
        }
    }
}

impl Tree {
    /// The number of segments of the longest pattern.
    pub(super) fn depth_max(&self) -> usize {
        self.depth_max
    }

    /// Adds a route, or answers with the index of the one that it conflicts with.
    pub(super) fn insert(
        &mut self,
        pattern: &Pattern,
        method: Option<&str>,
        index: usize,
    ) -> Result<(), usize> {
        let mut at = ROOT;
        for segment in &pattern.segments {
            at = self.child(at, segment);
        }
        self.depth_max = self.depth_max.max(pattern.segments.len());
        let Some(node) = self.nodes.get_mut(at) else {
            return Ok(());
        };
        let overlapping = node
            .routes
            .iter()
            .find(|(other, _)| method.is_none() || other.is_none() || other.as_deref() == method);
        if let Some(&(_, with)) = overlapping {
            return Err(with);
        }
        node.routes.push((method.map(Box::from), index));
        Ok(())
    }

    /// The best route of a path and a method.
    pub(super) fn find(&self, segments: &[Cow<'_, str>], method: &[u8]) -> Slot {
        let mut search = Search {
            tree: self,
            segments,
            values: Values::new(),
            path_met: false,
        };
        let found = search.descend(ROOT, 0, &mut |node| node.route(method));
        match found {
            Some(index) => Slot::Route(index, search.values),
            None if search.path_met => Slot::OtherMethods,
            None => Slot::NoPath,
        }
    }

    /// The value of Allow for a path: all methods of all its routes, with HEAD where there is GET.
    pub(super) fn allow(&self, segments: &[Cow<'_, str>]) -> String {
        let mut methods: Vec<&str> = Vec::new();
        let mut search = Search {
            tree: self,
            segments,
            values: Values::new(),
            path_met: false,
        };
        let none = search.descend(ROOT, 0, &mut |node| {
            for method in node
                .routes
                .iter()
                .filter_map(|(method, _)| method.as_deref())
            {
                methods.push(method);
                if method == "GET" {
                    methods.push("HEAD");
                }
            }
            None
        });
        debug_assert!(none.is_none());
        methods.sort_unstable();
        methods.dedup();
        methods.join(", ")
    }

    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else {
            return ROOT;
        };
        let child = match segment {
            Segment::Literal(text) => node.literals.get_or_insert(text, new),
            Segment::Parameter => *node.parameter.get_or_insert(new),
        };
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }
}

impl Node {
    fn route(&self, method: &[u8]) -> Option<usize> {
        let of = |wanted: &[u8]| {
            self.routes.iter().find_map(|(own, index)| match own {
                Some(own) if own.as_bytes() != wanted => None,
                _ => Some(*index),
            })
        };
        of(method).or_else(|| if method == b"HEAD" { of(b"GET") } else { None })
    }
}

/// The literal children of a node. Most nodes have one or two, for which comparing is cheaper than hashing.
#[derive(Clone, Debug, Default)]
struct Literals {
    few: Vec<(Box<str>, usize)>,
    many: HashMap<Box<str>, usize, BuildHasherDefault<Fnv>>,
}

impl Literals {
    /// Above this many all are in the map.
    const FEW_MAX: usize = 4;

    fn get(&self, segment: &str) -> Option<usize> {
        if self.many.is_empty() {
            return self
                .few
                .iter()
                .find(|(text, _)| **text == *segment)
                .map(|&(_, child)| child);
        }
        self.many.get(segment).copied()
    }

    fn get_or_insert(&mut self, text: &str, new: usize) -> usize {
        if let Some(child) = self.get(text) {
            return child;
        }
        if self.many.is_empty() && self.few.len() < Self::FEW_MAX {
            self.few.push((text.into(), new));
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(text.into(), new);
        }
        new
    }
}

struct Search<'s, 't, 'p> {
    tree: &'t Tree,
    segments: &'s [Cow<'p, str>],
    values: Values,
    path_met: bool,
}

impl<'t> Search<'_, 't, '_> {
    /// Depth is bounded by the depth of the tree, which the longest pattern bounds.
    fn descend(
        &mut self,
        at: usize,
        depth: usize,
        accept: &mut impl FnMut(&'t Node) -> Option<usize>,
    ) -> Option<usize> {
        let node = self.tree.nodes.get(at)?;
        let Some(segment) = self.segments.get(depth) else {
            self.path_met |= !node.routes.is_empty();
            return accept(node);
        };
        if let Some(child) = node.literals.get(segment)
            && let Some(index) = self.descend(child, depth + 1, accept)
        {
            return Some(index);
        }
        let child = node.parameter.filter(|_| !segment.is_empty())?;
        self.values.push(depth);
        let found = self.descend(child, depth + 1, accept);
        if found.is_none() {
            self.values.pop();
        }
        found
    }
}

/// FNV-1a. Clients choose what is looked up but never what is in the map, so nobody can pile up collisions.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        // The map takes its top bits, which FNV mixes least.
        self.0 ^ self.0.rotate_left(29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

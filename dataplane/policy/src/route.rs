//! Which route a request takes. Owns patterns, precedence and the decoding of paths for matching; refuses to own what a route
//! means (an index into the caller's list). Invariant: the cost of a look-up depends on the path and not on the number
//! of routes, and what is matched is decoded once, while the bytes that are passed on stay as they came.
//!
//! The rules:
//! - A pattern is `/a/{b}/c`: each segment is a literal or one parameter, which matches one segment that is not empty.
//! - At each segment a literal beats a parameter, from the left; when the more literal way leads nowhere, the search
//!   goes back. A route of another method leads nowhere.
//! - HEAD takes a HEAD route, else the GET route. A route without a method takes all methods.
//! - A slash at the end is significant when both forms are declared; when no route matches the path as it came, the
//!   form with or without the last slash is tried.
//! - Escapes are decoded once. `%00`, `%2F`, `%5C`, `\`, dot segments (also escaped, also with `;parameters`), broken
//!   escapes and what is not UTF-8 are refused: a service and a proxy behind us may read them differently.

mod path;
mod pattern;
mod tree;

use std::borrow::Cow;

use smallvec::SmallVec;

pub use pattern::PatternError;

use path::Segments;
use pattern::Pattern;
use tree::{Slot, Tree};

/// A route as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteSpec<'a> {
    pub pattern: &'a str,
    /// `None` takes every method.
    pub method: Option<&'a str>,
}

/// Why a declared route is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error("the pattern is malformed")]
    Pattern(#[source] PatternError),
    #[error("the method is not a token")]
    Method,
    /// The same pattern but for parameter names, and a method in common.
    #[error("the route conflicts with another one")]
    Conflict { with: usize },
}

/// A refused route: its index in the list, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub index: usize,
    pub error: RouteError,
}

/// The parameters of a match, in the order of the pattern, decoded. Nothing is allocated for up to four without escapes.
pub type Params<'t, 'p> = SmallVec<[(&'t str, Cow<'p, str>); 4]>;

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<'t, 'p> {
    /// The route with this index in the list that the table was built from.
    Found {
        index: usize,
        params: Params<'t, 'p>,
    },
    /// The path has routes, none with this method: the value of Allow (405).
    MethodNotAllowed { allow: String },
    /// 404.
    NotFound,
    /// The path has two readings or none (400).
    BadPath,
}

/// All routes of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    tree: Tree,
    routes: Vec<Route>,
}

#[derive(Clone, Debug)]
struct Route {
    params: Box<[Box<str>]>,
}

impl RouteTable {
    /// Builds the table, or answers with every route that is refused. Indexes are positions in `routes`.
    pub fn build(routes: &[RouteSpec<'_>]) -> Result<Self, Vec<Refused>> {
        let mut table = Self::default();
        let mut refused = Vec::new();
        for (index, spec) in routes.iter().enumerate() {
            let params = match table.insert(index, spec) {
                Ok(params) => params,
                Err(error) => {
                    refused.push(Refused { index, error });
                    Box::default()
                }
            };
            table.routes.push(Route { params });
        }
        if refused.is_empty() {
            Ok(table)
        } else {
            Err(refused)
        }
    }

    /// Finds the route of a request. `path` is the path of the target as it was sent, without the query.
    pub fn find<'t, 'p>(&'t self, method: &[u8], path: &'p [u8]) -> Lookup<'t, 'p> {
        let Some(segments) = path::split(path, self.tree.depth_max()) else {
            return Lookup::BadPath;
        };
        let mut segments = match segments {
            Segments::TooMany => return Lookup::NotFound,
            Segments::Few(segments) => segments,
        };
        let mut slot = self.tree.find(&segments, method);
        if matches!(slot, Slot::NoPath) && path::toggle_last_slash(&mut segments).is_some() {
            slot = self.tree.find(&segments, method);
        }
        match slot {
            Slot::Route(index, values) => self.found(index, &segments, &values),
            Slot::OtherMethods => Lookup::MethodNotAllowed {
                allow: self.tree.allow(&segments),
            },
            Slot::NoPath => Lookup::NotFound,
        }
    }

    /// The number of routes.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is no route.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    fn insert(
        &mut self,
        index: usize,
        spec: &RouteSpec<'_>,
    ) -> Result<Box<[Box<str>]>, RouteError> {
        if spec.method.is_some_and(|method| !is_method(method)) {
            return Err(RouteError::Method);
        }
        let pattern = Pattern::parse(spec.pattern).map_err(RouteError::Pattern)?;
        self.tree
            .insert(&pattern, spec.method, index)
            .map_err(|with| RouteError::Conflict { with })?;
        Ok(pattern.params)
    }

    fn found<'t, 'p>(
        &'t self,
        index: usize,
        segments: &[Cow<'p, str>],
        values: &[usize],
    ) -> Lookup<'t, 'p> {
        let names = self
            .routes
            .get(index)
            .map_or(&[][..], |route| &route.params);
        let params = names
            .iter()
            .zip(values)
            .filter_map(|(name, &at)| Some((&**name, segments.get(at)?.clone())))
            .collect();
        Lookup::Found { index, params }
    }
}

/// Every pair of routes that conflict, by index, the later one first; malformed ones are not looked at.
pub fn conflicts(routes: &[RouteSpec<'_>]) -> Vec<(usize, usize)> {
    match RouteTable::build(routes) {
        Ok(_) => Vec::new(),
        Err(refused) => refused
            .into_iter()
            .filter_map(|refused| match refused.error {
                RouteError::Conflict { with } => Some((refused.index, with)),
                _ => None,
            })
            .collect(),
    }
}

fn is_method(method: &str) -> bool {
    const BYTES_MAX: usize = 32;
    (1..=BYTES_MAX).contains(&method.len())
        && method
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests;

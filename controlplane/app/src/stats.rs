//! Statistics of the last minutes.

use cp_auth::{Action, OpContext};
use cp_model::Timestamp;
use cp_stats::{Point, Summary};

use crate::{App, AppError, clock};

/// Everything that a live page shows.
#[derive(Debug, Clone)]
pub struct StatsView {
    pub at: Timestamp,
    pub total: Summary,
    pub in_flight: u64,
    pub connections: u64,
    pub points: Vec<Point>,
    pub services: Vec<(String, Summary)>,
    pub nodes: Vec<(String, Summary)>,
}

// === impl App ===

impl App {
    pub fn stats_view(&self, context: &OpContext) -> Result<StatsView, AppError> {
        context.authorize(Action::Read)?;
        let at = clock::now();
        let now = clock::second_of(at);
        let fleet = self.fleet.all();
        let reports = || fleet.values().filter_map(|live| live.report.as_ref());
        let node =
            |name: &cp_model::NodeName| (name.to_string(), self.stats.node(name.as_str(), now));
        Ok(StatsView {
            at,
            total: self.stats.total(now),
            in_flight: reports().map(|report| report.in_flight).sum(),
            connections: reports().map(|report| report.connections).sum(),
            points: self.stats.points(now),
            services: self.stats.services(now),
            nodes: fleet.keys().map(node).collect(),
        })
    }
}

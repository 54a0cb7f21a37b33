//! The exit codes, all of them, and which failure gets which. They are part of the interface:
//! scripts branch on them, so a number never changes its meaning.

use crate::failure::Failure;

pub(crate) const OK: u8 = 0;
pub(crate) const FAILED: u8 = 1;
/// `config diff` found differences.
pub(crate) const DIFFERENT: u8 = 2;
pub(crate) const NOT_FOUND: u8 = 3;
pub(crate) const CONFLICT: u8 = 4;
pub(crate) const AUTH: u8 = 5;
pub(crate) const USAGE: u8 = 64;
pub(crate) const UNREACHABLE: u8 = 69;
pub(crate) const TIMED_OUT: u8 = 75;
pub(crate) const INTERRUPTED: u8 = 130;

pub(crate) fn code(failure: &Failure) -> u8 {
    match failure {
        Failure::Usage(_) => USAGE,
        Failure::Unreachable { .. } | Failure::Stranger { .. } => UNREACHABLE,
        Failure::NotApplied(_) => TIMED_OUT,
        Failure::Interrupted => INTERRUPTED,
        Failure::Different => DIFFERENT,
        Failure::NotFound { .. } => NOT_FOUND,
        Failure::Renamed { .. } => CONFLICT,
        Failure::Failed(_) | Failure::Said => FAILED,
        Failure::Problem(problem) => match problem.status {
            401 | 403 => AUTH,
            404 => NOT_FOUND,
            409 | 412 | 428 => CONFLICT,
            _ => FAILED,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn every_failure_has_its_documented_code() {
        let problem = |status| {
            Failure::Problem(Box::new(Problem {
                status,
                ..Problem::default()
            }))
        };
        let text = String::new;
        let unreachable = Failure::Unreachable {
            url: text(),
            reason: text(),
        };
        let not_found = Failure::NotFound {
            what: "node",
            name: text(),
            near: None,
        };
        for (failure, wanted) in [
            (Failure::Failed(text()), 1),
            (Failure::Different, 2),
            (Failure::Said, 1),
            (problem(400), 1),
            (problem(422), 1),
            (problem(500), 1),
            (problem(503), 1),
            (problem(404), 3),
            (not_found, 3),
            (problem(409), 4),
            (problem(412), 4),
            (problem(428), 4),
            (problem(401), 5),
            (problem(403), 5),
            (Failure::Usage(text()), 64),
            (unreachable, 69),
            (Failure::NotApplied(text()), 75),
            (Failure::Interrupted, 130),
        ] {
            assert_eq!(code(&failure), wanted, "{failure:?}");
        }
    }
}

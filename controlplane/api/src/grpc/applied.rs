//! "Is it live" as a message; and the small shapes that several messages have.

use bascule_proto::admin::v1 as proto;
use cp_app::{Applied, NodeApplied, NodeApplyState, Refusal};
use cp_model::Timestamp;

pub(super) fn applied_of(applied: Applied) -> proto::Applied {
    proto::Applied {
        generation: applied.generation.0,
        complete: applied.complete,
        // A wait is a minute at most.
        took: prost_types::Duration::try_from(applied.took).ok(),
        nodes: applied.nodes.into_iter().map(node_applied_of).collect(),
        timed_out: !applied.settled,
    }
}

pub(super) fn node_applied_of(node: NodeApplied) -> proto::NodeApplied {
    let state = match node.state {
        NodeApplyState::Applied => proto::ApplyState::Applied,
        NodeApplyState::Pending => proto::ApplyState::Pending,
        NodeApplyState::Rejected => proto::ApplyState::Rejected,
        NodeApplyState::Away => proto::ApplyState::Away,
    };
    proto::NodeApplied {
        node: node.node.to_string(),
        state: state.into(),
        ack_us: node.ack_us,
        refusals: node.refusals.into_iter().map(refusal_of).collect(),
    }
}

pub(super) fn refusal_of(refusal: Refusal) -> proto::Refusal {
    proto::Refusal {
        object: refusal.object,
        field: refusal.field,
        reason: refusal.reason,
        core: refusal.core,
    }
}

pub(super) fn timestamp_of(at: Timestamp) -> prost_types::Timestamp {
    let us = at.unix_us();
    let nanos = us.rem_euclid(1_000_000) * 1_000;
    prost_types::Timestamp {
        seconds: us.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_microseconds_on_both_sides_of_1970() {
        for us in [0, 42, -1, 1_767_225_600_000_042, i64::MIN, i64::MAX] {
            let at = timestamp_of(Timestamp::from_unix_us(us));
            let back = i128::from(at.seconds) * 1_000_000 + i128::from(at.nanos / 1_000);
            assert_eq!(back, i128::from(us));
            assert!((0..1_000_000_000).contains(&at.nanos));
        }
    }
}

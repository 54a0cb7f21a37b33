//! How large a file may be, and what it may grow to. An alias makes ten copies of ten copies with a few letters, and
//! nested brackets take the stack: both end here, long before the machine does.

use super::Fault;

/// What the control plane takes as one configuration; ten thousand channels are one or two MiB.
pub(crate) const FILE_BYTES_MAX: u64 = 8 << 20;
/// What one of our kinds needs is 6; people's own nesting, with anchors, a few more.
pub(super) const DEPTH_MAX: usize = 48;
/// The copies of aliases count, too. Enough for every key and value of the largest file.
const COST_MAX: usize = 128 << 20;
/// About what a node takes besides its text.
const NODE_COST: usize = 96;

/// What nodes may still cost.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

// === impl Budget ===

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: COST_MAX }
    }

    /// Takes what `nodes` nodes with so many bytes of text cost.
    pub(super) fn take(&mut self, nodes: usize, bytes: usize) -> Result<(), &'static str> {
        let cost = nodes.saturating_mul(NODE_COST).saturating_add(bytes);
        self.left = self
            .left
            .checked_sub(cost)
            .ok_or("the file is too large once its aliases are written out")?;
        Ok(())
    }
}

pub(super) fn too_deep(line: usize, column: usize) -> Fault {
    Fault {
        line,
        column,
        text: format!("is nested deeper than {DEPTH_MAX}"),
    }
}

//! Counters and histograms with one writer per core.

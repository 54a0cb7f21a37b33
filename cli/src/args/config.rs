//! Arguments of `bascule config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Wait;

const EXAMPLES: &str = "\
Examples:
  bascule config export -o bascule.yaml       everything, in one file
  bascule config export -o config/            a file for each object: config/channels/orders.yaml
  bascule config diff config/                 what would change; exit code 2 when something would
  bascule config apply config/ --why 'release 12'
  bascule config apply crm/ --prune --scope crm.
                                              also deletes what begins with crm. and is not in crm/
  bascule config validate config/             in a pull request; without a control plane, too";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum ConfigCommand {
    /// Write the configuration as YAML: to stdout, a file, or a folder with a file for each object.
    Export {
        /// A file, or a folder (it is one already, or ends with /). What is there keeps its comments.
        #[arg(short, long, value_name = "FILE|DIR")]
        output: Option<PathBuf>,
    },
    /// Say what files would change. Exit code 0: nothing, 2: something.
    Diff {
        /// A file, a folder, or - for stdin.
        #[arg(value_name = "FILE|DIR")]
        files: PathBuf,
        #[command(flatten)]
        prune: Prune,
    },
    /// Make and change objects as files say, all or none. Deletes nothing without --prune.
    Apply(ConfigApply),
    /// Check files: by the control plane when there is one, else by the tables of fields that this version has.
    Validate {
        /// A file, a folder, or - for stdin.
        #[arg(value_name = "FILE|DIR")]
        files: PathBuf,
        /// Do not ask a control plane.
        #[arg(long)]
        offline: bool,
    },
}

/// What else goes away.
#[derive(Debug, Clone, Args)]
pub(crate) struct Prune {
    /// Delete what the files do not mention, inside the scope.
    #[arg(long, requires = "scope")]
    pub(crate) prune: bool,
    /// The beginning of the names that may be deleted; '*' is all.
    #[arg(long, value_name = "PREFIX", requires = "prune", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) scope: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigApply {
    /// A file, a folder, or - for stdin.
    #[arg(value_name = "FILE|DIR")]
    pub(crate) files: PathBuf,
    #[command(flatten)]
    pub(crate) prune: Prune,
    /// Say what would change, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask before something is deleted.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// The reason, for the audit trail.
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::Cli;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn pruning_needs_a_scope_and_a_scope_needs_pruning() {
        parse("bascule config apply a --prune --scope crm.").unwrap();
        parse("bascule config diff - --prune --scope *").unwrap();
        for line in [
            "bascule config apply a --prune",
            "bascule config apply a --scope crm.",
            "bascule config apply a --prune --scope=",
            "bascule config apply",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}

//! The command line. It owns names, defaults and help texts. It takes no secret: tokens come from
//! files or the environment, because arguments are visible to every user of a machine.

mod channel;
mod config;
mod dev;
mod node;
mod service;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use self::channel::{ChannelCommand, ChannelCreate};
pub(crate) use self::config::{ConfigApply, ConfigCommand, Prune};
pub(crate) use self::dev::DevArgs;
pub(crate) use self::node::NodeCommand;
pub(crate) use self::service::ServiceCommand;

/// As long as the control plane keeps an answer back (`WAIT_MAX` of its API). A longer wait is refused before anything
/// is sent, and not cut short: to a script that gives ten minutes, 75 after one of them would be a lie.
const WAIT_MAX: Duration = Duration::from_mins(1);

const EXAMPLES: &str = "\
Examples:
  bascule dev hello                           start everything, deploy and watch ./hello
  bascule service deploy hello.py             deploy a file; says when every node runs it
  bascule service invoke hello.greet -d '{\"name\":\"Ada\"}'
  bascule channel create orders --path /orders/{id} --method GET --service orders.get
  bascule node drain dev-2                    take a node out without a failed request
  bascule config diff bascule.yaml            what a file would change, and what that means
  bascule service list --json                 the same for programs

Exit codes: 0 ok, 1 failed, 2 differences found (config diff), 3 not found, 4 conflict or stale, 5 not authorised, 64 usage,
69 control plane unreachable, 75 timed out waiting for the nodes, 130 interrupted.";

/// Run and operate a Bascule cluster.
#[derive(Debug, Parser)]
#[command(name = "bascule", version, about, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The variables are read by `context.rs`: here an empty one would be an error, where it means that it is not set.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The control plane, for example <http://127.0.0.1:8081> [default: the last `bascule dev`] [env: `BASCULE_URL`].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A file that holds the token [env: `BASCULE_TOKEN_FILE`].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Print JSON on stdout: an object as the API answers it; a list as {"items":[…]}, all pages of it.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print names only, and no talk.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Use colours.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(crate) color: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a control plane, nodes and a balancer, deploy the services of DIR, and watch it.
    Dev(DevArgs),
    /// List, deploy, invoke and delete services.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// List, create and delete channels: where requests enter.
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// List, drain, resume and forget nodes.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Export, compare and apply the configuration as files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the version.
    Version,
    /// Print a completion script: bascule completion bash > ~/.local/share/bash-completion/completions/bascule
    Completion {
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Become another program that ends when its parent does.
    #[command(hide = true)]
    Attached(AttachedArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AttachedArgs {
    /// The process that must still be the parent.
    #[arg(long)]
    pub(crate) parent: i32,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub(crate) program: Vec<std::ffi::OsString>,
}

/// Whether a write waits until the nodes run it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Wait {
    /// Wait until every node runs the change, for up to 60s.
    #[arg(long, value_name = "TIME", value_parser = wait_time, num_args = 0..=1, require_equals = true,
          default_value = "5s", default_missing_value = "5s")]
    pub(crate) wait: Duration,
    /// Do not wait.
    #[arg(long, action = ArgAction::SetTrue, conflicts_with = "wait")]
    pub(crate) no_wait: bool,
}

// === impl Wait ===

impl Wait {
    /// The time to wait, when waiting is wanted.
    pub(crate) fn time(&self) -> Option<Duration> {
        (!self.no_wait).then_some(self.wait)
    }
}

fn wait_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time > WAIT_MAX {
        return Err("the control plane waits for at most 60s; \
             `bascule node list` shows later who runs which generation"
            .to_owned());
    }
    Ok(time)
}

/// `500ms`, `5s`, `2m`, or a number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let millis = match text.strip_prefix(digits).unwrap_or_default() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        unit => return Err(format!("unknown unit '{unit}': use ms, s or m")),
    };
    let number: u64 = digits
        .parse()
        .map_err(|error| format!("'{text}' is not a time: {error}"))?;
    Ok(Duration::from_millis(number.saturating_mul(millis)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn waiting_is_the_default_and_can_be_changed() {
        let time = |line: &str| match parse(line).unwrap().command {
            Command::Node(NodeCommand::Drain { wait, .. }) => wait.time(),
            other => panic!("{other:?}"),
        };
        assert_eq!(time("bascule node drain a"), Some(Duration::from_secs(5)));
        assert_eq!(
            time("bascule node drain a --wait"),
            Some(Duration::from_secs(5))
        );
        assert_eq!(
            time("bascule node drain a --wait=250ms"),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            time("bascule node drain --wait a"),
            Some(Duration::from_secs(5))
        );
        assert_eq!(time("bascule node drain a --no-wait"), None);
    }

    #[test]
    fn a_wait_that_the_control_plane_would_refuse_is_a_usage_error() {
        for good in ["60s", "1m", "60000ms"] {
            parse(&format!("bascule node drain a --wait={good}")).unwrap();
        }
        for long in ["61s", "60001ms", "2m", "99999999999999999s"] {
            let error = parse(&format!("bascule node drain a --wait={long}")).unwrap_err();
            assert!(error.use_stderr());
            assert!(error.to_string().contains("at most 60s"), "{error}");
        }
    }

    #[test]
    fn data_may_be_stdin_and_flags_stand_anywhere() {
        for line in [
            "bascule service invoke a -d -",
            "bascule --json service list",
            "bascule service list --json -q",
            "bascule dev hello --nodes 3",
            "bascule completion zsh",
        ] {
            parse(line).unwrap();
        }
        for line in [
            "bascule",
            "bascule service deploy",
            "bascule service lst",
            "bascule channel create x",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn no_argument_takes_a_token() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(
                    argument == "token-file" || !argument.contains("token"),
                    "{argument}"
                );
            }
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        assert!(duration("5h").is_err() && duration("s").is_err() && duration("").is_err());
    }
}

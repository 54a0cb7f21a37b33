//! Arguments of `bascule channel`.

use clap::{Args, Subcommand};

use super::Wait;

#[derive(Debug, Subcommand)]
pub(crate) enum ChannelCommand {
    /// List the channels.
    List,
    /// Show one channel.
    Get { name: String },
    /// Create a channel.
    Create(ChannelCreate),
    /// Delete a channel.
    Delete {
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        wait: Wait,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ChannelCreate {
    pub(crate) name: String,
    /// For example /orders/{id}.
    #[arg(long)]
    pub(crate) path: String,
    #[arg(long)]
    pub(crate) service: String,
    /// [default: any].
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// What the service gets and gives: json, or raw for bytes as they come.
    #[arg(long, default_value = "json", value_parser = data_format)]
    pub(crate) data_format: String,
    #[arg(long, value_name = "MS")]
    pub(crate) timeout_ms: Option<u64>,
    #[arg(long, value_name = "BYTES")]
    pub(crate) body_bytes_max: Option<u64>,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

/// The API's word for raw bytes is the empty one, which nobody wants to type.
fn data_format(text: &str) -> Result<String, String> {
    match text {
        "json" => Ok("json".to_owned()),
        "raw" | "" => Ok(String::new()),
        other => Err(format!("'{other}' is no data format: use json or raw")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    #[test]
    fn a_channel_is_json_unless_raw_is_asked_for() {
        let format = |more: &str| {
            let line = format!("bascule channel create a --path /a --service s {more}");
            match Cli::try_parse_from(line.split_whitespace())
                .unwrap()
                .command
            {
                Command::Channel(ChannelCommand::Create(create)) => create.data_format,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(format(""), "json");
        assert_eq!(format("--data-format raw"), "");
        assert_eq!(format("--data-format="), "");
        assert!(data_format("xml").is_err());
    }
}

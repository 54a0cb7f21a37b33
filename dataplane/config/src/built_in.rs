//! The services and channels that every node has without being told.

/// Name and path of the built-in channel; health checks of the other nodes use it too.
pub const PING_CHANNEL: &str = "bascule.ping";
/// Zato's own ping path, so that its users' monitors go on working.
pub const PING_PATH: &str = "/zato/ping";

/// A service that is compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    Ping,
    Echo,
}

// === impl BuiltIn ===

impl BuiltIn {
    pub const ALL: [Self; 2] = [Self::Ping, Self::Echo];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "bascule.ping",
            Self::Echo => "bascule.echo",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|built_in| built_in.name() == name)
    }
}

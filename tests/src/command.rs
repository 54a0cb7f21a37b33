//! `bascule` as a script runs it: no terminal, and nothing of the caller's environment that it listens to.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::Cluster;
use crate::process::binary;

/// The command line of one cluster, in the cluster's folder.
#[derive(Debug, Clone)]
pub struct Bascule {
    url: String,
    token_file: PathBuf,
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

/// What one run of it said.
#[derive(Debug, Clone)]
pub struct Ran {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

// === impl Bascule ===

impl Bascule {
    pub fn of(cluster: &Cluster) -> Self {
        Self {
            url: format!("http://{}", cluster.http_address()),
            token_file: cluster.folder().join("control/admin.token"),
            folder: cluster.folder().to_owned(),
            environment: Vec::new(),
        }
    }

    /// With one more variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the token in another file.
    #[must_use]
    pub fn with_token_file(mut self, file: &Path) -> Self {
        file.clone_into(&mut self.token_file);
        self
    }

    pub fn run(&self, args: &[&str]) -> Result<Ran> {
        let mut command = Command::new(binary("bascule")?);
        for name in ["BASCULE_TOKEN", "NO_COLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        let output = command
            .args(args)
            .current_dir(&self.folder)
            .env("BASCULE_URL", &self.url)
            .env("BASCULE_TOKEN_FILE", &self.token_file)
            .env("XDG_STATE_HOME", &self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("bascule {args:?}"))?;
        Ok(Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Runs it and expects this exit code.
    pub fn ends_with(&self, code: i32, args: &[&str]) -> Result<Ran> {
        let ran = self.run(args)?;
        if ran.code != Some(code) {
            bail!("bascule {args:?} should end with {code}: {ran:#?}");
        }
        Ok(ran)
    }
}

// === impl Ran ===

impl Ran {
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("not JSON: {self:#?}"))
    }
}

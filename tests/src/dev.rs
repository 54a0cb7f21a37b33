//! A running `bascule dev` for one story: in a temporary folder, on port 0, with all that it prints kept.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::eventually;
use crate::process::{Process, binary};

/// A running `bascule dev` on a copy of `examples/hello`.
#[derive(Debug)]
pub struct Dev {
    pub process: Process,
    home: TempDir,
}

// === impl Dev ===

impl Dev {
    /// Starts it, and waits until it is up.
    pub async fn start() -> Result<Self> {
        Self::start_in(|_project| Ok(())).await
    }

    /// The same after `prepare` has put further files into the folder.
    pub async fn start_in(prepare: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("bascule-dev-").tempdir()?;
        let project = home.path().join("hello");
        std::fs::create_dir(&project)?;
        for file in ["hello.py", "bascule.toml"] {
            std::fs::copy(root().join("examples/hello").join(file), project.join(file))?;
        }
        prepare(&project)?;
        let args = [
            "dev".to_owned(),
            project.display().to_string(),
            "--port=0".to_owned(),
            "--console-port=0".to_owned(),
            "--cores=1".to_owned(),
        ];
        std::fs::create_dir(home.path().join("site"))?;
        let environment = [
            ("XDG_STATE_HOME", home.path().to_owned()),
            ("PYTHONPATH", home.path().join("site")),
        ];
        let environment =
            environment.map(|(name, path)| (name.to_owned(), path.display().to_string()));
        let process =
            Process::start_with("dev", &binary("bascule")?, &args, home.path(), &environment)?;
        let dev = Self { process, home };
        dev.says("edit").await?;
        Ok(dev)
    }

    pub fn project(&self) -> PathBuf {
        self.home.path().join("hello")
    }

    /// Puts a module where the services' Python finds it, as pip would.
    pub fn install(&self, module: &str) -> Result<()> {
        let file = self.home.path().join("site").join(module);
        Ok(std::fs::write(file.with_extension("py"), "")?)
    }

    /// All that it printed.
    pub fn talk(&self) -> String {
        let out = std::fs::read_to_string(self.home.path().join("dev.out")).unwrap_or_default();
        out + &self.process.log()
    }

    pub async fn says(&self, part: &str) -> Result<String> {
        eventually(&format!("it says {part:?}"), || async {
            let talk = self.talk();
            ensure!(talk.contains(part), "{talk}");
            Ok(talk)
        })
        .await
    }

    /// The word after `label` in the block of addresses.
    pub fn address(&self, label: &str) -> Result<String> {
        let talk = self.talk();
        let line = talk
            .lines()
            .find(|line| line.trim_start().starts_with(label));
        let word = line
            .and_then(|line| line.split_whitespace().nth(1))
            .with_context(|| talk.clone())?;
        Ok(word.to_owned())
    }

    /// `ip:port` of the balancer.
    pub fn balancer(&self) -> Result<String> {
        let url = self.address("api")?;
        let rest = url.strip_prefix("http://").context("a URL")?;
        Ok(rest.split('/').next().unwrap_or(rest).to_owned())
    }

    pub fn bascule(&self, args: &[&str]) -> Result<std::process::Output> {
        Ok(Command::new(binary("bascule")?)
            .args(args)
            .current_dir(self.project())
            .env("XDG_STATE_HOME", self.home.path())
            .stdin(Stdio::null())
            .output()?)
    }
}

/// The top of the repository.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

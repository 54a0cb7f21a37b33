//! Which control plane, and with which token. Order: flags and environment, then `.bascule/context.json` here or in a
//! parent folder, then the last `bascule dev` of this user. It refuses to take tokens from arguments.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::args::Global;
use crate::failure::Failure;
use crate::file;

const FILE: &str = ".bascule/context.json";
/// An address and a path, or a token: far less.
const OWN_BYTES_MAX: u64 = 64 << 10;

/// What `bascule dev` leaves behind for other commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Context {
    pub(crate) url: String,
    pub(crate) token_file: PathBuf,
}

/// What a request needs.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
}

/// A variable of the environment, by its name.
type Variable<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

// A token must not end up in a log by way of Debug.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

// === impl Target ===

impl Target {
    pub(crate) fn find(global: &Global) -> Result<Self, Failure> {
        Self::found(global, &|name| std::env::var_os(name))
    }

    fn found(global: &Global, variable: &Variable<'_>) -> Result<Self, Failure> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let text = |name| set(name).and_then(|value| value.into_string().ok());
        let here = std::env::current_dir().ok();
        let context = here.as_deref().and_then(nearest).or_else(last);
        let url = global
            .url
            .clone()
            .or_else(|| text("BASCULE_URL"))
            .or_else(|| context.as_ref().map(|context| context.url.clone()))
            .unwrap_or_else(|| "http://127.0.0.1:8081".to_owned());
        let url = checked(&url)?;
        let file = global
            .token_file
            .clone()
            .or_else(|| set("BASCULE_TOKEN_FILE").map(PathBuf::from));
        let token = match (file, text("BASCULE_TOKEN"), &context) {
            (Some(file), _, _) => Some(read_token(&file)?),
            (None, Some(token), _) => Some(token),
            (None, None, Some(context)) if context.is_of(&url) => {
                own_token(&context.token_file).ok()
            }
            _ => None,
        };
        Ok(Self { url, token })
    }
}

/// The address in the one form that addresses are compared in.
fn checked(url: &str) -> Result<String, Failure> {
    if url.starts_with("https://") {
        let text = format!(
            "{url}: https is not supported yet; use http:// on a loopback address or a tunnel"
        );
        return Err(Failure::Usage(text));
    }
    if !url.starts_with("http://") {
        return Err(Failure::Usage(format!("{url}: not an http:// URL")));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// The token that a control plane of ours has written.
pub(crate) fn own_token(file: &Path) -> Result<String, Failure> {
    let contents = file::read(file, OWN_BYTES_MAX)
        .map_err(|why| Failure::unreadable(&file.display().to_string(), &why))?;
    Ok(String::from_utf8_lossy(&contents.bytes).trim().to_owned())
}

/// The token of a file that a person has named, which may be a pipe.
fn read_token(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::io(&format!("reading {}", file.display()), &error))?;
    Ok(text.trim().to_owned())
}

fn nearest(from: &Path) -> Option<Context> {
    from.ancestors().find_map(|folder| read(&folder.join(FILE)))
}

fn last() -> Option<Context> {
    read(&last_file()?)
}

fn read(file: &Path) -> Option<Context> {
    serde_json::from_slice(&file::read(file, OWN_BYTES_MAX).ok()?.bytes).ok()
}

/// Where the last dev context of this user is kept.
fn last_file() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("bascule/context.json"))
}

// === impl Context ===

impl Context {
    /// Whether `url`, which is checked, is this context's address: its token goes to no other.
    fn is_of(&self, url: &str) -> bool {
        checked(&self.url).is_ok_and(|own| own == url)
    }

    /// Leaves the context in the folder and for the whole user. The second is a comfort only.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let file = folder.join("context.json");
        write_private(&file, self)
            .map_err(|error| Failure::io(&format!("writing {}", file.display()), &error))?;
        if let Some(file) = last_file() {
            file.parent().map(std::fs::create_dir_all).transpose().ok();
            write_private(&file, self).ok();
        }
        Ok(())
    }
}

fn write_private(file: &Path, context: &Context) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let temporary = file.with_extension("json.new");
    let mut options = std::fs::OpenOptions::new();
    let mut out = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    serde_json::to_writer_pretty(&mut out, context)?;
    out.write_all(b"\n")?;
    std::fs::rename(temporary, file)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn a_context_is_found_from_a_folder_below_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join(".bascule");
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::create_dir_all(&state).unwrap();
        let context = Context {
            url: "http://127.0.0.1:1".into(),
            token_file: state.join("t"),
        };
        write_private(&state.join("context.json"), &context).unwrap();
        assert_eq!(nearest(&folder.path().join("a/b")), Some(context));
        let mode = std::fs::metadata(state.join("context.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_contexts_token_goes_to_its_own_address_however_it_is_written() {
        let context = |url: &str| Context {
            url: url.to_owned(),
            token_file: "t".into(),
        };
        let is_own = |own: &str, asked: &str| context(own).is_of(&checked(asked).unwrap());
        for asked in ["http://127.0.0.1:1", "http://127.0.0.1:1/"] {
            assert!(is_own("http://127.0.0.1:1", asked), "{asked}");
            assert!(is_own("http://127.0.0.1:1/", asked), "{asked}");
        }
        assert!(!is_own("http://127.0.0.1:1", "http://127.0.0.1:12"));
        assert!(!is_own("https://127.0.0.1:1", "http://127.0.0.1:1"));
    }

    #[test]
    fn a_variable_that_is_empty_is_not_set() {
        let Cli { global, .. } = Cli::try_parse_from(["bascule", "version"]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t");
        std::fs::write(&file, "of the file\n").unwrap();
        let target = |file: &Path| {
            let variable = |name: &str| match name {
                "BASCULE_TOKEN" => Some("of the variable".into()),
                "BASCULE_TOKEN_FILE" => Some(file.into()),
                "BASCULE_URL" => Some(OsString::new()),
                _ => None,
            };
            Target::found(&global, &variable).unwrap()
        };
        assert_eq!(target(Path::new("")).token.unwrap(), "of the variable");
        assert_eq!(target(&file).token.unwrap(), "of the file");
        assert!(target(&file).url.starts_with("http://"));
    }

    #[test]
    fn urls_are_checked_before_anything_is_sent() {
        assert_eq!(
            checked("http://127.0.0.1:1/").unwrap(),
            "http://127.0.0.1:1"
        );
        assert!(
            checked("https://x")
                .unwrap_err()
                .to_string()
                .contains("https is not supported")
        );
        assert!(matches!(checked("127.0.0.1:1"), Err(Failure::Usage(_))));
    }
}

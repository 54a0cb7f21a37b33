//! Rows of packages and the transactions of a deploy.
//!
//! Owns the states' transitions: (new, refused, retired) → checking → live → retired, or checking →
//! refused. Invariant: a file has at most one live package, and the `service` table holds exactly
//! what the live packages declare.

use cp_model::{
    DeclaredService, FileName, Generation, ImportFault, Origin, Package, PackageId, PackageState,
    ServiceName,
};

use crate::engine::{self, Row, sql};
use crate::row::{json, json_maybe, number, small, text, time, to_sql};
use crate::write::{Event, Write, shown};
use crate::{Odb, OdbError, Written, history};

mod names;
mod state;

use state::{insert, live_of, retire, retire_checking, set_state};
pub(crate) use state::{retire_file, set_live};

/// All columns but the content.
macro_rules! columns {
    () => {
        "SELECT sequence, id, file, version, state, bytes, error, services, created_at FROM package"
    };
}
pub(crate) const SELECT_LIVE: &str = concat!(columns!(), " WHERE state = 'live' ORDER BY file");
const SELECT_ONE: &str = concat!(columns!(), " WHERE id = ?");
const SELECT_PAGE: &str = concat!(
    columns!(),
    " WHERE sequence < ? ORDER BY sequence DESC LIMIT ?"
);
const SELECT_CHECKING: &str = concat!(columns!(), " WHERE state = 'checking' ORDER BY sequence");
const SELECT_FILE_LIVE: &str = concat!(columns!(), " WHERE state = 'live' AND file = ?");
const SELECT_FILE_CHECKING: &str = concat!(
    columns!(),
    " WHERE state = 'checking' AND file = ? AND id <> ?"
);

/// What storing a package came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The very content is live already. Whatever of its file still waited for a trial is retired:
    /// the newest word wins, also when it is "as it was".
    Live {
        package: Package,
        superseded: Vec<Package>,
    },
    /// It waits for its trial.
    Checking(Package),
}

/// What the attempt to make a tried package live came to.
#[derive(Debug)]
pub enum LiveOutcome {
    Live(Written<Package>),
    /// The trial went well, but the services do not fit the cluster; the package is refused.
    Refused(Package, OdbError),
}

// === impl Odb ===

impl Odb {
    pub async fn package_find(&self, id: &PackageId) -> Result<Package, OdbError> {
        let row = sql(SELECT_ONE)
            .bind(id.as_str())
            .fetch_optional(&self.pools.read)
            .await?;
        parse(&row.ok_or_else(|| absent(id))?)
    }

    /// Newest first, those before `before`, at most `limit`.
    pub async fn package_list(&self, before: u64, limit: u32) -> Result<Vec<Package>, OdbError> {
        let rows = sql(SELECT_PAGE)
            .bind(to_sql(before))
            .bind(i64::from(limit))
            .fetch_all(&self.pools.read)
            .await?;
        rows.iter().map(parse).collect()
    }

    pub async fn packages_checking(&self) -> Result<Vec<Package>, OdbError> {
        let rows = sql(SELECT_CHECKING).fetch_all(&self.pools.read).await?;
        rows.iter().map(parse).collect()
    }

    pub async fn package_content(&self, id: &PackageId) -> Result<Vec<u8>, OdbError> {
        let row = sql("SELECT content FROM package WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.pools.read)
            .await?;
        row.ok_or_else(|| absent(id))?.first()
    }

    /// Keeps the content and marks it for trial; an earlier package of the file that still waits
    /// for its own trial is retired, because the newest wins.
    pub async fn package_store(
        &self,
        origin: &Origin,
        id: &PackageId,
        file: &FileName,
        content: &[u8],
    ) -> Result<Stored, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let known = find(&mut write.tx, id).await?;
        let superseded = retire_checking(&mut write.tx, file, id).await?;
        match known {
            Some(package) if package.state == PackageState::Live => {
                if !superseded.is_empty() {
                    let after = shown(&package)?;
                    write
                        .record(event("package.revert", file, None, after))
                        .await?;
                }
                return Ok(Stored::Live {
                    package,
                    superseded,
                });
            }
            Some(package) => set_state(&mut write.tx, &package.id, PackageState::Checking).await?,
            None => insert(&mut write.tx, origin, id, file, content).await?,
        }
        let package = find(&mut write.tx, id).await?.ok_or_else(|| absent(id))?;
        let after = shown(&package)?;
        write
            .record(event("package.store", file, None, after))
            .await?;
        Ok(Stored::Checking(package))
    }

    /// Ends a trial with a refusal. The old version, if any, stays live.
    pub async fn package_refuse(
        &self,
        origin: &Origin,
        id: &PackageId,
        fault: &ImportFault,
    ) -> Result<Package, OdbError> {
        let write = Write::begin(self, origin).await?;
        refuse(write, id, fault).await
    }

    /// Ends a trial that all nodes passed: live, the earlier one retired, services recorded.
    pub async fn package_go_live(
        &self,
        origin: &Origin,
        id: &PackageId,
        services: &[DeclaredService],
    ) -> Result<LiveOutcome, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let package = checking(&mut write.tx, id).await?;
        if let Err(error) = names::check(&mut write.tx, &package.file, services).await {
            let fault = ImportFault {
                node: String::new(),
                file: package.file.to_string(),
                line: names::line_of(&error, services),
                message: error.to_string(),
                traceback: String::new(),
            };
            let refused = refuse(write, id, &fault).await?;
            return Ok(LiveOutcome::Refused(refused, error));
        }
        let before = live_of(&mut write.tx, &package.file).await?;
        if let Some(before) = &before {
            retire(&mut write.tx, before).await?;
        }
        let at = write.at();
        set_live(&mut write.tx, id, services, at).await?;
        let next = write.generation().await?.0 + 1;
        let live = Some((package.version, services));
        history::keep_package(&mut write.tx, (&package.file, id), next, live).await?;
        let package = find(&mut write.tx, id).await?.ok_or_else(|| absent(id))?;
        let before = before.as_ref().map(shown).transpose()?.flatten();
        let event = event("package.deploy", &package.file, before, shown(&package)?);
        let generation = write.publish(event).await?;
        Ok(LiveOutcome::Live(Written {
            value: package,
            generation,
        }))
    }

    /// Takes a live package away (409 when channels use it) or forgets one that waits.
    pub async fn package_undeploy(
        &self,
        origin: &Origin,
        id: &PackageId,
    ) -> Result<Written<Package>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let before = find(&mut write.tx, id).await?.ok_or_else(|| absent(id))?;
        match before.state {
            PackageState::Live => {
                names::check(&mut write.tx, &before.file, &[]).await?;
                retire(&mut write.tx, &before).await?;
                let next = write.generation().await?.0 + 1;
                history::keep_package(&mut write.tx, (&before.file, id), next, None).await?;
            }
            PackageState::Checking => {
                set_state(&mut write.tx, id, PackageState::Retired).await?;
            }
            state => {
                let state = state.as_str();
                return Err(OdbError::PackageState {
                    id: id.to_string(),
                    state,
                });
            }
        }
        let after = find(&mut write.tx, id).await?.ok_or_else(|| absent(id))?;
        let event = event(
            "package.undeploy",
            &before.file,
            shown(&before)?,
            shown(&after)?,
        );
        if before.state == PackageState::Live {
            let generation = write.publish(event).await?;
            return Ok(Written {
                value: after,
                generation,
            });
        }
        let generation: Generation = write.generation().await?;
        write.record(event).await?;
        Ok(Written {
            value: after,
            generation,
        })
    }
}

pub(crate) fn parse(row: &Row) -> Result<Package, OdbError> {
    let services: Vec<String> = json(row, "services")?;
    Ok(Package {
        id: PackageId::parse(&text(row, "id")?)?,
        file: FileName::parse(&text(row, "file")?)?,
        version: small(row, "version")?,
        state: PackageState::parse(&text(row, "state")?)?,
        bytes: number(row, "bytes")?,
        services: services
            .iter()
            .map(|name| ServiceName::parse(name))
            .collect::<Result<_, _>>()?,
        error: json_maybe(row, "error")?,
        created_at: time(row, "created_at")?,
        sequence: number(row, "sequence")?,
    })
}

async fn find(tx: &mut engine::Transaction, id: &PackageId) -> Result<Option<Package>, OdbError> {
    let row = sql(SELECT_ONE)
        .bind(id.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    row.as_ref().map(parse).transpose()
}

/// The package, when its trial is still on; a verdict that comes late changes nothing.
async fn checking(tx: &mut engine::Transaction, id: &PackageId) -> Result<Package, OdbError> {
    let package = find(tx, id).await?.ok_or_else(|| absent(id))?;
    if package.state == PackageState::Checking {
        return Ok(package);
    }
    Err(OdbError::PackageState {
        id: id.to_string(),
        state: package.state.as_str(),
    })
}

async fn refuse(
    mut write: Write<'_>,
    id: &PackageId,
    fault: &ImportFault,
) -> Result<Package, OdbError> {
    checking(&mut write.tx, id).await?;
    sql("UPDATE package SET state = 'refused', error = ? WHERE id = ?")
        .bind(serde_json::to_string(fault)?)
        .bind(id.as_str())
        .execute(&mut write.tx)
        .await?;
    let package = find(&mut write.tx, id).await?.ok_or_else(|| absent(id))?;
    let after = shown(&package)?;
    write
        .record(event("package.refuse", &package.file, None, after))
        .await?;
    Ok(package)
}

fn absent(id: &PackageId) -> OdbError {
    OdbError::NotFound {
        kind: "package",
        name: id.to_string(),
    }
}

fn event(
    action: &str,
    file: &FileName,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> Event {
    Event {
        action: action.to_owned(),
        object: format!("package {file}"),
        before,
        after,
    }
}

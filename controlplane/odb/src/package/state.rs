//! The steps between a package's states, within a transaction.
//!
//! Invariant: the `service` table holds exactly what the live packages declare.

use cp_model::{DeclaredService, FileName, Origin, Package, PackageId, PackageState};

use super::{SELECT_FILE_CHECKING, SELECT_FILE_LIVE, parse};
use crate::engine::{Transaction, sql};
use crate::{OdbError, service};

/// Makes the package live, with its services; the one before it must be retired.
pub(crate) async fn set_live(
    tx: &mut Transaction,
    id: &PackageId,
    services: &[DeclaredService],
    at: i64,
) -> Result<(), OdbError> {
    let names: Vec<_> = services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    sql("UPDATE package SET state = 'live', error = NULL, services = ? WHERE id = ?")
        .bind(serde_json::to_string(&names)?)
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
    for declared in services {
        service::insert(tx, id, declared, at).await?;
    }
    Ok(())
}

/// Takes the file's live package away, if it has one.
pub(crate) async fn retire_file(tx: &mut Transaction, file: &FileName) -> Result<(), OdbError> {
    match live_of(tx, file).await? {
        Some(package) => retire(tx, &package).await,
        None => Ok(()),
    }
}

pub(super) async fn retire(tx: &mut Transaction, package: &Package) -> Result<(), OdbError> {
    sql("DELETE FROM service WHERE package_id = ?")
        .bind(package.id.as_str())
        .execute(&mut *tx)
        .await?;
    set_state(tx, &package.id, PackageState::Retired).await
}

/// Ends the trials of `file` other than that of `id`, and names them.
pub(super) async fn retire_checking(
    tx: &mut Transaction,
    file: &FileName,
    id: &PackageId,
) -> Result<Vec<Package>, OdbError> {
    let rows = sql(SELECT_FILE_CHECKING)
        .bind(file.as_str())
        .bind(id.as_str())
        .fetch_all(&mut *tx)
        .await?;
    let mut retired: Vec<Package> = rows.iter().map(parse).collect::<Result<_, _>>()?;
    for package in &mut retired {
        set_state(tx, &package.id, PackageState::Retired).await?;
        package.state = PackageState::Retired;
    }
    Ok(retired)
}

pub(super) async fn set_state(
    tx: &mut Transaction,
    id: &PackageId,
    state: PackageState,
) -> Result<(), OdbError> {
    sql("UPDATE package SET state = ?, error = NULL WHERE id = ?")
        .bind(state.as_str())
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
    Ok(())
}

pub(super) async fn insert(
    tx: &mut Transaction,
    origin: &Origin,
    id: &PackageId,
    file: &FileName,
    content: &[u8],
) -> Result<(), OdbError> {
    let last: i64 = sql("SELECT COALESCE(MAX(sequence), 0) FROM package")
        .scalar(&mut *tx)
        .await?;
    let newest: i64 = sql("SELECT COALESCE(MAX(version), 0) FROM package WHERE file = ?")
        .bind(file.as_str())
        .scalar(&mut *tx)
        .await?;
    sql(
        "INSERT INTO package (sequence, id, file, version, state, bytes, content, services,
                              created_at)
         VALUES (?, ?, ?, ?, 'checking', ?, ?, '[]', ?)",
    )
    .bind(last + 1)
    .bind(id.as_str())
    .bind(file.as_str())
    .bind(newest + 1)
    .bind(i64::try_from(content.len()).unwrap_or(i64::MAX))
    .bind(content)
    .bind(origin.at.unix_us())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

pub(super) async fn live_of(
    tx: &mut Transaction,
    file: &FileName,
) -> Result<Option<Package>, OdbError> {
    let row = sql(SELECT_FILE_LIVE)
        .bind(file.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    row.as_ref().map(parse).transpose()
}

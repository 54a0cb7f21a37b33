//! Whether a package's services fit the cluster: nobody else's names, nothing that objects
//! name goes missing.
//!
//! Invariant: after a package went live, every object that names a service names one that exists.

use cp_model::{DeclaredService, FileName, ServiceName};

use crate::engine::sql;
use crate::object::check_unused;
use crate::row::text;
use crate::{OdbError, engine};

/// Checks what `file` would declare from now on against all other files and all objects.
pub(super) async fn check(
    tx: &mut engine::Transaction,
    file: &FileName,
    declared: &[DeclaredService],
) -> Result<(), OdbError> {
    let rows = sql("SELECT service.name, package.file FROM service
         JOIN package ON package.id = service.package_id ORDER BY service.name")
    .fetch_all(&mut *tx)
    .await?;
    let mut gone = Vec::new();
    for row in &rows {
        let name = ServiceName::parse(&text(row, "name")?)?;
        let owner = FileName::parse(&text(row, "file")?)?;
        let is_declared = declared.iter().any(|service| service.name == name);
        if owner != *file && is_declared {
            return Err(OdbError::ServiceTaken {
                service: name,
                file: owner,
            });
        }
        if owner == *file && !is_declared {
            gone.push(name);
        }
    }
    for service in gone {
        check_unused(tx, "service", service.as_str()).await?;
    }
    Ok(())
}

/// The line of the class that cannot be, 0 when the fault is that it is missing.
pub(super) fn line_of(error: &OdbError, declared: &[DeclaredService]) -> u32 {
    let OdbError::ServiceTaken { service, .. } = error else {
        return 0;
    };
    declared
        .iter()
        .find(|known| known.name == *service)
        .map_or(0, |known| known.line)
}

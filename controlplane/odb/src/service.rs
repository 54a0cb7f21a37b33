//! Rows of services: what live packages declare.
//!
//! Owns reading; the package's transaction writes them. Invariant: each row's package is live.

use cp_model::{DeclaredService, FileName, PackageId, Service, ServiceName};

use crate::engine::{self, Row, sql};
use crate::row::{json, small, text, time};
use crate::{Odb, OdbError};

pub(crate) const SELECT: &str = "SELECT service.*, package.file, package.version
     FROM service JOIN package ON package.id = service.package_id ORDER BY service.name";

// === impl Odb ===

impl Odb {
    /// All services of live packages in order of name.
    pub async fn service_list(&self) -> Result<Vec<Service>, OdbError> {
        let rows = sql(SELECT).fetch_all(&self.pools.read).await?;
        rows.iter().map(parse).collect()
    }
}

pub(crate) fn parse(row: &Row) -> Result<Service, OdbError> {
    Ok(Service {
        declared: DeclaredService {
            name: ServiceName::parse(&text(row, "name")?)?,
            class_name: text(row, "class_name")?,
            line: small(row, "line")?,
            documentation: text(row, "documentation")?,
            input: json(row, "input")?,
            output: json(row, "output")?,
        },
        package_id: PackageId::parse(&text(row, "package_id")?)?,
        file: FileName::parse(&text(row, "file")?)?,
        version: small(row, "version")?,
        deployed_at: time(row, "deployed_at")?,
    })
}

pub(crate) async fn insert(
    tx: &mut engine::Transaction,
    package: &PackageId,
    service: &DeclaredService,
    at: i64,
) -> Result<(), OdbError> {
    sql(
        "INSERT INTO service (name, package_id, class_name, line, documentation, input, output,
                              deployed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(service.name.as_str())
    .bind(package.as_str())
    .bind(&service.class_name)
    .bind(i64::from(service.line))
    .bind(&service.documentation)
    .bind(serde_json::to_string(&service.input)?)
    .bind(serde_json::to_string(&service.output)?)
    .bind(at)
    .execute(&mut *tx)
    .await?;
    Ok(())
}

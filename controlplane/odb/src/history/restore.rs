//! An earlier generation's content as a new generation.
//!
//! Owns nothing but the order: packages change first, since objects name their services. Invariant: a
//! restored state was consistent when it was made, and is looked at again as a whole.

use cp_model::kind;
use cp_model::{
    DeclaredService, FileName, Generation, Invalid, ObjectName, Origin, PackageId, Spec,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Difference, Kept, PACKAGE, differences, keep_package};
use crate::object::{Change, Wanted, change_all, check_services};
use crate::write::{Event, Write};
use crate::{Odb, OdbError, Written, package};

// === impl Odb ===

impl Odb {
    /// Makes the content of `wanted` the newest generation. Nothing is done, and no generation made, when
    /// it is the content already.
    pub async fn history_restore(
        &self,
        origin: &Origin,
        wanted: Generation,
    ) -> Result<Written<Vec<Difference>>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let now = write.generation().await?;
        if let Some(generation) = write.repeated().await? {
            let value = Vec::new();
            return Ok(Written { value, generation });
        }
        let value = differences(&mut write.tx, now, wanted).await?;
        if value.is_empty() {
            let generation = now;
            return Ok(Written { value, generation });
        }
        packages(&mut write, &value, now.0 + 1).await?;
        let objects = value.iter().filter(|one| one.kind != PACKAGE);
        let changes = objects.map(change).collect::<Result<_, _>>()?;
        let changed = change_all(&mut write, changes).await?;
        super::keep(&mut write.tx, &changed, now.0 + 1).await?;
        check_services(&mut write.tx).await?;
        let event = event(now, wanted, &value);
        let generation = write.publish(event).await?;
        Ok(Written { value, generation })
    }
}

fn change(difference: &Difference) -> Result<Change, OdbError> {
    let known = kind::find(&difference.kind).ok_or_else(|| OdbError::NotFound {
        kind: "kind",
        name: difference.kind.clone(),
    })?;
    let to = match &difference.after {
        None => Wanted::Gone,
        Some(Kept { id, fields }) => {
            let id = Uuid::parse_str(id).map_err(|error| Invalid::new("id", error.to_string()))?;
            Wanted::Kept(id, Spec::stored(known, fields.clone()))
        }
    };
    Ok(Change {
        kind: known,
        name: ObjectName::stored(difference.name.clone()),
        expected: None,
        to,
    })
}

/// All go before any comes: a service may have moved from one file to another.
async fn packages(
    write: &mut Write<'_>,
    differences: &[Difference],
    next: u64,
) -> Result<(), OdbError> {
    let packages = || differences.iter().filter(|one| one.kind == PACKAGE);
    for difference in packages() {
        let file = FileName::parse(&difference.name)?;
        package::retire_file(&mut write.tx, &file).await?;
    }
    for difference in packages() {
        let file = FileName::parse(&difference.name)?;
        match (&difference.before, &difference.after) {
            (_, Some(kept)) => revive(write, &file, kept, next).await?,
            (Some(before), None) => {
                let id = PackageId::parse(&before.id)?;
                keep_package(&mut write.tx, (&file, &id), next, None).await?;
            }
            (None, None) => {}
        }
    }
    Ok(())
}

async fn revive(
    write: &mut Write<'_>,
    file: &FileName,
    kept: &Kept,
    next: u64,
) -> Result<(), OdbError> {
    let id = PackageId::parse(&kept.id)?;
    let services: Vec<DeclaredService> = match kept.fields.get("services") {
        Some(services) => serde_json::from_value(services.clone())?,
        None => Vec::new(),
    };
    let version = kept.fields.get("version").and_then(Value::as_u64);
    let version = version.and_then(|version| u32::try_from(version).ok());
    let at = write.at();
    package::set_live(&mut write.tx, &id, &services, at).await?;
    let live = Some((version.unwrap_or(0), services.as_slice()));
    keep_package(&mut write.tx, (file, &id), next, live).await
}

fn event(now: Generation, wanted: Generation, differences: &[Difference]) -> Event {
    let names: Vec<_> = differences
        .iter()
        .map(|difference| format!("{} {}", difference.kind, difference.name))
        .collect();
    Event {
        action: "generation.restore".to_owned(),
        object: format!("generation {wanted}"),
        before: Some(json!({ "content_of": now.0 })),
        after: Some(json!({ "content_of": wanted.0, "changed": names })),
    }
}

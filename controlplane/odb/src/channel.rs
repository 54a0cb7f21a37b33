//! Rows of channels.
//!
//! Owns what needs other rows to decide: names and patterns that are taken, services that do not
//! exist. Invariant: no two channels take the same request.

use cp_model::channel::BUILT_IN_CHANNEL;
use cp_model::{
    Channel, ChannelId, ChannelName, ChannelSpec, DataFormat, Method, Origin, PathPattern,
    ServiceName, Version,
};
use uuid::Uuid;

use crate::engine::{self, Row, sql};
use crate::row::{number, small, text, to_sql, uuid};
use crate::write::{Event, Write, expect_version, shown, version_to_sql};
use crate::{Odb, OdbError, Written};

// === impl Odb ===

impl Odb {
    pub async fn channel_find(&self, name: &ChannelName) -> Result<Channel, OdbError> {
        let row = sql("SELECT * FROM channel WHERE name = ?")
            .bind(name.as_str())
            .fetch_optional(&self.pools.read)
            .await?;
        parse(&row.ok_or_else(|| absent(name))?)
    }

    /// In order of name, those after `after`, at most `limit`.
    pub async fn channel_list(&self, after: &str, limit: u32) -> Result<Vec<Channel>, OdbError> {
        let rows = sql("SELECT * FROM channel WHERE name > ? ORDER BY name LIMIT ?")
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pools.read)
            .await?;
        rows.iter().map(parse).collect()
    }

    /// Names of channels with the services they lead to.
    pub async fn channel_services(&self) -> Result<Vec<(ServiceName, ChannelName)>, OdbError> {
        let rows = sql("SELECT service, name FROM channel ORDER BY service, name")
            .fetch_all(&self.pools.read)
            .await?;
        let pair = |row: &Row| {
            let service = ServiceName::parse(&text(row, "service")?)?;
            Ok((service, ChannelName::parse(&text(row, "name")?)?))
        };
        rows.iter().map(pair).collect()
    }

    pub async fn channel_create(
        &self,
        origin: &Origin,
        spec: ChannelSpec,
    ) -> Result<Written<Channel>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let channel = Channel {
            id: ChannelId(Uuid::now_v7()),
            spec,
            version: write.version().await?,
        };
        check(&mut write.tx, &channel).await?;
        insert(&mut write.tx, &channel).await?;
        let after = shown(&channel)?;
        let generation = write
            .publish(event("channel.create", &channel.spec.name, None, after))
            .await?;
        Ok(Written {
            value: channel,
            generation,
        })
    }

    /// Replaces what a person decides; `expected` is the version that the person saw.
    pub async fn channel_update(
        &self,
        origin: &Origin,
        name: &ChannelName,
        spec: ChannelSpec,
        expected: Version,
    ) -> Result<Written<Channel>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let before = find(&mut write.tx, name)
            .await?
            .ok_or_else(|| absent(name))?;
        expect_version("channel", name.as_str(), before.version, Some(expected))?;
        if before.spec == spec {
            let generation = write.generation().await?;
            return Ok(Written {
                value: before,
                generation,
            });
        }
        let after = Channel {
            id: before.id,
            spec,
            version: write.version().await?,
        };
        check(&mut write.tx, &after).await?;
        sql("DELETE FROM channel WHERE id = ?")
            .bind(before.id.to_string())
            .execute(&mut write.tx)
            .await?;
        insert(&mut write.tx, &after).await?;
        let event = event("channel.update", name, shown(&before)?, shown(&after)?);
        let generation = write.publish(event).await?;
        Ok(Written {
            value: after,
            generation,
        })
    }

    pub async fn channel_delete(
        &self,
        origin: &Origin,
        name: &ChannelName,
        expected: Version,
    ) -> Result<Written<Channel>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let before = find(&mut write.tx, name)
            .await?
            .ok_or_else(|| absent(name))?;
        expect_version("channel", name.as_str(), before.version, Some(expected))?;
        sql("DELETE FROM channel WHERE id = ?")
            .bind(before.id.to_string())
            .execute(&mut write.tx)
            .await?;
        let event = event("channel.delete", name, shown(&before)?, None);
        let generation = write.publish(event).await?;
        Ok(Written {
            value: before,
            generation,
        })
    }
}

pub(crate) fn parse(row: &Row) -> Result<Channel, OdbError> {
    Ok(Channel {
        id: ChannelId(uuid(row, "id")?),
        spec: ChannelSpec {
            name: ChannelName::parse(&text(row, "name")?)?,
            path: PathPattern::stored(text(row, "path")?),
            method: Method::parse(&text(row, "method")?)?,
            service: ServiceName::parse(&text(row, "service")?)?,
            data_format: DataFormat::parse(&text(row, "data_format")?)?,
            timeout_ms: small(row, "timeout_ms")?,
            body_bytes_max: number(row, "body_bytes_max")?,
            is_active: row.try_get::<i64>("is_active")? != 0,
        },
        version: Version(number(row, "version")?),
    })
}

async fn find(
    tx: &mut engine::Transaction,
    name: &ChannelName,
) -> Result<Option<Channel>, OdbError> {
    let row = sql("SELECT * FROM channel WHERE name = ?")
        .bind(name.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    row.as_ref().map(parse).transpose()
}

/// What only other rows can tell: name, pattern and service.
async fn check(tx: &mut engine::Transaction, channel: &Channel) -> Result<(), OdbError> {
    let spec = &channel.spec;
    if let Some(other) = find(tx, &spec.name).await?
        && other.id != channel.id
    {
        return Err(OdbError::Exists {
            kind: "channel",
            name: spec.name.to_string(),
        });
    }
    // Every node answers this path itself, so no channel may.
    if spec.path.is_built_in() {
        return Err(taken(&ChannelName::parse(BUILT_IN_CHANNEL)?, spec));
    }
    let rows = sql("SELECT * FROM channel WHERE path_key = ? ORDER BY name")
        .bind(spec.path.key())
        .fetch_all(&mut *tx)
        .await?;
    for row in &rows {
        let other = parse(row)?;
        if other.id != channel.id && other.spec.collides_with(spec) {
            return Err(taken(&other.spec.name, spec));
        }
    }
    if spec.service.is_built_in() {
        return Ok(());
    }
    let known: i64 = sql("SELECT COUNT(*) FROM service WHERE name = ?")
        .bind(spec.service.as_str())
        .scalar(&mut *tx)
        .await?;
    if known == 0 {
        return Err(OdbError::ServiceUnknown(spec.service.clone()));
    }
    Ok(())
}

fn taken(other: &ChannelName, spec: &ChannelSpec) -> OdbError {
    let method = match spec.method {
        Method::Any => "any method".to_owned(),
        method => method.as_str().to_owned(),
    };
    OdbError::ChannelTaken {
        other: other.clone(),
        method,
        path: spec.path.to_string(),
    }
}

async fn insert(tx: &mut engine::Transaction, channel: &Channel) -> Result<(), OdbError> {
    let spec = &channel.spec;
    sql(
        "INSERT INTO channel (id, name, path, path_key, method, service, data_format, timeout_ms,
                              body_bytes_max, is_active, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(channel.id.to_string())
    .bind(spec.name.as_str())
    .bind(spec.path.as_str())
    .bind(spec.path.key())
    .bind(spec.method.as_str())
    .bind(spec.service.as_str())
    .bind(spec.data_format.as_str())
    .bind(i64::from(spec.timeout_ms))
    .bind(to_sql(spec.body_bytes_max))
    .bind(i64::from(spec.is_active))
    .bind(version_to_sql(channel.version))
    .execute(&mut *tx)
    .await?;
    Ok(())
}

fn absent(name: &ChannelName) -> OdbError {
    OdbError::NotFound {
        kind: "channel",
        name: name.to_string(),
    }
}

fn event<'a>(
    action: &'a str,
    name: &ChannelName,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> Event<'a> {
    Event {
        action,
        object: format!("channel {name}"),
        before,
        after,
    }
}

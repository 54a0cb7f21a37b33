//! The cluster's one row.
//!
//! Invariant: there is exactly one, made with the ODB, and its id never changes.

use cp_model::{Cluster, ClusterId, ClusterName, Generation, Origin};
use uuid::Uuid;

use crate::engine::{Row, sql};
use crate::row::{number, text, time, to_sql, uuid};
use crate::write::Write;
use crate::{Odb, OdbError};

// === impl Odb ===

impl Odb {
    pub async fn cluster(&self) -> Result<Cluster, OdbError> {
        let row = sql("SELECT * FROM cluster")
            .fetch_one(&self.pools.read)
            .await?;
        parse(&row)
    }

    /// True when the ODB answers; the readiness check.
    pub async fn ping(&self) -> Result<(), OdbError> {
        self.cluster().await.map(|_| ())
    }

    /// Makes a generation above `seen`, which a node serves and these rows never made: they were
    /// restored from a backup, and nodes refuse to go back. `None` when ours is above it already.
    pub async fn cluster_overtake(
        &self,
        origin: &Origin,
        seen: Generation,
    ) -> Result<Option<Generation>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let ours = write.generation().await?;
        if ours > seen {
            return Ok(None);
        }
        sql("UPDATE cluster SET generation = ?")
            .bind(to_sql(seen.0))
            .execute(&mut write.tx)
            .await?;
        let name: String = sql("SELECT name FROM cluster")
            .scalar(&mut write.tx)
            .await?;
        let why = format!("a node serves generation {seen} with another content");
        let event = crate::write::Event {
            action: "cluster.overtake".to_owned(),
            object: format!("cluster {name}"),
            before: Some(serde_json::json!({ "generation": ours.0 })),
            after: Some(serde_json::json!({ "generation": seen.0 + 1, "reason": why })),
        };
        write.publish(event).await.map(Some)
    }

    pub(crate) async fn cluster_ensure(
        &self,
        name: &ClusterName,
        origin: &Origin,
    ) -> Result<(), OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let at = write.at();
        let count: i64 = sql("SELECT COUNT(*) FROM cluster")
            .scalar(&mut write.tx)
            .await?;
        if count > 0 {
            return Ok(());
        }
        sql("INSERT INTO cluster (id, name, generation, history_from, created_at) VALUES (?, ?, 0, 1, ?)")
            .bind(Uuid::now_v7().to_string())
            .bind(name.as_str())
            .bind(at)
            .execute(&mut write.tx)
            .await?;
        let event = crate::write::Event {
            action: "cluster.create".to_owned(),
            object: format!("cluster {name}"),
            before: None,
            after: None,
        };
        // The first generation is an empty cluster, so that generation 0 can mean "none".
        write.publish(event).await.map(|_| ())
    }
}

pub(crate) fn parse(row: &Row) -> Result<Cluster, OdbError> {
    Ok(Cluster {
        id: ClusterId(uuid(row, "id")?),
        name: ClusterName::parse(&text(row, "name")?)?,
        generation: Generation(number(row, "generation")?),
        history_from: Generation(number(row, "history_from")?),
        created_at: time(row, "created_at")?,
    })
}

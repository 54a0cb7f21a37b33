//! Everything that a snapshot is made of, read as one state.
//!
//! Invariant: all parts belong to the one generation, because one read transaction saw them.

use cp_model::{Cluster, Node, Object, Package, Service};

use crate::engine::sql;
use crate::{Odb, OdbError, cluster, node, object, package, service};

/// The rows of one generation.
#[derive(Debug, Clone)]
pub struct Rows {
    pub cluster: Cluster,
    pub nodes: Vec<Node>,
    /// Live ones only.
    pub packages: Vec<Package>,
    pub services: Vec<Service>,
    /// Of every kind, in order of kind and name.
    pub objects: Vec<Object>,
}

// === impl Odb ===

impl Odb {
    pub async fn rows(&self) -> Result<Rows, OdbError> {
        let mut tx = self.pools.read.begin_read().await?;
        let cluster = sql("SELECT * FROM cluster").fetch_one(&mut tx).await?;
        let nodes = sql("SELECT * FROM node ORDER BY name")
            .fetch_all(&mut tx)
            .await?;
        let packages = sql(package::SELECT_LIVE).fetch_all(&mut tx).await?;
        let services = sql(service::SELECT).fetch_all(&mut tx).await?;
        let objects = sql("SELECT * FROM object ORDER BY kind, name")
            .fetch_all(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Rows {
            cluster: cluster::parse(&cluster)?,
            nodes: nodes.iter().map(node::parse).collect::<Result<_, _>>()?,
            packages: packages
                .iter()
                .map(package::parse)
                .collect::<Result<_, _>>()?,
            services: services
                .iter()
                .map(service::parse)
                .collect::<Result<_, _>>()?,
            objects: objects
                .iter()
                .map(object::parse)
                .collect::<Result<_, _>>()?,
        })
    }
}

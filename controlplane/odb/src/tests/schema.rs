//! The schema of each engine, kept in the tree: a change of a migration shows in its diff, and whatever
//! version an ODB comes from, it ends with this schema.

use super::*;
use crate::engine::{Pool, Row, sql};
use serde_json::Value;

each_engine!(the_schema_is_the_kept_one);

const TABLES_SQLITE: &str = "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') AS line
     FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name";
const TABLES_POSTGRES: &str = "SELECT table_name || ' ' || column_name || ' ' || data_type || ' '
            || COALESCE(collation_name, '-') || ' null:' || is_nullable AS line
     FROM information_schema.columns WHERE table_schema = 'public'
     UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
     UNION ALL SELECT 'check ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f')
     ORDER BY 1";
const TABLES_MYSQL: &str = "SELECT CONCAT(table_name, ' ', column_name, ' ', column_type, ' ',
                   COALESCE(collation_name, '-'), ' null:', is_nullable) AS line
     FROM information_schema.columns WHERE table_schema = DATABASE()
     UNION ALL
     SELECT CONCAT('index ', table_name, ' ', index_name, ' unique:', 1 - non_unique, ' (',
                   GROUP_CONCAT(column_name ORDER BY seq_in_index), ')')
     FROM information_schema.statistics WHERE table_schema = DATABASE()
     GROUP BY table_name, index_name, non_unique
     UNION ALL
     SELECT CONCAT('check ', table_name, ' ', check_clause)
     FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()
     ORDER BY 1";

async fn the_schema_is_the_kept_one(engine: Engine) {
    let store = Store::new(engine).await;
    assert_kept(&store.odb, engine).await;
}

#[tokio::test]
async fn an_odb_of_the_first_version_keeps_what_it_has() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    first_version(&database).await.close().await;

    let odb = open(&database).await.unwrap();
    assert_kept(&odb, Engine::Sqlite).await;
    let rows = odb.rows().await.unwrap();
    let channel = &rows.objects[0];
    assert_eq!(
        Value::Object(channel.whole()),
        json!({
            "name": "crm", "path": "/crm/{id}", "method": "GET", "service": "crm.get", "data_format": "json",
            "timeout_ms": 5, "body_bytes_max": 6, "is_active": false,
        })
    );
    assert_eq!(
        (channel.version, rows.cluster.history_from),
        (Version(3), Generation(2))
    );
    let taken = create(&odb, "other", "/crm/{x}", "bascule.echo").await;
    assert!(
        matches!(taken, Err(OdbError::Taken { .. })),
        "claims moved too"
    );
    let error = delete_package(&odb).await;
    assert!(
        matches!(error, Err(OdbError::InUse { .. })),
        "references moved too"
    );
    // The content that it had is kept from then on, code included.
    delete(&odb, channel).await.unwrap();
    delete_package(&odb).await.unwrap();
    odb.history_restore(&origin(), Generation(2)).await.unwrap();
    let restored = odb.rows().await.unwrap();
    assert_eq!(restored.objects[0].id, channel.id);
    assert_eq!(restored.services[0].declared.name.as_str(), "crm.get");
    let older = odb.history_restore(&origin(), Generation(1)).await;
    assert!(matches!(older, Err(OdbError::NotKept { .. })));
}

/// The first version of `SQLite`'s schema, with a channel and a live package, as it landed.
pub(super) async fn first_version(database: &TestDatabase) -> sqlx::SqlitePool {
    let first = include_str!("../../../../migrations/sqlite/0001_init.sql");
    let path = database.folder().join("odb.db");
    let old = sqlx::SqlitePool::connect_with(
        sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true),
    )
    .await
    .unwrap();
    let filled = include_str!("first_version.sql");
    for text in [first, filled] {
        sqlx::raw_sql(text).execute(&old).await.unwrap();
    }
    sqlx::query("INSERT INTO migration (number, checksum, at) VALUES (1, ?, 0)")
        .bind(crate::migration::checksum(first))
        .execute(&old)
        .await
        .unwrap();
    old
}

async fn delete_package(odb: &Odb) -> Result<(), OdbError> {
    let id = PackageId::parse(&"ab".repeat(32)).unwrap();
    odb.package_undeploy(&origin(), &id).await.map(|_| ())
}

async fn assert_kept(odb: &Odb, engine: Engine) {
    let (query, name) = match engine {
        Engine::Sqlite => (TABLES_SQLITE, "sqlite"),
        Engine::Postgres => (TABLES_POSTGRES, "postgres"),
        Engine::MySql => (TABLES_MYSQL, "mysql"),
    };
    let pool: &Pool = &odb.pools.read;
    let rows = sql(query).fetch_all(pool).await.unwrap();
    // SQLite keeps each statement as it was written; its spaces are nobody's business.
    let line = |row: &Row| {
        let text: String = row.first().unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let now: Vec<String> = rows.iter().map(line).collect();
    let now = now.join("\n") + "\n";
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let path = format!("{root}/{name}/schema.txt");
    if std::env::var_os("BASCULE_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == now,
        "{path} is not what the migrations make; with BASCULE_BLESS=1 this test writes it anew:\n{now}"
    );
}

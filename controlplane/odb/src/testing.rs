//! Databases for tests: one of its own for each test, on every engine.
//!
//! The servers are those that `BASCULE_TEST_POSTGRES` and `BASCULE_TEST_MYSQL` name (`tests/servers.sh`
//! sets them), else private ones of this process. Compiled for tests only.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that has no database has failed"
)]

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, PgConnection};
use tempfile::TempDir;

use crate::OdbUrl;

/// The engines that the ODB promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
    MySql,
}

/// An empty database; dropped with this.
#[derive(Debug)]
pub struct TestDatabase {
    engine: Engine,
    name: String,
    folder: TempDir,
}

/// A server, and the process that ends it when our end of its input is closed.
#[derive(Debug)]
struct Server {
    url: String,
    _keeper: Option<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

/// A server that a test may kill, with one database.
#[derive(Debug)]
pub struct MortalServer {
    url: String,
    pid: String,
    keeper: Keeper,
}

static POSTGRES: OnceLock<Server> = OnceLock::new();
static MYSQL: OnceLock<Server> = OnceLock::new();

// === impl TestDatabase ===

impl TestDatabase {
    pub async fn new(engine: Engine) -> Self {
        let database = Self {
            engine,
            name: format!("bascule_{}", uuid::Uuid::now_v7().simple()),
            folder: tempfile::tempdir().expect("a folder"),
        };
        if engine != Engine::Sqlite {
            let name = &database.name;
            let characters = match engine {
                Engine::MySql => " CHARACTER SET utf8mb4",
                _ => "",
            };
            database
                .administer(format!("CREATE DATABASE {name}{characters}"))
                .await
                .expect("a database");
        }
        database
    }

    /// As text, as a person would give it.
    pub fn url_text(&self) -> String {
        match self.engine {
            Engine::Sqlite => format!("sqlite:{}", self.folder.path().join("odb.db").display()),
            Engine::Postgres => postgres().replace("/postgres?", &format!("/{}?", self.name)),
            Engine::MySql => mysql().replace("/mysql?", &format!("/{}?", self.name)),
        }
    }

    pub fn url(&self) -> OdbUrl {
        OdbUrl::parse(&self.url_text()).expect("a URL of ours")
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Where the file of an embedded engine is.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    async fn administer(&self, statement: String) -> Result<(), sqlx::Error> {
        // Our own names; nothing of a client is in them.
        let statement = AssertSqlSafe(statement);
        match self.engine {
            Engine::Sqlite => {}
            Engine::Postgres => {
                let mut server = PgConnection::connect(postgres()).await?;
                server.execute(statement).await?;
            }
            Engine::MySql => {
                let mut server = MySqlConnection::connect(mysql()).await?;
                server.execute("SET lock_wait_timeout = 1").await?;
                server.execute(statement).await?;
            }
        }
        Ok(())
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = match self.engine {
            Engine::Sqlite => return,
            Engine::Postgres => format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
            Engine::MySql => format!("DROP DATABASE IF EXISTS {}", self.name),
        };
        // A runtime of its own: the test's may be on its way out. A transaction that the test left open
        // may still hold the database; it goes with its server then.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(self.administer(statement)).ok();
            });
        });
    }
}

fn postgres() -> &'static str {
    &POSTGRES
        .get_or_init(|| Server::find("BASCULE_TEST_POSTGRES", "postgres"))
        .url
}

fn mysql() -> &'static str {
    &MYSQL
        .get_or_init(|| Server::find("BASCULE_TEST_MYSQL", "mysql"))
        .url
}

// === impl Server ===

impl Server {
    fn find(variable: &str, name: &str) -> Self {
        if let Ok(url) = std::env::var(variable) {
            return Self { url, _keeper: None };
        }
        let (url, _pid, keeper) = Keeper::start(name);
        Self {
            url,
            _keeper: Some(keeper),
        }
    }
}

// === impl Keeper ===

impl Keeper {
    /// With the server's URL and process id.
    fn start(name: &str) -> (String, String, Self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/servers.sh");
        let mut process = Command::new(script)
            .args(["one", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/servers.sh");
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut keeper = Self { process, output };
        let url = keeper.line();
        let pid = keeper.line();
        (url, pid, keeper)
    }

    fn line(&mut self) -> String {
        let Some(Ok(line)) = self.output.next() else {
            panic!("the server did not start; `make tools` installs it");
        };
        line
    }
}

// === impl MortalServer ===

impl MortalServer {
    pub fn start(engine: Engine) -> Self {
        let name = match engine {
            Engine::Sqlite => panic!("SQLite has no server"),
            Engine::Postgres => "postgres",
            Engine::MySql => "mysql",
        };
        let (url, pid, keeper) = Keeper::start(name);
        // The database that every MariaDB has is its own; the one of PostgreSQL is anybody's.
        let url = url.replace("/mysql?", "/test?");
        if engine == Engine::MySql {
            let socket = url.split_once("socket=").unwrap().1;
            let socket = format!("--socket={socket}");
            let made = Command::new("mariadb")
                .args([
                    "--no-defaults",
                    "-u",
                    "root",
                    &socket,
                    "-e",
                    "CREATE DATABASE test",
                ])
                .status();
            assert!(made.expect("mariadb").success());
        }
        Self { url, pid, keeper }
    }

    pub fn url(&self) -> OdbUrl {
        OdbUrl::parse(&self.url).expect("a URL of ours")
    }

    /// `KILL`, `STOP`, `CONT`, …
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &self.pid])
            .status();
        assert!(sent.expect("kill").success());
    }

    /// Starts the killed server on the data that it left.
    pub fn start_again(&mut self) {
        let input = self.keeper.process.stdin.as_mut().unwrap();
        input.write_all(b"again\n").expect("the keeper lives");
        self.pid = self.keeper.line();
    }
}

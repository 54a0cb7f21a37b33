//! Which engine, and where: `sqlite:PATH`, `postgres://…`, `mysql://…`.
//!
//! Invariant: a password that stands in the URL is in no error, no log line and no `Debug` text.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;

use cp_model::Invalid;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// Where the ODB is.
#[derive(Clone)]
pub enum OdbUrl {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

// === impl OdbUrl ===

impl OdbUrl {
    /// `sqlite:PATH`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…` (also `postgresql:`) or
    /// `mysql://…` (also `mariadb:`); the options after `?` are the driver's, for example
    /// `sslmode=verify-full` and `ssl-mode=VERIFY_IDENTITY`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = |reason: String| Invalid::new("odb_url", reason);
        let (scheme, rest) = text
            .split_once(':')
            .ok_or_else(|| wrong("must begin with sqlite:, postgres:// or mysql://".into()))?;
        // The drivers' own errors may repeat the whole URL, so they are not passed on.
        let malformed = || {
            wrong(format!(
                "is no URL of the form {scheme}://USER@HOST/DATABASE"
            ))
        };
        match scheme {
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(wrong("names no file".into())),
                path => Ok(Self::Sqlite(PathBuf::from(path))),
            },
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(text).map_err(|_error| malformed())?;
                if options.get_database().is_none() {
                    return Err(wrong("names no database".into()));
                }
                Ok(Self::Postgres(Box::new(options)))
            }
            "mysql" | "mariadb" => {
                let text = format!("mysql:{rest}");
                let options = MySqlConnectOptions::from_str(&text).map_err(|_error| malformed())?;
                if options.get_database().is_none() {
                    return Err(wrong("names no database".into()));
                }
                Ok(Self::MySql(Box::new(options)))
            }
            _ => {
                let known = "known are sqlite, postgres and mysql";
                let scheme: String = scheme.chars().take(20).collect();
                Err(wrong(format!("has the unknown scheme {scheme:?}; {known}")))
            }
        }
    }
}

impl fmt::Display for OdbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(options) => {
                let database = options.get_database().unwrap_or_default();
                let (host, port) = (options.get_host(), options.get_port());
                write!(f, "postgres://{host}:{port}/{database}")
            }
            Self::MySql(options) => {
                let database = options.get_database().unwrap_or_default();
                let (host, port) = (options.get_host(), options.get_port());
                write!(f, "mysql://{host}:{port}/{database}")
            }
        }
    }
}

impl fmt::Debug for OdbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_chosen_by_its_scheme() {
        for (text, shown) in [
            ("sqlite:/var/odb.db", "sqlite:/var/odb.db"),
            ("sqlite:///var/odb.db", "sqlite:/var/odb.db"),
            ("postgres://u:p@h/d", "postgres://h:5432/d"),
            ("postgresql://u@h:1/d", "postgres://h:1/d"),
            ("mysql://u:p@h/d", "mysql://h:3306/d"),
            ("mariadb://u:p@h/d", "mysql://h:3306/d"),
        ] {
            assert_eq!(OdbUrl::parse(text).expect(text).to_string(), shown);
        }
    }

    #[test]
    fn no_text_of_a_url_holds_its_password() {
        let url = OdbUrl::parse("postgres://u:hunter2@h/d").expect("valid");
        assert!(!format!("{url:?} {url}").contains("hunter2"));
        for bad in [
            "postgres://u:hunter2@h:99999999/d",
            "postgres://u:hunter2@h",
            "mysql://u:hunter2@h/",
            "mysql://u:hunter2@[/d",
            "oracle://u:hunter2@h/d",
        ] {
            let error = OdbUrl::parse(bad).expect_err(bad);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}

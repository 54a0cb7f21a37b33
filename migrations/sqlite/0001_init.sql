-- The first schema. Times are microseconds since 1970 (UTC); JSON is text.
-- A migration is one change and is never edited after it landed: its checksum is kept in the ODB.

CREATE TABLE cluster (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    -- Number of the newest generation; 0 before the first change.
    generation  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
);

CREATE TABLE node (
    name             TEXT    NOT NULL PRIMARY KEY,
    state            TEXT    NOT NULL CHECK (state IN ('online', 'draining', 'offline')),
    weight           INTEGER NOT NULL CHECK (weight BETWEEN 1 AND 1000),
    address          TEXT    NOT NULL,
    balancer_address TEXT    NOT NULL,
    admin_address    TEXT    NOT NULL,
    binary_version   TEXT    NOT NULL,
    python           TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL
);

CREATE TABLE package (
    -- Order of arrival; the key of page tokens.
    sequence    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- SHA-256 of file name and content.
    id          TEXT    NOT NULL UNIQUE,
    file        TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('checking', 'live', 'refused', 'retired')),
    bytes       INTEGER NOT NULL,
    content     BLOB    NOT NULL,
    -- JSON, set while refused.
    error       TEXT,
    -- JSON array of the declared services' names, set once the package has been live.
    services    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (file, version)
);

-- One live package a file, whatever the code believes.
CREATE UNIQUE INDEX package_live ON package (file) WHERE state = 'live';

-- The services of live packages.
CREATE TABLE service (
    name          TEXT    NOT NULL PRIMARY KEY,
    package_id    TEXT    NOT NULL REFERENCES package (id),
    class_name    TEXT    NOT NULL,
    line          INTEGER NOT NULL,
    documentation TEXT    NOT NULL,
    input         TEXT    NOT NULL,
    output        TEXT    NOT NULL,
    deployed_at   INTEGER NOT NULL
);

CREATE INDEX service_package ON service (package_id);

-- A channel refers to a service by name, not by key: built-in services have no row.
CREATE TABLE channel (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    path           TEXT    NOT NULL,
    -- The path without the parameters' names; channels with one key may collide.
    path_key       TEXT    NOT NULL,
    method         TEXT    NOT NULL,
    service        TEXT    NOT NULL,
    data_format    TEXT    NOT NULL,
    timeout_ms     INTEGER NOT NULL,
    body_bytes_max INTEGER NOT NULL,
    is_active      INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    version        INTEGER NOT NULL
);

CREATE INDEX channel_path_key ON channel (path_key);
CREATE INDEX channel_service ON channel (service);

-- One row for each change of what nodes run; numbers have no holes.
CREATE TABLE generation (
    number  INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL,
    summary TEXT    NOT NULL
);

CREATE TABLE audit (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    who          TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    object       TEXT    NOT NULL,
    -- NULL when the change did not touch what nodes run.
    generation   INTEGER,
    before_value TEXT,
    after_value  TEXT
);

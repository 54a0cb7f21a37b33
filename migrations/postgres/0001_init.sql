-- The first schema of PostgreSQL. Names are compared byte by byte (COLLATE "C"). Times are microseconds since 1970 (UTC); JSON is text.
-- A migration is one change and is never edited after it landed: its checksum is kept in the ODB.

CREATE TABLE cluster (
    id          TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    name        TEXT COLLATE "C"    NOT NULL,
    -- Number of the newest generation; 0 before the first change.
    generation  BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL
);

CREATE TABLE node (
    name             TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    state            TEXT COLLATE "C"    NOT NULL CHECK (state IN ('online', 'draining', 'offline')),
    weight           BIGINT  NOT NULL CHECK (weight BETWEEN 1 AND 1000),
    address          TEXT    NOT NULL,
    balancer_address TEXT    NOT NULL,
    admin_address    TEXT    NOT NULL,
    binary_version   TEXT    NOT NULL,
    python           TEXT    NOT NULL,
    created_at       BIGINT  NOT NULL,
    version          BIGINT  NOT NULL
);

CREATE TABLE package (
    -- Order of arrival; the key of page tokens.
    sequence    BIGINT  NOT NULL PRIMARY KEY,
    -- SHA-256 of file name and content.
    id          TEXT COLLATE "C"    NOT NULL UNIQUE,
    file        TEXT COLLATE "C"    NOT NULL,
    version     BIGINT  NOT NULL,
    state       TEXT COLLATE "C"    NOT NULL CHECK (state IN ('checking', 'live', 'refused', 'retired')),
    bytes       BIGINT  NOT NULL,
    content     BYTEA    NOT NULL,
    -- JSON, set while refused.
    error       TEXT,
    -- JSON array of the declared services' names, set once the package has been live.
    services    TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    UNIQUE (file, version)
);

-- One live package a file, whatever the code believes.
CREATE UNIQUE INDEX package_live ON package (file) WHERE state = 'live';

-- The services of live packages.
CREATE TABLE service (
    name          TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    package_id    TEXT COLLATE "C"    NOT NULL REFERENCES package (id),
    class_name    TEXT    NOT NULL,
    line          BIGINT  NOT NULL,
    documentation TEXT    NOT NULL,
    input         TEXT    NOT NULL,
    output        TEXT    NOT NULL,
    deployed_at   BIGINT  NOT NULL
);

CREATE INDEX service_package ON service (package_id);

-- A channel refers to a service by name, not by key: built-in services have no row.
CREATE TABLE channel (
    id             TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    name           TEXT COLLATE "C"    NOT NULL UNIQUE,
    path           TEXT    NOT NULL,
    -- The path without the parameters' names; channels with one key may collide.
    path_key       TEXT COLLATE "C"    NOT NULL,
    method         TEXT    NOT NULL,
    service        TEXT COLLATE "C"    NOT NULL,
    data_format    TEXT    NOT NULL,
    timeout_ms     BIGINT  NOT NULL,
    body_bytes_max BIGINT  NOT NULL,
    is_active      BIGINT  NOT NULL CHECK (is_active IN (0, 1)),
    version        BIGINT  NOT NULL
);

CREATE INDEX channel_path_key ON channel (path_key);
CREATE INDEX channel_service ON channel (service);

-- One row for each change of what nodes run; numbers have no holes.
CREATE TABLE generation (
    number  BIGINT  NOT NULL PRIMARY KEY,
    at      BIGINT  NOT NULL,
    who     TEXT    NOT NULL,
    summary TEXT    NOT NULL
);

CREATE TABLE audit (
    id           BIGINT  NOT NULL PRIMARY KEY,
    at           BIGINT  NOT NULL,
    who          TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    object       TEXT    NOT NULL,
    -- NULL when the change did not touch what nodes run.
    generation   BIGINT ,
    before_value TEXT,
    after_value  TEXT
);

-- The first schema of PostgreSQL. Names are compared byte by byte (COLLATE "C"). Times are microseconds since 1970 (UTC); JSON is text.
-- A migration is one change and is never edited after it landed: its checksum is kept in the ODB.

CREATE TABLE cluster (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    -- Number of the newest generation; 0 before the first change.
    generation BIGINT NOT NULL,
    -- The oldest generation whose content the history holds.
    history_from BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE node (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('online', 'draining', 'offline')),
    weight BIGINT NOT NULL CHECK (weight BETWEEN 1 AND 1000),
    address TEXT NOT NULL,
    balancer_address TEXT NOT NULL,
    admin_address TEXT NOT NULL,
    binary_version TEXT NOT NULL,
    python TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE package (
    -- Order of arrival; the key of page tokens.
    sequence BIGINT NOT NULL PRIMARY KEY,
    -- SHA-256 of file name and content.
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    file TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('checking', 'live', 'refused', 'retired')),
    bytes BIGINT NOT NULL,
    content BYTEA NOT NULL,
    -- JSON, set while refused.
    error TEXT,
    -- JSON array of the declared services' names, set once the package has been live.
    services TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (file, version)
);

-- One live package a file, whatever the code believes.
CREATE UNIQUE INDEX package_live ON package (file) WHERE state = 'live';

-- The services of live packages.
CREATE TABLE service (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    package_id TEXT COLLATE "C" NOT NULL REFERENCES package (id),
    class_name TEXT NOT NULL,
    line BIGINT NOT NULL,
    documentation TEXT NOT NULL,
    input TEXT NOT NULL,
    output TEXT NOT NULL,
    deployed_at BIGINT NOT NULL
);

CREATE INDEX service_package ON service (package_id);

-- Objects of every kind in one table: what a person decides is one JSON text, checked by the kind's
-- table of fields. A new kind needs no migration.
CREATE TABLE object (
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);

-- What only one object of a kind may have, for example a path and method.
CREATE TABLE claim (
    kind TEXT COLLATE "C" NOT NULL,
    claim_key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, claim_key)
);

CREATE INDEX claim_name ON claim (kind, name);

-- Which object names which, and where. A service is named by its name, not by a key: built-in ones have no row.
CREATE TABLE object_reference (
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    target_kind TEXT COLLATE "C" NOT NULL,
    target_name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name, place)
);

CREATE INDEX object_reference_target ON object_reference (target_kind, target_name);

-- Each object as each generation that changed it left it: the state at generation G is, of each name, the row with
-- the greatest generation up to G. NULL: it was deleted. Live packages stand here too, as the kind `package`.
CREATE TABLE history (
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    spec TEXT,
    PRIMARY KEY (kind, name, generation)
);

CREATE INDEX history_generation ON history (generation);

-- Requests that are done once, however often they are sent (Idempotency-Key).
CREATE TABLE request_key (
    request_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    generation BIGINT NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX request_key_at ON request_key (at);

-- One row for each change of what nodes run; numbers have no holes.
CREATE TABLE generation (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    summary TEXT NOT NULL
);

CREATE TABLE audit (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    -- The reason that the author gave.
    why TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    -- NULL when the change did not touch what nodes run.
    generation BIGINT,
    before_value TEXT,
    after_value TEXT
);

-- The first schema of MariaDB and MySQL. Names are compared byte by byte (utf8mb4_bin). Times are microseconds since 1970 (UTC); JSON is text.
-- A migration is one change and is never edited after it landed: its checksum is kept in the ODB.

CREATE TABLE cluster (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    -- Number of the newest generation; 0 before the first change.
    generation BIGINT NOT NULL,
    -- The oldest generation whose content the history holds.
    history_from BIGINT NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE node (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    state VARCHAR(16) NOT NULL CHECK (state IN ('online', 'draining', 'offline')),
    weight BIGINT NOT NULL CHECK (weight BETWEEN 1 AND 1000),
    address LONGTEXT NOT NULL,
    balancer_address LONGTEXT NOT NULL,
    admin_address LONGTEXT NOT NULL,
    binary_version LONGTEXT NOT NULL,
    python LONGTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE package (
    -- Order of arrival; the key of page tokens.
    sequence BIGINT NOT NULL PRIMARY KEY,
    -- SHA-256 of file name and content.
    id VARCHAR(64) NOT NULL UNIQUE,
    file VARCHAR(255) NOT NULL,
    version BIGINT NOT NULL,
    state VARCHAR(16) NOT NULL CHECK (state IN ('checking', 'live', 'refused', 'retired')),
    bytes BIGINT NOT NULL,
    content LONGBLOB NOT NULL,
    -- JSON, set while refused.
    error LONGTEXT,
    -- JSON array of the declared services' names, set once the package has been live.
    services LONGTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (file, version)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One live package a file, whatever the code believes.
-- An index over some of the rows is not to be had here; NULL is never a duplicate.
ALTER TABLE package ADD COLUMN live_file VARCHAR(255)
    GENERATED ALWAYS AS (CASE WHEN state = 'live' THEN file END) STORED UNIQUE;

-- The services of live packages.
CREATE TABLE service (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    package_id VARCHAR(64) NOT NULL,
    class_name LONGTEXT NOT NULL,
    line BIGINT NOT NULL,
    documentation LONGTEXT NOT NULL,
    input LONGTEXT NOT NULL,
    output LONGTEXT NOT NULL,
    deployed_at BIGINT NOT NULL,
    FOREIGN KEY (package_id) REFERENCES package (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX service_package ON service (package_id);

-- Objects of every kind in one table: what a person decides is one JSON text, checked by the kind's
-- table of fields. A new kind needs no migration.
CREATE TABLE object (
    kind VARCHAR(32) NOT NULL,
    name VARCHAR(255) NOT NULL,
    id VARCHAR(64) NOT NULL UNIQUE,
    spec LONGTEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What only one object of a kind may have, for example a path and method.
CREATE TABLE claim (
    kind VARCHAR(32) NOT NULL,
    claim_key VARBINARY(1100) NOT NULL,
    name VARCHAR(255) NOT NULL,
    PRIMARY KEY (kind, claim_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX claim_name ON claim (kind, name);

-- Which object names which, and where. A service is named by its name, not by a key: built-in ones have no row.
CREATE TABLE object_reference (
    kind VARCHAR(32) NOT NULL,
    name VARCHAR(255) NOT NULL,
    place VARCHAR(255) NOT NULL,
    target_kind VARCHAR(32) NOT NULL,
    target_name VARCHAR(255) NOT NULL,
    PRIMARY KEY (kind, name, place)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX object_reference_target ON object_reference (target_kind, target_name);

-- Each object as each generation that changed it left it: the state at generation G is, of each name, the row with
-- the greatest generation up to G. NULL: it was deleted. Live packages stand here too, as the kind `package`.
CREATE TABLE history (
    kind VARCHAR(32) NOT NULL,
    name VARCHAR(255) NOT NULL,
    generation BIGINT NOT NULL,
    id VARCHAR(64) NOT NULL,
    spec LONGTEXT,
    PRIMARY KEY (kind, name, generation)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX history_generation ON history (generation);

-- Requests that are done once, however often they are sent (Idempotency-Key).
CREATE TABLE request_key (
    request_key VARCHAR(64) NOT NULL PRIMARY KEY,
    fingerprint VARCHAR(64) NOT NULL,
    generation BIGINT NOT NULL,
    at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX request_key_at ON request_key (at);

-- One row for each change of what nodes run; numbers have no holes.
CREATE TABLE generation (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    who LONGTEXT NOT NULL,
    summary LONGTEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE audit (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    who LONGTEXT NOT NULL,
    -- The reason that the author gave.
    why LONGTEXT NOT NULL,
    action LONGTEXT NOT NULL,
    object LONGTEXT NOT NULL,
    -- NULL when the change did not touch what nodes run.
    generation BIGINT,
    before_value LONGTEXT,
    after_value LONGTEXT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Its one row is what writers of all control planes lock.
CREATE TABLE write_lock (
    id BIGINT NOT NULL PRIMARY KEY
) ENGINE = InnoDB;

INSERT INTO write_lock (id) VALUES (1);

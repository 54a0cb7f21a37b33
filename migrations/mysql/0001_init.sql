-- The first schema of MariaDB and MySQL. Names are compared byte by byte (utf8mb4_bin). Times are microseconds since 1970 (UTC); JSON is text.
-- A migration is one change and is never edited after it landed: its checksum is kept in the ODB.

CREATE TABLE cluster (
    id          VARCHAR(64)    NOT NULL PRIMARY KEY,
    name        VARCHAR(255)    NOT NULL,
    -- Number of the newest generation; 0 before the first change.
    generation  BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE node (
    name             VARCHAR(255)    NOT NULL PRIMARY KEY,
    state            VARCHAR(16)    NOT NULL CHECK (state IN ('online', 'draining', 'offline')),
    weight           BIGINT  NOT NULL CHECK (weight BETWEEN 1 AND 1000),
    address          LONGTEXT    NOT NULL,
    balancer_address LONGTEXT    NOT NULL,
    admin_address    LONGTEXT    NOT NULL,
    binary_version   LONGTEXT    NOT NULL,
    python           LONGTEXT    NOT NULL,
    created_at       BIGINT  NOT NULL,
    version          BIGINT  NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE package (
    -- Order of arrival; the key of page tokens.
    sequence    BIGINT  NOT NULL PRIMARY KEY,
    -- SHA-256 of file name and content.
    id          VARCHAR(64)    NOT NULL UNIQUE,
    file        VARCHAR(255)    NOT NULL,
    version     BIGINT  NOT NULL,
    state       VARCHAR(16)    NOT NULL CHECK (state IN ('checking', 'live', 'refused', 'retired')),
    bytes       BIGINT  NOT NULL,
    content     LONGBLOB    NOT NULL,
    -- JSON, set while refused.
    error       LONGTEXT,
    -- JSON array of the declared services' names, set once the package has been live.
    services    LONGTEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    UNIQUE (file, version)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One live package a file, whatever the code believes.
-- An index over some of the rows is not to be had here; NULL is never a duplicate.
ALTER TABLE package ADD COLUMN live_file VARCHAR(255)
    GENERATED ALWAYS AS (CASE WHEN state = 'live' THEN file END) STORED UNIQUE;

-- The services of live packages.
CREATE TABLE service (
    name          VARCHAR(255)    NOT NULL PRIMARY KEY,
    package_id    VARCHAR(64)    NOT NULL ,
    class_name    LONGTEXT    NOT NULL,
    line          BIGINT  NOT NULL,
    documentation LONGTEXT    NOT NULL,
    input         LONGTEXT    NOT NULL,
    output        LONGTEXT    NOT NULL,
    deployed_at   BIGINT  NOT NULL,
    FOREIGN KEY (package_id) REFERENCES package (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX service_package ON service (package_id);

-- A channel refers to a service by name, not by key: built-in services have no row.
CREATE TABLE channel (
    id             VARCHAR(64)    NOT NULL PRIMARY KEY,
    name           VARCHAR(255)    NOT NULL UNIQUE,
    path           LONGTEXT    NOT NULL,
    -- The path without the parameters' names; channels with one key may collide.
    path_key       VARCHAR(700)    NOT NULL,
    method         VARCHAR(16)    NOT NULL,
    service        VARCHAR(255)    NOT NULL,
    data_format    VARCHAR(16)    NOT NULL,
    timeout_ms     BIGINT  NOT NULL,
    body_bytes_max BIGINT  NOT NULL,
    is_active      BIGINT  NOT NULL CHECK (is_active IN (0, 1)),
    version        BIGINT  NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX channel_path_key ON channel (path_key);
CREATE INDEX channel_service ON channel (service);

-- One row for each change of what nodes run; numbers have no holes.
CREATE TABLE generation (
    number  BIGINT  NOT NULL PRIMARY KEY,
    at      BIGINT  NOT NULL,
    who     LONGTEXT    NOT NULL,
    summary LONGTEXT    NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE audit (
    id           BIGINT  NOT NULL PRIMARY KEY,
    at           BIGINT  NOT NULL,
    who          LONGTEXT    NOT NULL,
    action       LONGTEXT    NOT NULL,
    object       LONGTEXT    NOT NULL,
    -- NULL when the change did not touch what nodes run.
    generation   BIGINT ,
    before_value LONGTEXT,
    after_value  LONGTEXT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Its one row is what writers of all control planes lock.
CREATE TABLE write_lock (
    id BIGINT NOT NULL PRIMARY KEY
) ENGINE = InnoDB;

INSERT INTO write_lock (id) VALUES (1);

-- Objects of every kind in one table: what a person decides is one JSON text, checked by the kind's
-- table of fields. A new kind needs no migration. Channels move here.

CREATE TABLE object (
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    id         TEXT    NOT NULL UNIQUE,
    spec       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
);

-- What only one object of a kind may have, for example a path and method.
CREATE TABLE claim (
    kind      TEXT NOT NULL,
    claim_key TEXT NOT NULL,
    name      TEXT NOT NULL,
    PRIMARY KEY (kind, claim_key)
);

CREATE INDEX claim_name ON claim (kind, name);

-- Which object names which, and where. A service is named by its name, not by a key: built-in ones have no row.
CREATE TABLE object_reference (
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    place       TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_name TEXT NOT NULL,
    PRIMARY KEY (kind, name, place)
);

CREATE INDEX object_reference_target ON object_reference (target_kind, target_name);

-- Each object as each generation that changed it left it: the state at generation G is, of each name, the row with
-- the greatest generation up to G. NULL: it was deleted. Live packages stand here too, as the kind `package`.
CREATE TABLE history (
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    spec       TEXT,
    PRIMARY KEY (kind, name, generation)
);

CREATE INDEX history_generation ON history (generation);

-- Requests that are done once, however often they are sent (Idempotency-Key).
CREATE TABLE request_key (
    request_key TEXT    NOT NULL PRIMARY KEY,
    fingerprint TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    at          INTEGER NOT NULL
);

CREATE INDEX request_key_at ON request_key (at);

-- The oldest generation whose content the history holds.
ALTER TABLE cluster ADD COLUMN history_from INTEGER NOT NULL DEFAULT 0;
UPDATE cluster SET history_from = generation;

-- Why a change was made, as its author said.
ALTER TABLE audit ADD COLUMN why TEXT NOT NULL DEFAULT '';

INSERT INTO object (kind, name, id, spec, version, created_at, changed_at)
SELECT 'channel', name, id,
       json_object('path', path, 'method', method, 'service', service, 'data_format', data_format,
                   'timeout_ms', timeout_ms, 'body_bytes_max', body_bytes_max,
                   'is_active', json(CASE is_active WHEN 1 THEN 'true' ELSE 'false' END)),
       version, 0, 0
FROM channel;

INSERT INTO claim (kind, claim_key, name)
SELECT 'channel', method.name || ' ' || channel.path_key, channel.name
FROM channel
JOIN (SELECT '' AS name UNION ALL SELECT 'GET' UNION ALL SELECT 'POST' UNION ALL SELECT 'PUT'
      UNION ALL SELECT 'PATCH' UNION ALL SELECT 'DELETE' UNION ALL SELECT 'HEAD'
      UNION ALL SELECT 'OPTIONS') AS method
  ON channel.method = '' OR channel.method = method.name;

INSERT INTO object_reference (kind, name, place, target_kind, target_name)
SELECT 'channel', name, 'service', 'service', service FROM channel;

INSERT INTO history (kind, name, generation, id, spec)
SELECT 'channel', object.name, cluster.generation, object.id, object.spec FROM object, cluster;

INSERT INTO history (kind, name, generation, id, spec)
SELECT 'package', package.file, cluster.generation, package.id,
       json_object('version', package.version, 'services',
                   json((SELECT COALESCE(json_group_array(json_object(
                            'name', service.name, 'class_name', service.class_name, 'line', service.line,
                            'documentation', service.documentation, 'input', json(service.input),
                            'output', json(service.output))), '[]')
                         FROM service WHERE service.package_id = package.id)))
FROM package, cluster WHERE package.state = 'live';

DROP TABLE channel;

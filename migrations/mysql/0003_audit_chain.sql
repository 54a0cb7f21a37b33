-- The audit trail becomes a chain of hashes.

-- Of the event and of all before it, 64 hexadecimal digits; NULL before the chain began. Nothing was hashed when those
-- events were written, so nothing can vouch for them now.
ALTER TABLE audit ADD COLUMN hash VARCHAR(64);

-- The first event that must have a hash; its previous hash is all zero. Were the chain to begin wherever the first hash
-- stands, taking hashes away would look like an ODB of before this migration. A control plane of an earlier version,
-- still running, writes events without one: stop it first, or its events are told as a break.
ALTER TABLE cluster ADD COLUMN audit_from BIGINT NOT NULL DEFAULT 1;

UPDATE cluster SET audit_from = (SELECT COALESCE(MAX(id), 0) + 1 FROM audit);

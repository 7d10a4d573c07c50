-- What the audit says of a node's facts: a change is audited at most once in a while.

-- When one was audited last, milliseconds since 1970.
ALTER TABLE node ADD COLUMN audited_ms INTEGER NOT NULL DEFAULT 0;
-- The facts as the audit has them, where those that are kept are newer.
ALTER TABLE node ADD COLUMN audited_facts TEXT;

-- Tokens, publishers' keys, the audit; blobs, payloads, releases, channels, floors.
-- Times are milliseconds since 1970. Lists and maps are JSON text.

CREATE TABLE token (
    name TEXT NOT NULL PRIMARY KEY,
    secret_sha256 BLOB NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    scopes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER,
    -- For `enrol`: how many nodes may still enrol with it, and what they are labelled.
    uses_left INTEGER CHECK (uses_left >= 0),
    labels TEXT NOT NULL,
    revoked_ms INTEGER
) STRICT;

CREATE TABLE trusted_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    pem TEXT NOT NULL,
    namespaces TEXT NOT NULL,
    note TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id INTEGER NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    state_before TEXT,
    state_after TEXT,
    request TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TABLE blob (
    digest TEXT NOT NULL PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE payload (
    name TEXT NOT NULL PRIMARY KEY,
    -- The highest available version by semver, with its description.
    latest TEXT,
    description TEXT,
    releases INTEGER NOT NULL,
    published_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE release (
    payload TEXT NOT NULL REFERENCES payload (name),
    version TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES blob (digest),
    size_bytes INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('available', 'yanked', 'revoked')),
    reason TEXT,
    signers TEXT NOT NULL,
    -- Absent for an unsigned release.
    envelope TEXT,
    description TEXT,
    manifest TEXT NOT NULL,
    privileges TEXT NOT NULL,
    published_ms INTEGER NOT NULL,
    published_by TEXT NOT NULL,
    PRIMARY KEY (payload, version)
) STRICT;

CREATE INDEX release_by_digest ON release (digest);

CREATE TABLE channel (
    payload TEXT NOT NULL,
    channel TEXT NOT NULL,
    version TEXT NOT NULL,
    moved_ms INTEGER NOT NULL,
    moved_by TEXT NOT NULL,
    PRIMARY KEY (payload, channel),
    FOREIGN KEY (payload, version) REFERENCES release (payload, version)
) STRICT;

CREATE TABLE payload_floor (
    payload TEXT NOT NULL PRIMARY KEY REFERENCES payload (name),
    minimum_version TEXT NOT NULL,
    serial INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    set_ms INTEGER NOT NULL
) STRICT;

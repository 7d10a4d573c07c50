-- Nodes and what they tell, deployments, and log-ins of the pages.
-- Times are milliseconds since 1970. Lists and maps are JSON text.

CREATE TABLE node (
    name TEXT NOT NULL PRIMARY KEY,
    credential_sha256 BLOB NOT NULL UNIQUE CHECK (length(credential_sha256) = 32),
    -- What it told last.
    facts TEXT NOT NULL,
    instances TEXT NOT NULL,
    -- Those of its enrolment token; they stand above what it tells.
    labels TEXT NOT NULL,
    enrolled_ms INTEGER NOT NULL,
    enrolled_by TEXT NOT NULL,
    seen_ms INTEGER NOT NULL
) STRICT;

-- What nodes run: never collected.
CREATE TABLE node_digest (
    node TEXT NOT NULL REFERENCES node (name) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    PRIMARY KEY (node, digest)
) STRICT;

CREATE INDEX node_digest_by_digest ON node_digest (digest);

CREATE TABLE outcome (
    node TEXT NOT NULL REFERENCES node (name) ON DELETE CASCADE,
    serial INTEGER NOT NULL,
    instance TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (node, serial)
) STRICT;

CREATE TABLE deployment (
    name TEXT NOT NULL PRIMARY KEY,
    payload TEXT NOT NULL REFERENCES payload (name),
    -- One of the two.
    version TEXT,
    channel TEXT,
    selector TEXT NOT NULL,
    instance TEXT NOT NULL,
    globals TEXT NOT NULL,
    targets TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    CHECK ((version IS NULL) <> (channel IS NULL))
) STRICT;

CREATE INDEX deployment_by_payload ON deployment (payload);

CREATE TABLE page_session (
    secret_sha256 BLOB NOT NULL PRIMARY KEY CHECK (length(secret_sha256) = 32),
    token_sha256 BLOB NOT NULL REFERENCES token (secret_sha256) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX page_session_by_token ON page_session (token_sha256, created_ms);

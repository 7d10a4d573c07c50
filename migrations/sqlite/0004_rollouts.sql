-- Rollouts: how deployments move to other releases, what nodes told of each, and nodes that keep
-- their version. Times are milliseconds since 1970. Lists and maps are JSON text.

-- How it moves whenever its version or its channel changes; absent: all nodes at once.
ALTER TABLE deployment ADD COLUMN plan TEXT;
-- What nodes are given that no rollout has reached, where that is not what version or channel name:
-- a version, or nothing where this is empty.
ALTER TABLE deployment ADD COLUMN held_version TEXT;

CREATE TABLE rollout (
    number INTEGER NOT NULL PRIMARY KEY,
    deployment TEXT NOT NULL,
    payload TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    -- What nodes had before; absent where they had nothing.
    from_version TEXT,
    salt TEXT NOT NULL,
    plan TEXT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    -- Whether it has not ended, and whether it decides what some nodes are given.
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    standing INTEGER NOT NULL CHECK (standing IN (0, 1)),
    -- Of an ended one: its nodes as they were.
    counts TEXT,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    changed_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    FOREIGN KEY (payload, version) REFERENCES release (payload, version)
) STRICT;

-- One active rollout a deployment.
CREATE UNIQUE INDEX rollout_active ON rollout (deployment) WHERE active = 1;
CREATE INDEX rollout_standing ON rollout (standing, number) WHERE standing = 1;
CREATE INDEX rollout_by_deployment ON rollout (deployment, number);

-- Each transition, written with it: what streams and timelines show.
CREATE TABLE rollout_transition (
    rollout INTEGER NOT NULL REFERENCES rollout (number) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    phase TEXT NOT NULL,
    wave INTEGER NOT NULL,
    because TEXT NOT NULL,
    PRIMARY KEY (rollout, revision)
) STRICT;

-- What a node told last of a rollout: of staging the release, and of running it.
CREATE TABLE rollout_mark (
    rollout INTEGER NOT NULL REFERENCES rollout (number) ON DELETE CASCADE,
    node TEXT NOT NULL REFERENCES node (name) ON DELETE CASCADE,
    staging INTEGER NOT NULL CHECK (staging IN (0, 1)),
    serial INTEGER NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (rollout, node, staging)
) STRICT;

CREATE TABLE pin (
    deployment TEXT NOT NULL REFERENCES deployment (name) ON DELETE CASCADE,
    node TEXT NOT NULL REFERENCES node (name) ON DELETE CASCADE,
    payload TEXT NOT NULL,
    version TEXT NOT NULL,
    reason TEXT NOT NULL,
    set_ms INTEGER NOT NULL,
    set_by TEXT NOT NULL,
    PRIMARY KEY (deployment, node),
    FOREIGN KEY (payload, version) REFERENCES release (payload, version)
) STRICT;

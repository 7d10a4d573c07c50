-- How many nodes ran each release at a moment. What nodes told before is told by nobody else.
CREATE TABLE history (
    at_ms INTEGER NOT NULL,
    -- Both empty: every release that is not named.
    payload TEXT NOT NULL,
    version TEXT NOT NULL,
    nodes INTEGER NOT NULL,
    PRIMARY KEY (at_ms, payload, version)
) STRICT, WITHOUT ROWID;

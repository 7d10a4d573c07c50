-- What nodes run is looked up by its digest alone, and a publication moves all of it at once: a row
-- is in one b-tree instead of three.
CREATE TABLE node_digest_by_digest_first (
    digest TEXT NOT NULL,
    node TEXT NOT NULL REFERENCES node (name) ON DELETE CASCADE,
    PRIMARY KEY (digest, node)
) STRICT, WITHOUT ROWID;

INSERT INTO node_digest_by_digest_first (digest, node) SELECT digest, node FROM node_digest;

DROP TABLE node_digest;

ALTER TABLE node_digest_by_digest_first RENAME TO node_digest;

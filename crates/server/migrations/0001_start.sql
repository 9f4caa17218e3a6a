-- Times are unix milliseconds, digests are their text, visibility is 'private' or 'public'.
CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    created       BIGINT NOT NULL
);

-- `hash` is SHA-256 of the token, which itself is stored nowhere. `scopes` is comma-separated.
CREATE TABLE pats (
    id          INTEGER PRIMARY KEY,
    hash        BLOB NOT NULL UNIQUE,
    user_id     BIGINT NOT NULL REFERENCES users (id),
    note        TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    version     BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    expires     BIGINT,
    revoked     BIGINT,
    last_used   BIGINT
);

-- The keys under which bearer tokens are signed: the current one and the one before.
CREATE TABLE bearer_keys (
    id      INTEGER PRIMARY KEY,
    secret  BLOB NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE packages (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    owner_id   BIGINT NOT NULL REFERENCES users (id),
    visibility TEXT NOT NULL,
    created    BIGINT NOT NULL
);

CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    size   BIGINT NOT NULL
);

-- A row here is the right to read the blob through the package; the file alone is none.
CREATE TABLE package_blobs (
    package_id BIGINT NOT NULL REFERENCES packages (id),
    digest     TEXT NOT NULL REFERENCES blobs (digest),
    PRIMARY KEY (package_id, digest)
);

CREATE TABLE manifests (
    package_id BIGINT NOT NULL REFERENCES packages (id),
    digest     TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size       BIGINT NOT NULL,
    bytes      BLOB NOT NULL,
    PRIMARY KEY (package_id, digest)
);

CREATE TABLE tags (
    package_id BIGINT NOT NULL,
    name       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    PRIMARY KEY (package_id, name),
    FOREIGN KEY (package_id, digest) REFERENCES manifests (package_id, digest)
);
CREATE INDEX tags_by_digest ON tags (package_id, digest);

-- Which packages hold a blob: asked when a blob is forgotten, by us and by the foreign key.
CREATE INDEX package_blobs_by_digest ON package_blobs (digest);

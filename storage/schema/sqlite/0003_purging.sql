-- What is kept is let go of: memos are emptied, and people are forgotten.

ALTER TABLE memos ADD COLUMN purged_at REAL; -- NULL: it was not emptied
CREATE INDEX memos_settled ON memos (settled_at) WHERE settled_at IS NOT NULL;

-- People by a pseudonym of theirs: a memo of theirs that was sent before is not answered.
CREATE TABLE forgotten (
    person TEXT PRIMARY KEY,
    at REAL NOT NULL
) WITHOUT ROWID;

-- Memos that wait are parked here with their events, and dead letters are published from here.

ALTER TABLE memos ADD COLUMN generation INTEGER NOT NULL DEFAULT 1; -- which reply this is to be
ALTER TABLE memos ADD COLUMN tries INTEGER NOT NULL DEFAULT 0; -- how often it was parked after a try
ALTER TABLE memos ADD COLUMN begun_at REAL NOT NULL DEFAULT 0; -- its age counts from here
UPDATE memos SET begun_at = received_at;
ALTER TABLE memos ADD COLUMN due_at REAL; -- NULL: it is not parked
ALTER TABLE memos ADD COLUMN parked_sequence INTEGER; -- orders the parked memos of a chat; NULL: it holds up none

CREATE INDEX memos_due ON memos (due_at, parked_sequence) WHERE due_at IS NOT NULL;
CREATE INDEX memos_parked_in_chat ON memos (chat_id, parked_sequence) WHERE parked_sequence IS NOT NULL;
CREATE INDEX memos_parked ON memos (parked_sequence) WHERE parked_sequence IS NOT NULL;
CREATE INDEX memos_waiting ON memos (received_at DESC)
WHERE state IN ('failed', 'dead') OR due_at IS NOT NULL
    OR settled_at IS NULL AND (generation > 1 OR begun_at <> received_at);

-- The event that brought a memo, for as long as it is parked. It stands apart, because an update writes
-- its row whole, and an event may carry a recording. What is small, and read often, stands first.
CREATE TABLE events (
    chat_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    at REAL NOT NULL, -- the record's own time
    headers TEXT NOT NULL, -- JSON: [[name, base64], ...]
    "key" BLOB,
    value BLOB,
    PRIMARY KEY (chat_id, message_id),
    FOREIGN KEY (chat_id, message_id) REFERENCES memos (chat_id, message_id) ON DELETE CASCADE
);

-- A letter of before has no event (event_at is NULL), and the topic has it.
ALTER TABLE dead_letters ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
ALTER TABLE dead_letters ADD COLUMN digest TEXT;
ALTER TABLE dead_letters ADD COLUMN first_at REAL NOT NULL DEFAULT 0; -- when its event was first worked on
UPDATE dead_letters SET first_at = at;
ALTER TABLE dead_letters ADD COLUMN fence INTEGER NOT NULL DEFAULT 0; -- of the claim that wrote it
ALTER TABLE dead_letters ADD COLUMN publish_after REAL; -- NULL: the topic has it
ALTER TABLE dead_letters ADD COLUMN event_at REAL;
ALTER TABLE dead_letters ADD COLUMN event_headers TEXT;
ALTER TABLE dead_letters ADD COLUMN event_key BLOB;
ALTER TABLE dead_letters ADD COLUMN event_value BLOB;

CREATE INDEX dead_letters_unpublished ON dead_letters (publish_after) WHERE publish_after IS NOT NULL;
CREATE INDEX dead_letters_of_memo ON dead_letters (chat_id, message_id, sequence);

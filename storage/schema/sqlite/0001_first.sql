-- History: a row per turn, ordered by the store's own sequence.
CREATE TABLE turns (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    text TEXT NOT NULL,
    language TEXT NOT NULL,
    at TEXT NOT NULL, -- ISO 8601, UTC
    UNIQUE (chat_id, message_id, role)
);
CREATE INDEX turns_of_chat ON turns (chat_id, sequence);

-- Ledger: a row per memo. Times are seconds since the epoch, by the store's own clock.
CREATE TABLE memos (
    chat_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    fence INTEGER NOT NULL,
    owner TEXT,
    lease_until REAL NOT NULL,
    received_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    settled_at REAL,
    facts TEXT NOT NULL, -- JSON object
    PRIMARY KEY (chat_id, message_id)
) WITHOUT ROWID;
CREATE INDEX memos_by_message ON memos (message_id);

-- The story of each memo: stages, and rungs that fell.
CREATE TABLE steps (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    fence INTEGER NOT NULL,
    stage TEXT NOT NULL,
    seconds REAL NOT NULL,
    rung TEXT,
    error TEXT,
    at REAL NOT NULL,
    FOREIGN KEY (chat_id, message_id) REFERENCES memos (chat_id, message_id) ON DELETE CASCADE
);
CREATE INDEX steps_of_memo ON steps (chat_id, message_id, sequence);

CREATE TABLE dead_letters (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    reason TEXT NOT NULL,
    stage TEXT NOT NULL,
    chat_id TEXT,
    message_id TEXT,
    at REAL NOT NULL,
    UNIQUE (topic, partition, "offset")
);

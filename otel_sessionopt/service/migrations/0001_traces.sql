-- What is known about each trace. Times are seconds since the epoch, as the receiver saw them.
CREATE TABLE traces (
    id INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL UNIQUE,
    last_s REAL NOT NULL,
    has_root INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    dropped_spans INTEGER NOT NULL,
    newest_row INTEGER NOT NULL,
    reported_row INTEGER NOT NULL,
    reported_spans INTEGER NOT NULL,
    is_final INTEGER NOT NULL,
    is_session INTEGER NOT NULL,
    analysis_s REAL NOT NULL,
    attempts INTEGER NOT NULL,
    findings_hash BLOB NOT NULL,
    due_s REAL NOT NULL
);
CREATE INDEX traces_due ON traces (due_s);
-- Digests of spans as they came, many in a row.
CREATE TABLE digests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    trace INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX digests_of_trace ON digests (trace, id);
-- Spans held back until their trace is analysed, as OTLP requests, compressed.
CREATE TABLE held (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    trace INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX held_of_trace ON held (trace, id);
-- OTLP requests of our own that go out once the log up to `after` went out.
CREATE TABLE outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    after INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);

-- A session: recorded by hand, or the traces of one conversation.
-- Money is counted in billionths of a dollar, so that sums are exact.
CREATE TABLE sessions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    agent_key TEXT NOT NULL,             -- what agents are compared by
    task TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    ended_at TEXT NOT NULL,
    model TEXT NOT NULL,
    metadata TEXT NOT NULL,              -- JSON object
    further TEXT NOT NULL,               -- JSON object: the rest of the session's JSON form
    is_exported INTEGER NOT NULL DEFAULT 0,
    trace_count INTEGER NOT NULL DEFAULT 0,
    -- running totals
    event_count INTEGER NOT NULL DEFAULT 0,
    tokens_input INTEGER NOT NULL DEFAULT 0,
    tokens_output INTEGER NOT NULL DEFAULT 0,
    duration_ms NUMERIC NOT NULL DEFAULT 0,
    -- what the last analysis came to; NULL before the first
    is_stale INTEGER NOT NULL DEFAULT 1,
    billed_tokens INTEGER,
    cost_nano_usd INTEGER,
    calls INTEGER,
    unpriced_calls INTEGER,
    waste_tokens INTEGER,
    waste_nano_usd INTEGER,
    efficiency_score REAL
);
CREATE INDEX sessions_by_start ON sessions (started_ns, seq);
CREATE INDEX sessions_by_agent ON sessions (agent_key, started_ns, seq);
CREATE INDEX stale_sessions ON sessions (started_ns, seq) WHERE is_stale = 1;

-- Issues of a session by type, as its last analysis found them.
CREATE TABLE session_issues (
    session_seq INTEGER NOT NULL,
    issue_type TEXT NOT NULL,
    issue_count INTEGER NOT NULL,
    waste_tokens INTEGER NOT NULL,
    PRIMARY KEY (session_seq, issue_type)
) WITHOUT ROWID;

-- Events recorded by hand. `seq` is their total order, over all sessions and processes.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session_seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    event_type TEXT NOT NULL,
    data TEXT NOT NULL,                  -- JSON object
    tokens_input INTEGER NOT NULL,
    tokens_output INTEGER NOT NULL,
    duration_ms NUMERIC NOT NULL,
    model TEXT,
    further TEXT                         -- JSON object: the rest of the event's JSON form; NULL when there is none
);
CREATE INDEX events_by_session ON events (session_seq);
-- These two find the model call that a TOKEN_USAGE repeats without reading the session.
CREATE INDEX usage_reports ON events (session_seq) WHERE event_type = 'TOKEN_USAGE';
CREATE INDEX model_calls ON events (session_seq, tokens_input, tokens_output) WHERE event_type = 'AI_RESPONSE';

-- Traces of other sources: what each came to, and its report.
CREATE TABLE traces (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session_seq INTEGER NOT NULL,
    trace_id TEXT NOT NULL UNIQUE,
    started_ns INTEGER NOT NULL,
    span_count INTEGER NOT NULL,
    session TEXT NOT NULL,               -- JSON form of the session that the trace alone is
    figures TEXT NOT NULL,               -- JSON object
    report BLOB NOT NULL                 -- JSON form of its report, zlib
);
CREATE INDEX traces_by_session ON traces (session_seq, started_ns, seq);

-- Facts about the store itself.
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The report of a session of several traces that were judged together, and stands in place of theirs until one changes.
CREATE TABLE joint_reports (
    session_seq INTEGER PRIMARY KEY,
    report BLOB NOT NULL                 -- JSON form, zlib
);

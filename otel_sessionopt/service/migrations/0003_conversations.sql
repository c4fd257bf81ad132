-- The conversation that a trace says it belongs to; empty without one.
ALTER TABLE traces ADD COLUMN conversation TEXT NOT NULL DEFAULT '';
CREATE INDEX traces_of_conversation ON traces (conversation) WHERE conversation <> '';

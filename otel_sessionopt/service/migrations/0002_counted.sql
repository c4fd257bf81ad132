-- What the metrics have counted of a trace's report: a refreshed one adds only what is new. See `Figures`.
ALTER TABLE traces ADD COLUMN counted BLOB NOT NULL DEFAULT x'';

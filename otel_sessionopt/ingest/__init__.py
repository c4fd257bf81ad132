"""Spans in, from whatever source: files of OTLP, transcripts of coding agents, live spans of the SDK."""

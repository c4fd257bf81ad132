"""A report put where the trace is: span events, log events, an extra span, attributes; and into files."""

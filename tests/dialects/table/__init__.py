"""The same agent run as each dialect writes it: one module a family of dialects, one list of them all."""

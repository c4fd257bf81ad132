"""The kinds of waste, a module a family."""

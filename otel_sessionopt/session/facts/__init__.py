"""Facts: what two analyzers or the report need, derived once per session.

A fact is a function of the session that returns `session.fact(_compute)`: the first call computes, later ones look up.
"""

"""What is made of stored sessions: keeping reports, statistics, comparisons, taking over the earlier tool's files."""

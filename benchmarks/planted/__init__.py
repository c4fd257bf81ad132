"""Waste and look-alikes of it, planted into real Claude Code transcripts with usage numbers as a provider bills them.

Works on the lines of transcripts and knows nothing of the rules that are to find the waste: it imports nothing of the
package. `benchmarks/planted_waste.py` has the package analyse what is made here.
"""

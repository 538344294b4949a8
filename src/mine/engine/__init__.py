"""The one engine: networks, sources of pairs, a stack of runs and the loop that trains it."""

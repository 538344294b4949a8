"""Mutual Information Neural Estimation (MINE): a replication, and the instruments to judge it."""

__version__ = "0.1.0"

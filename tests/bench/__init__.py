"""The bench: what pages, exports and requests cost on a large estate, each beside its limit in the same run."""

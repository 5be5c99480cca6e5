"""The product as a person meets it: its real processes, a real browser, and nothing in between."""

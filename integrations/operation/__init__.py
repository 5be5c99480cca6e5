"""How the machinery fares: read from the database, so that it is right with any number of processes and hosts.

One reading serves the operators' page, `/readyz`, `/metrics` and `manage.py doctor`.
"""

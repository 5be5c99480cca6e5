"""Real processes that are killed while the ticket system fails: afterwards there is one ticket for each request."""

"""Starting the product: the supervisor, the demo's accounts, the two commands."""

"""The embedded way to run: one process that prepares the data directory, starts the others and watches over them."""

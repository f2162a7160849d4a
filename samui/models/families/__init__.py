"""One adapter for each family of networks."""

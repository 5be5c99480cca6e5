"""The bench at the size of a large tenant: 200,000 devices, 2,000 recommendations, 10 million exposures."""

"""Published files about weaknesses: EPSS scores and CISA's catalogue of known exploited vulnerabilities."""

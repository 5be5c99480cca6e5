"""An upgrade from an earlier release, killed again and again: see test_upgrade.py."""

"""A small sample of official figures; README.md names their source and licence."""

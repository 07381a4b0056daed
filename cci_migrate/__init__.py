"""Find every unauthenticated Docker registry pull in CircleCI configs, and authenticate it."""

__version__ = "0.1.0"

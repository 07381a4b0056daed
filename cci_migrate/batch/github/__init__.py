"""GitHub: repositories seen by GraphQL, some forty at a time, and changed without a clone."""

"""GitLab: projects seen by GraphQL, some forty at a time, and changed by its REST API."""

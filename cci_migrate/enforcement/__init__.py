"""The policy as a CircleCI config policy, which keeps pulls authenticated after a migration."""

"""Programs that measure and check the project from outside; they are not installed with it."""

"""What people configure: policy files with errors by line and column, and process settings."""

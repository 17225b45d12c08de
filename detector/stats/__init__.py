"""Pure numbers in columns: one row per scope, no clock, no I/O."""

"""The contract with everybody else: topics, JSON Schemas and AsyncAPI, from `topics/*.yaml` and `events`."""

"""The Faust worker. The only package that imports faust, mode or aiokafka."""

"""A demonstration on one machine: a broker, a real worker, an invented platform that makes a mistake, and the gate."""

"""The checks, one module for each kind of rule; `provenance.check` asks them all."""

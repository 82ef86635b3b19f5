"""One word before a batch job's command, one W3C PROV document of the whole job after it."""

__version__ = "0.1.0"

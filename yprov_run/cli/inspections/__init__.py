"""The subcommands of yprov-inspect, one module each."""

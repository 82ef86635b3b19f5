"""The commands; Typer lives here and nowhere else."""

"""What is captured once, without running anything of the job's."""

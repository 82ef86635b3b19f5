"""From the model of a job to W3C PROV."""

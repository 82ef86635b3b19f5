"""From a record, whole or broken, to the model of a job."""

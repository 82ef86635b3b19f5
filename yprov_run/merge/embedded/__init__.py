"""What the job's own program recorded of itself: yProv4ML documents and MLflow file stores."""

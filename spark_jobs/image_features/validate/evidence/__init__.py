"""The evidence on a finished run: what Spark measures of the datasets, the model and the published run."""

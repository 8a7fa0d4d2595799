"""A stand-in for AWS on one machine: S3 on plain directories, EMR that runs its steps, the rest from moto."""

__version__ = "0.2.0"

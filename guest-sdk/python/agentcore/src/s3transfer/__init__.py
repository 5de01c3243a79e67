"""Stands for s3transfer: S3 is not reached from a cell."""

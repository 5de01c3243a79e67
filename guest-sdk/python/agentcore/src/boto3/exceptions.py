"""boto3's own exceptions."""

from botocore.exceptions import BotoCoreError


class Boto3Error(Exception):
    """Base of those that boto3 adds."""


class ResourceNotExistsError(Boto3Error, BotoCoreError):
    pass


class S3UploadFailedError(Boto3Error):
    pass

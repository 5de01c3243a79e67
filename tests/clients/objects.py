"""Puts a file into a bucket of an S3 server, as deployment scripts do, and says its version.

usage: objects.py ENDPOINT BUCKET KEY FILE

The bucket is made if there is none, and keeps all versions of its objects.
"""

import sys

import boto3

endpoint, bucket, key, file = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint)
if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
with open(file, "rb") as body:
    print(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])

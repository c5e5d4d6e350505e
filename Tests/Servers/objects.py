#!/usr/bin/env python3
"""An S3 server for the tests on loopback (moto, from PyPI), which refuses what is not signed by its only user.

    objects.py PACKAGES BUCKET      prints a line of JSON: port, key, secret

It makes the bucket and the user first, and checks every request that comes after.
"""
import json
import os
import signal
import sys

sys.path.insert(0, sys.argv[1])
# Lists come in pages, as those of large buckets do.
os.environ.update(MOTO_S3_DEFAULT_MAX_KEYS="3")
os.environ.update(AWS_ACCESS_KEY_ID="setup", AWS_SECRET_ACCESS_KEY="setup", AWS_DEFAULT_REGION="eu-central-1")

import boto3  # noqa: E402
from moto import settings  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://127.0.0.1:{port}"
s3 = boto3.client("s3", endpoint_url=address)
s3.create_bucket(Bucket=sys.argv[2], CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
iam = boto3.client("iam", endpoint_url=address)
iam.create_user(UserName="caudal")
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.put_user_policy(UserName="caudal", PolicyName="all", PolicyDocument=json.dumps(everything))
key = iam.create_access_key(UserName="caudal")["AccessKey"]
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
print(json.dumps({"port": port, "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}), flush=True)
signal.pause()

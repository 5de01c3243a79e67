"""boto3's `bedrock-runtime` over the model interface of the contract: the cell holds no key, the server asks the model."""

"""Sessions, without configuration and credentials."""


class Session:
    user_agent_extra = ""

    def get_config_variable(self, *_, **__):
        return None

    def set_config_variable(self, *_, **__):
        pass

    def get_credentials(self):
        return None

    def create_client(self, service_name, region_name=None, **settings):
        import boto3

        return boto3.Session(region_name=region_name).client(service_name, **settings)


def get_session(*_, **__):
    return Session()

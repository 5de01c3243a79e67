"""Descriptions of services: none."""


class Loader:
    def load_data(self, *_, **__):
        return {"partitions": []}


def create_loader(*_, **__):
    return Loader()

"""Part of the stand-in."""


class FileSystemEvent:
    src_path = ""


class FileSystemEventHandler:
    pass


class PatternMatchingEventHandler(FileSystemEventHandler):
    def __init__(self, *_, **__):
        pass

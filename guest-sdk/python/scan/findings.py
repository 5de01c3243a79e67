"""What a file imports, and what of it cannot work in a cell."""

import ast
from collections.abc import Iterator

_NETWORK = "an agent has no network: models are reached through the SDK"
_THREADS = "an agent has one thread; asyncio works"
_PROCESSES = "an agent cannot start processes"
_NATIVE = "an agent cannot load native code"

CANNOT_WORK = {
    "_thread": _THREADS,
    "threading": _THREADS,
    "multiprocessing": _PROCESSES,
    "subprocess": _PROCESSES,
    "pty": _PROCESSES,
    "ctypes": _NATIVE,
    "cffi": _NATIVE,
    "socket": _NETWORK,
    "socketserver": _NETWORK,
    "ssl": _NETWORK,
    "select": _NETWORK,
    "selectors": _NETWORK,
    "ftplib": _NETWORK,
    "smtplib": _NETWORK,
    "imaplib": _NETWORK,
    "http.client": _NETWORK,
    "http.server": _NETWORK,
    "urllib.request": _NETWORK,
    "requests": _NETWORK,
    "httpx": _NETWORK,
    "aiohttp": _NETWORK,
    "urllib3": _NETWORK,
    "sqlite3": "an agent has no disk, only databases in memory (\":memory:\"), which last as long as its session",
    "bz2": "the cell's Python has no bz2; zlib works",
    "lzma": "the cell's Python has no lzma; zlib works",
    "tkinter": "an agent has no screen",
    "curses": "an agent has no terminal",
    "readline": "an agent has no terminal",
}
"""Modules with the reason."""

_AT_BUILD = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "uuid.uuid4",
    "uuid.uuid1",
    "uuid4",
    "uuid1",
    "os.urandom",
    "secrets.token_hex",
    "secrets.token_bytes",
    "secrets.token_urlsafe",
}
"""Calls whose result differs from time to time, and that give one result for good at a module's top level."""

_OTHER = {
    "os.system": _PROCESSES,
    "os.fork": _PROCESSES,
    "os.popen": _PROCESSES,
}

_MEMORY = {"MemoryClient", "MemorySessionManager", "AgentCoreMemorySessionManager", "S3SessionManager"}
"""Classes that keep an agent's memory in a service."""

_ELSEWHERE = {
    "threading": "threads of an agent's own functions run at once, and to their end, when they are started",
}
"""What holds for agents written for AgentCore, whose packages bring surroundings of their own, where it differs."""

_SERVED_CLIENTS = {"bedrock-runtime"}


def imported(tree: ast.Module, *, relative: bool = False) -> set[str]:
    """The names of imported modules; with ``relative``, also those that begin with dots, and what may be submodules."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            if node.level == 0:
                names.add(base)
            if relative:
                joint = "" if base.endswith(".") else "."
                names.update({base} | {f"{base}{joint}{alias.name}" for alias in node.names})
    return names


def is_agentcore(imports: set[str]) -> bool:
    """Whether files with these imports were written for AgentCore."""
    tops = {name.split(".")[0] for name in imports}
    return "kellion" not in tops and not tops.isdisjoint({"bedrock_agentcore", "strands", "strands_tools", "boto3"})


def warnings(tree: ast.Module, *, agentcore: bool = False) -> Iterator[tuple[int, str]]:
    """Lines, and what will not work there."""
    for line, text in _warnings(tree):
        module = text.partition(" cannot work")[0]
        if not agentcore:
            yield line, text
        elif module in _ELSEWHERE:
            yield line, f"{module} works in part: {_ELSEWHERE[module]}"
        elif module not in ("ThreadPoolExecutor", "ProcessPoolExecutor"):
            # Executors run at once what they are given.
            yield line, text


def _warnings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module == "concurrent.futures":
                yield from _executors(node)
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from dict.fromkeys(found for name in names for found in _module(node.lineno, name))
        elif isinstance(node, ast.Call):
            yield from _call(node)
    yield from _at_build(tree)


def _module(line: int, name: str) -> Iterator[tuple[int, str]]:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module = ".".join(parts[:count])
        if module in CANNOT_WORK:
            yield line, f"{module} cannot work: {CANNOT_WORK[module]}"
            return


def _executors(node: ast.ImportFrom) -> Iterator[tuple[int, str]]:
    for alias in node.names:
        if alias.name in ("ThreadPoolExecutor", "ProcessPoolExecutor"):
            yield node.lineno, f"{alias.name} cannot work: {_THREADS}"


def _call(node: ast.Call) -> Iterator[tuple[int, str]]:
    name = _dotted(node.func)
    if name in _OTHER:
        yield node.lineno, f"{name} cannot work: {_OTHER[name]}"
    if name.rpartition(".")[2] == "requires_access_token" or name.rpartition(".")[2] == "requires_api_key":
        yield node.lineno, f"{name} cannot work: there is no identity service; what the agent needs comes in its headers or payload"
    if name in _MEMORY:
        yield node.lineno, f"{name} cannot work: {_NETWORK}; a session's own memory lasts as long as the session"
    if name in ("boto3.client", "boto3.resource") and node.args and isinstance(node.args[0], ast.Constant):
        service = node.args[0].value
        if service not in _SERVED_CLIENTS:
            yield node.lineno, f"boto3's {service} client cannot work: {_NETWORK}, and of boto3 there is bedrock-runtime"


def _at_build(tree: ast.Module) -> Iterator[tuple[int, str]]:
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and _is_main(node.test):
            continue
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            if ".".join(name.split(".")[-2:]) in _AT_BUILD or name.startswith("random."):
                yield (
                    node.lineno,
                    f"{name}() at the top level runs when the component is built, and its result is the same in every "
                    "session; call it in a function",
                )
        waiting.extend(ast.iter_child_nodes(node))


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])

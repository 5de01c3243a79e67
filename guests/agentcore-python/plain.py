"""No framework: only the application, with an asynchronous entrypoint, tasks, files and a response of its own."""

import asyncio
import logging
import subprocess
import threading
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import boto3
import requests
from bedrock_agentcore.runtime import BedrockAgentCoreApp
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

app = BedrockAgentCoreApp()
log = logging.getLogger(__name__)
turns = []


@app.async_task
async def think(seconds):
    await asyncio.sleep(seconds)
    return app.get_current_ping_status().value


@app.entrypoint
async def invoke(payload, context):
    turns.append(payload)
    if not isinstance(payload, dict):
        return payload
    match payload.get("do"):
        case "count":
            return len(turns)
        case "context":
            return {"session_id": context.session_id, "headers": context.request_headers}
        case "think":
            return await think(0.01)
        case "fail":
            raise ValueError(payload["message"])
        case "refuse":
            raise HTTPException(status_code=422, detail=payload["message"])
        case "response":
            return JSONResponse({"said": payload["message"]})
        case "exit":
            raise SystemExit(payload["message"])
        case "thread":
            threading.Thread(target=print).start()
        case "work":
            done = []
            thread = threading.Thread(target=work, args=(done,))
            thread.start()
            thread.join()
            return [*done, thread.is_alive()]
        case "file":
            path = Path(payload["name"])
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(payload["text"])
            return path.read_text()
        case "listing":
            return sorted(path.name for path in Path(__file__).parent.iterdir())
        case "zone":
            return datetime(2026, 7, 1, tzinfo=ZoneInfo(payload["name"])).isoformat()
        case "fetch":
            return requests.get("https://example.com", timeout=5).text
        case "process":
            return subprocess.run(["ls"], check=True)
        case "s3":
            return boto3.client("s3").list_buckets()
        case "numbers":
            return numbers()
        case "log":
            log.debug(payload["message"])
            log.error(payload["message"])
            print(payload["message"])
    return payload


def work(done):
    done.append("done")


def numbers():
    yield from range(3)


if __name__ == "__main__":
    app.run()

"""A streaming agent: the pieces of the model's answer as they come, and an account of headers and session."""

import logging

from bedrock_agentcore import BedrockAgentCoreApp
from strands import Agent
from strands.agent.conversation_manager import SlidingWindowConversationManager
from strands_tools import calculator

logging.getLogger("strands").setLevel(logging.INFO)
log = logging.getLogger(__name__)

app = BedrockAgentCoreApp()
agent = Agent(
    system_prompt="You're a helpful assistant.",
    tools=[calculator],
    callback_handler=None,
    conversation_manager=SlidingWindowConversationManager(window_size=20),
)


@app.entrypoint
async def invoke(payload, context):
    """Streams the answer to a prompt."""
    if payload.get("about"):
        yield {"session": context.session_id, "headers": context.request_headers}
        return
    if payload.get("break"):
        yield "one"
        raise ValueError(payload["break"])
    log.warning("a prompt of %d characters", len(payload["prompt"]))
    async for event in agent.stream_async(payload["prompt"]):
        if "data" in event:
            yield event["data"]


if __name__ == "__main__":
    app.run()

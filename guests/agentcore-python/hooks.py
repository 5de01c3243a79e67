"""Hooks around an agent's calls, tools with a context, retries on a throttled model, and a summary of it all."""

import os

from bedrock_agentcore import BedrockAgentCoreApp
from strands import Agent, ToolContext, tool
from strands.hooks import AfterInvocationEvent, BeforeInvocationEvent, BeforeToolCallEvent, HookProvider, HookRegistry
from strands.types.exceptions import ContextWindowOverflowException, ModelThrottledException

os.environ["BYPASS_TOOL_CONSENT"] = "true"
os.environ.setdefault("GREETING", "hello")

app = BedrockAgentCoreApp()


class Journal(HookProvider):
    """Writes down what happens."""

    def __init__(self):
        self.lines = []

    def register_hooks(self, registry: HookRegistry, **kwargs):
        registry.add_callback(BeforeInvocationEvent, lambda event: self.lines.append("before"))
        registry.add_callback(BeforeToolCallEvent, lambda event: self.lines.append(f"tool {event.tool_use['name']}"))
        registry.add_callback(AfterInvocationEvent, lambda event: self.lines.append("after"))


@tool(context=True)
def weather(tool_context: ToolContext) -> str:
    """Tells the weather."""
    return f"sunny, says {tool_context.tool_use['name']} of {tool_context.agent.name}"


journal = Journal()
agent = Agent(name="keeper", tools=[weather], hooks=[journal], callback_handler=None)


@app.entrypoint
def invoke(payload):
    if payload.get("environment"):
        return {name: os.environ.get(name) for name in payload["environment"]}
    journal.lines.clear()
    try:
        text = str(agent(payload["prompt"])).strip()
    except ModelThrottledException as error:
        return {"throttled": str(error)}
    except ContextWindowOverflowException as error:
        return {"too long": str(error)}
    return {"text": text, "journal": list(journal.lines)}


if __name__ == "__main__":
    app.run()

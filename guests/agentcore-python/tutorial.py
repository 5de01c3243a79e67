"""The AgentCore tutorial's agent, written for AgentCore: nothing in this file knows of Kellion."""

from datetime import datetime, timezone

from bedrock_agentcore.runtime import BedrockAgentCoreApp
from strands import Agent, tool
from strands.models import BedrockModel
from strands_tools import calculator

app = BedrockAgentCoreApp()

USERS = {1: "Maira", 2: "Mani", 3: "Mark", 4: "Ishan", 5: "Dhawal"}


@tool
def weather():
    """Tells the weather."""
    return "sunny"


@tool
def get_time():
    """Tells the current time in UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


model = BedrockModel(model_id="us.anthropic.claude-sonnet-4-20250514-v1:0")

agent = Agent(
    model=model,
    tools=[calculator, weather, get_time],
    system_prompt="You're a helpful assistant. You can do simple calculations, tell the weather and tell the time. "
    "Acknowledge the user's name.",
)


@app.entrypoint
def strands_agent_bedrock(payload, context):
    """Answers a user by name, in the session's conversation."""
    name = USERS[int(payload.get("user_id"))]
    prompt = payload.get("prompt")
    print("User input:", prompt)
    response = agent(f"My name is {name}. Here is my request: {prompt}. This is session {context.session_id}.")
    return response.message["content"][0]["text"]


if __name__ == "__main__":
    app.run()

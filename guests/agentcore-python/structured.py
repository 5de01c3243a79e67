"""Structured output: a pydantic model that the language model has to fill in."""

from bedrock_agentcore import BedrockAgentCoreApp
from pydantic import BaseModel, Field
from strands import Agent
from strands.types.exceptions import StructuredOutputException

app = BedrockAgentCoreApp()


class Person(BaseModel):
    """A person that a text is about."""

    name: str = Field(description="The full name")
    age: int = Field(ge=0, description="The age in years")


@app.entrypoint
def invoke(payload):
    if "person" in payload:
        # pydantic itself, without a model.
        return Person.model_validate(payload["person"]).model_dump()
    agent = Agent(callback_handler=None)
    try:
        result = agent(payload["prompt"], structured_output_model=Person)
    except StructuredOutputException as error:
        return {"structured": None, "why": str(error)}
    return {"structured": result.structured_output.model_dump()}


if __name__ == "__main__":
    app.run()

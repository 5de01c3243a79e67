//! A request of the contract, taken apart into what the SDK's operations ask for.

use aws_sdk_bedrockruntime::types::{
    AnyToolChoice, AutoToolChoice, ConversationRole, ConverseTokensRequest, CountTokensInput,
    GuardrailConfiguration, GuardrailStreamConfiguration, InferenceConfiguration, Message,
    SpecificToolChoice, SystemContentBlock, Tool, ToolChoice, ToolConfiguration, ToolInputSchema,
    ToolSpecification,
};
use aws_smithy_types::Document;

use super::errors::Problem;
use super::{content, json};
use crate::contract::model;

#[cfg(test)]
mod tests;

/// The parts of a Converse call, in the SDK's types.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) model: String,
    pub(super) system: Option<Vec<SystemContentBlock>>,
    pub(super) messages: Vec<Message>,
    pub(super) inference: Option<InferenceConfiguration>,
    pub(super) tools: Option<ToolConfiguration>,
    pub(super) guardrail: Option<model::Guardrail>,
    pub(super) extra: Option<Document>,
}

/// Takes a request apart. The problem names the place: `messages[2].content[0]: …`.
pub(super) fn parts(request: model::Request) -> Result<Parts, Problem> {
    if request.model.trim().is_empty() {
        return Err(Problem::new(
            "model: a model id or an inference profile is needed, such as \"amazon.nova-lite-v1:0\"",
        ));
    }
    let system = each(request.system, "system", content::system_to_aws)?;
    let extra = request.extra.as_deref().map(json::parse_object).transpose();
    Ok(Parts {
        model: request.model,
        system: (!system.is_empty()).then_some(system),
        messages: each(request.messages, "messages", message)?,
        inference: inference(request.inference)?,
        tools: tools(request.tools, request.tool_choice)?,
        guardrail: request.guardrail,
        extra: extra.map_err(|problem| problem.within("extra"))?,
    })
}

impl Parts {
    /// The guardrail of a call that answers whole.
    pub(super) fn guardrail(&mut self) -> Option<GuardrailConfiguration> {
        let guardrail = self.guardrail.take()?;
        let builder = GuardrailConfiguration::builder();
        Some(
            builder
                .guardrail_identifier(guardrail.id)
                .guardrail_version(guardrail.version)
                .build(),
        )
    }

    /// The guardrail of a call that streams.
    pub(super) fn stream_guardrail(&mut self) -> Option<GuardrailStreamConfiguration> {
        let guardrail = self.guardrail.take()?;
        let builder = GuardrailStreamConfiguration::builder();
        Some(
            builder
                .guardrail_identifier(guardrail.id)
                .guardrail_version(guardrail.version)
                .build(),
        )
    }

    /// The same conversation, to be counted only.
    pub(super) fn into_count(self) -> CountTokensInput {
        CountTokensInput::Converse(
            ConverseTokensRequest::builder()
                .set_system(self.system)
                .set_messages(Some(self.messages))
                .set_tool_config(self.tools)
                .set_additional_model_request_fields(self.extra)
                .build(),
        )
    }
}

/// Converts every item, and says at which one it failed.
fn each<A, B>(
    items: Vec<A>,
    name: &str,
    convert: impl Fn(A) -> Result<B, Problem>,
) -> Result<Vec<B>, Problem> {
    let numbered = items.into_iter().enumerate();
    numbered
        .map(|(index, item)| {
            convert(item).map_err(|problem| problem.within(format_args!("{name}[{index}]")))
        })
        .collect()
}

fn message(message: model::Message) -> Result<Message, Problem> {
    let role = match message.role {
        model::Role::User => ConversationRole::User,
        model::Role::Assistant => ConversationRole::Assistant,
    };
    let content = each(message.content, "content", content::to_aws)?;
    Ok(Message::builder()
        .role(role)
        .set_content(Some(content))
        .build()?)
}

fn inference(inference: model::Inference) -> Result<Option<InferenceConfiguration>, Problem> {
    let max_tokens = match inference
        .max_tokens
        .map(|tokens| (tokens, i32::try_from(tokens)))
    {
        None => None,
        Some((_, Ok(tokens))) => Some(tokens),
        Some((tokens, Err(_))) => {
            return Err(Problem::new(format!(
                "inference.max-tokens: {tokens} is more than Bedrock can be asked for, {}",
                i32::MAX
            )));
        }
    };
    let stop = (!inference.stop_sequences.is_empty()).then_some(inference.stop_sequences);
    if max_tokens.is_none()
        && inference.temperature.is_none()
        && inference.top_p.is_none()
        && stop.is_none()
    {
        return Ok(None);
    }
    Ok(Some(
        InferenceConfiguration::builder()
            .set_max_tokens(max_tokens)
            .set_temperature(inference.temperature)
            .set_top_p(inference.top_p)
            .set_stop_sequences(stop)
            .build(),
    ))
}

fn tools(
    tools: Vec<model::Tool>,
    choice: Option<model::ToolChoice>,
) -> Result<Option<ToolConfiguration>, Problem> {
    if tools.is_empty() {
        return match choice {
            None | Some(model::ToolChoice::Auto) => Ok(None),
            Some(model::ToolChoice::Any) => Err(Problem::new(
                "tool-choice: a tool is demanded, but none is offered in tools",
            )),
            Some(model::ToolChoice::Tool(name)) => Err(Problem::new(format!(
                "tool-choice: the tool {name} is demanded, but none is offered in tools"
            ))),
        };
    }
    let tools = each(tools, "tools", tool)?;
    let choice = match choice {
        None => None,
        Some(model::ToolChoice::Auto) => Some(ToolChoice::Auto(AutoToolChoice::builder().build())),
        Some(model::ToolChoice::Any) => Some(ToolChoice::Any(AnyToolChoice::builder().build())),
        Some(model::ToolChoice::Tool(name)) => Some(ToolChoice::Tool(
            SpecificToolChoice::builder().name(name).build()?,
        )),
    };
    Ok(Some(
        ToolConfiguration::builder()
            .set_tools(Some(tools))
            .set_tool_choice(choice)
            .build()?,
    ))
}

fn tool(tool: model::Tool) -> Result<Tool, Problem> {
    let schema =
        json::parse_object(&tool.input_schema).map_err(|problem| problem.within("input-schema"))?;
    Ok(Tool::ToolSpec(
        ToolSpecification::builder()
            .name(tool.name)
            .set_description(tool.description)
            .input_schema(ToolInputSchema::Json(schema))
            .build()?,
    ))
}
